/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../command.h"

#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The output is for $(...): words are split at blanks, and QEMU splits options at commas. */
static int check_dir(const char *dir)
{
	if (dir[0] != '/') {
		fprintf(stderr,
			"helix-host-stub: --dir %s is relative, and QEMU may be started elsewhere; "
			"write an absolute path\n",
			dir);
		return -EINVAL;
	}

	size_t good = strcspn(dir, " \t\n*?[\\'\"$`,");

	if (dir[good] == '\0')
		return 0;
	fprintf(stderr,
		"helix-host-stub: --dir %s has a '%c', which a shell or QEMU would take apart; use "
		"another folder\n",
		dir, dir[good]);
	return -EINVAL;
}

/* vhost-user-gpu asks QEMU's display for DMA-BUFs, which VNC and GTK without GL refuse: the screen
 * is seen through the encoder. */
static void print_gpu(const struct virtio_options *options)
{
	printf("-vga none -display none\n");
	printf("-chardev socket,id=helix-gpu,path=%s/%s\n", options->dir, VIRTIO_GPU_SOCKET);
	printf("-device vhost-user-gpu-pci,chardev=helix-gpu,max_outputs=%u,xres=%u,yres=%u\n",
		options->n_scanouts, options->width, options->height);
}

static void print_vsock(const struct virtio_options *options)
{
	printf("-chardev socket,id=helix-vsock,path=%s/%s\n", options->dir, VIRTIO_VSOCK_SOCKET);
	printf("-device vhost-user-vsock-pci,chardev=helix-vsock\n");
}

static int run(int argc, char **argv)
{
	struct virtio_options options;

	int r = virtio_options_parse("qemu-args", argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	if (check_dir(options.dir) < 0)
		return EXIT_USAGE;
	printf("-m %s\n", options.memory);
	printf("-object memory-backend-memfd,id=helix-ram,size=%s,share=on\n", options.memory);
	printf("-machine memory-backend=helix-ram\n");
	if (options.gpu)
		print_gpu(&options);
	if (options.vsock)
		print_vsock(&options);
	return EXIT_OK;
}

const struct command qemu_args_command = {
	.name = "qemu-args",
	.summary = "print what QEMU needs to use the devices of 'virtio'",
	.run = run,
};
