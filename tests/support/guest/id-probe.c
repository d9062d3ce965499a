/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * id-probe [OPTION...]
 *
 * Which memory of a guest has a resource id? Allocates a frame in every way there is, hands its
 * descriptor to another process, and has that process ask the virtio-gpu for the id, as vsockenc
 * does. --help has the rest.
 *
 * The other process shares nothing with this one but the descriptor: it has its own render node, so
 * what it learns is what any consumer of a screen cast can learn.
 */

#include "drm-node.h"
#include "frame-memory.h"
#include "json.h"
#include "program.h"
#include "virtgpu.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

/* What the other process found out; 0 or -errno, ids 0 when there is none. */
struct answer {
	int error, error_again;
	uint32_t id, id_again; /* again: after the handle of the first import was closed */
	uint64_t inode, device, size;
};

static char *size_option;

static const GOptionEntry entries[] = {
	{ "size", 0, 0, G_OPTION_ARG_STRING, &size_option, "Size in pixels of 32 bits (640x480)",
		"WxH" },
	{ 0 },
};

static const char summary[] =
	"Allocates a frame in every way a guest has, and has another process import it into the virtio-gpu and\n"
	"ask for its resource id.";

static const char description[] =
	"Prints a JSON object per way (" FRAME_MEMORY_NAMES "):\n"
	"  way        its name\n"
	"  made       0, or the errno of opening or allocating; the other members are missing then\n"
	"  own_id     the id by the allocator's own handle; 0: the virtio-gpu did not allocate it\n"
	"  id, errno  what the other process got by importing the descriptor; id 0 with an errno\n"
	"  id_again, errno_again   the same after it had closed its handle: another id means that ids of such\n"
	"             buffers live only as long as the handle\n"
	"  inode, dev, size        of the descriptor, as the other process sees it\n"
	"Exit status: 0 when all that could be made was probed, whatever came out; 1 without a virtio-gpu, 2 wrong\n"
	"command line.";

static int send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char nothing = 0;
	struct iovec iov = { &nothing, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* -ENOTCONN: the other side is done. */
static int receive_descriptor(int socket, int *ret)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char nothing;
	struct iovec iov = { &nothing, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || message.msg_controllen == 0)
		return -ENOTCONN;
	memcpy(ret, CMSG_DATA(&control.header), sizeof *ret);
	return 0;
}

static int resolve(int gpu, int fd, uint32_t *ret_id)
{
	struct virtgpu_resource resource;

	int r = virtgpu_import(gpu, fd, &resource);
	if (r < 0)
		return r;
	drmCloseBufferHandle(gpu, resource.handle);
	*ret_id = resource.id;
	return 0;
}

static struct answer examine(int gpu, int fd)
{
	struct answer answer = { 0 };
	struct stat status;

	answer.error = resolve(gpu, fd, &answer.id);
	answer.error_again = resolve(gpu, fd, &answer.id_again);
	if (fstat(fd, &status) == 0) {
		answer.inode = status.st_ino;
		answer.device = status.st_dev;
	}
	answer.size = (uint64_t)lseek(fd, 0, SEEK_END);
	return answer;
}

/* The other process: answers each descriptor until the socket is closed. */
static int run_other(int socket)
{
	int gpu, fd;

	int r = drm_node_open(DRM_DRIVER_VIRTIO, DRM_NODE_RENDER, &gpu);
	if (r < 0)
		program_fail(r, "no virtio-gpu");
	while (receive_descriptor(socket, &fd) == 0) {
		struct answer answer = examine(gpu, fd);

		close(fd);
		if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
			return EXIT_FAILURE;
	}
	close(gpu);
	return EXIT_SUCCESS;
}

static void ask(int socket, const struct frame_buffer *buffer, struct json *j)
{
	struct answer answer;

	int r = send_descriptor(socket, buffer->fd);
	if (r < 0 || recv(socket, &answer, sizeof answer, 0) != sizeof answer)
		program_fail(r, "the other process is gone");
	json_uint(j, "own_id", buffer->id);
	json_uint(j, "id", answer.id);
	json_int(j, "errno", -answer.error);
	json_uint(j, "id_again", answer.id_again);
	json_int(j, "errno_again", -answer.error_again);
	json_uint(j, "inode", answer.inode);
	json_uint(j, "dev", answer.device);
	json_uint(j, "size", answer.size);
}

static void probe(int socket, const char *way, uint32_t width, uint32_t height)
{
	struct frame_memory *memory = NULL;
	struct frame_buffer buffer;
	struct json j;

	json_begin(&j);
	json_string(&j, "way", way);
	int r = frame_memory_open(way, &memory);
	if (r == 0)
		r = frame_memory_allocate(memory, width, height, &buffer);
	json_int(&j, "made", -r);
	if (r == 0) {
		ask(socket, &buffer, &j);
		frame_memory_free(memory, &buffer);
	}
	frame_memory_close(memory);
	json_print(&j);
}

int main(int argc, char **argv)
{
	uint32_t width = 640, height = 480;
	int sockets[2], status;

	program_options(&argc, &argv, entries, NULL, summary, description);
	if (size_option && !program_parse_size(size_option, &width, &height))
		program_usage("--size is like 640x480");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		program_fail(-errno, "no socket");
	pid_t other = fork();
	if (other < 0)
		program_fail(-errno, "no other process");
	close(sockets[other == 0 ? 0 : 1]);
	if (other == 0)
		return run_other(sockets[1]);
	for (unsigned i = 0; frame_memory_name(i); i++)
		probe(sockets[0], frame_memory_name(i), width, height);
	close(sockets[0]);
	if (waitpid(other, &status, 0) < 0)
		program_fail(-errno, "the other process");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
