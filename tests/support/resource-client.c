/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resource-client.h"
#include "suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUNS_TEXT 4u /* a resource with more is told of by their number */

int resource_client_attach(struct publisher *publisher)
{
	int fds[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(publisher_attach(publisher, fds[1]), 0);
	return fds[0];
}

void resource_client_sync(int fd, uint32_t cookie)
{
	const struct resource_packet packet = { .type = RESOURCE_SYNC, .sync = { cookie } };
	uint8_t bytes[RESOURCE_PACKET_MAX];
	size_t size = resource_packet_encode(&packet, bytes);

	ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void say_add(FILE *to, const struct resource_packet *p)
{
	fprintf(to, "ADD %u %ux%u f%u", p->add.id, p->add.width, p->add.height, p->add.format);
	if (p->add.n_runs > RUNS_TEXT)
		fprintf(to, " %u runs %u-%u", p->add.n_runs, p->add.first_run,
			p->add.first_run + p->add.n_here);
	else
		for (uint32_t i = 0; i < p->add.n_here; i++)
			fprintf(to, " %u:%" PRIu64 "+%" PRIu64, p->add.runs[i].region,
				p->add.runs[i].offset, p->add.runs[i].size);
}

static void say_packet(FILE *to, const struct resource_packet *p)
{
	switch (p->type) {
	case RESOURCE_MEMORY:
		fprintf(to, "MEMORY %u", p->memory.n_regions);
		break;
	case RESOURCE_ADD:
		say_add(to, p);
		break;
	case RESOURCE_REMOVE:
		fprintf(to, "REMOVE %u", p->remove.id);
		break;
	case RESOURCE_SCANOUT:
		fprintf(to, "SCANOUT %u %u %u,%u %ux%u", p->scanout.scanout, p->scanout.id,
			p->scanout.x, p->scanout.y, p->scanout.width, p->scanout.height);
		break;
	case RESOURCE_FLUSH:
		fprintf(to, "FLUSH %u %u,%u %ux%u", p->flush.id, p->flush.x, p->flush.y,
			p->flush.width, p->flush.height);
		break;
	case RESOURCE_CURSOR:
		fprintf(to, "CURSOR %u %u hot %u,%u at %d,%d", p->cursor.scanout, p->cursor.id,
			p->cursor.hot_x, p->cursor.hot_y, p->cursor.x, p->cursor.y);
		break;
	default:
		fprintf(to, "%s %u", p->type == RESOURCE_SYNCED ? "SYNCED" : "SYNC",
			p->sync.cookie);
		break;
	}
}

static unsigned close_all(struct msghdr *message)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		const int *fds = (const int *)CMSG_DATA(c);

		for (; CMSG_LEN((n + 1) * sizeof(int)) <= c->cmsg_len; n++)
			close(fds[n]);
	}
	return n;
}

/* The size of the packet, 0: hung up, -1: none waits. */
static ssize_t receive(int fd, struct resource_packet *ret)
{
	uint8_t bytes[RESOURCE_PACKET_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE((RESOURCE_REGIONS_MAX + 1) * sizeof(int))];
	} control;
	struct iovec iov = { bytes, sizeof bytes };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control,
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned n_fds;

	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n <= 0)
		return n;
	n_fds = close_all(&message);
	ck_assert_int_eq(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC), 0);
	ck_assert_int_eq(resource_packet_decode(bytes, (size_t)n, ret), 0);
	ck_assert_uint_eq(n_fds, ret->type == RESOURCE_MEMORY ? ret->memory.n_regions : 0);
	return n;
}

const char *resource_client_told(int fd)
{
	static struct resource_packet packet;
	static char *told; /* of the last call */
	size_t size;
	FILE *to;
	ssize_t n;

	free(told);
	to = open_memstream(&told, &size);
	ck_assert_ptr_nonnull(to);
	while ((n = receive(fd, &packet)) >= 0) {
		if (ftell(to) > 0)
			fputs("; ", to);
		if (n == 0) {
			fputs("hung up", to);
			break;
		}
		say_packet(to, &packet);
	}
	fclose(to);
	return told;
}
