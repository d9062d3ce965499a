/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command lines of `helix-host-stub virtio` and `helix-host-stub qemu-args`, and the names of
 * the sockets they agree on. */

#include "../log.h"
#include "gpu.h"

#include <stdbool.h>

/* In the folder --dir. */
#define VIRTIO_GPU_SOCKET       "gpu.sock"       /* vhost-user, for QEMU */
#define VIRTIO_VSOCK_SOCKET     "vsock.sock"     /* vhost-user, for QEMU */
#define VIRTIO_RESOURCES_SOCKET "resources.sock" /* resource/wire.h, for encoders */
#define VIRTIO_UDS              "vsock"          /* uds_path of vsock.h */

#define VIRTIO_PATH_MAX 108u /* sun_path, unix(7), NUL included */

struct virtio_options {
	char dir[VIRTIO_PATH_MAX];
	uint32_t cid;
	uint32_t width, height, refresh_hz; /* of every scanout */
	unsigned n_scanouts;
	bool gpu, vsock; /* which devices */
	char memory[16]; /* as QEMU wants it: "2G"; qemu-args only */
	enum log_level log_level;
};

/* name: of the command. 0 and *ret; 1: help was asked for and printed; -EINVAL: nonsense, said on
 * stderr. */
int virtio_options_parse(const char *name, int argc, char **argv, struct virtio_options *ret);
/* The path of one of the sockets above; options_parse() made sure that it fits. */
void virtio_path(const struct virtio_options *options, const char *name, char ret[VIRTIO_PATH_MAX]);
