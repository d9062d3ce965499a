/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-guest.h"

#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned fds_before;

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void guest_init(struct guest *guest)
{
	struct vsock_config config = { .guest_cid = GUEST_CID, .uds_path = guest->path };

	fds_before = count_fds();
	memset(guest, 0, sizeof *guest);
	snprintf(guest->directory, sizeof guest->directory, "/tmp/vsock-guest-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(guest->directory));
	snprintf(guest->path, sizeof guest->path, "%s/v", guest->directory);
	ck_assert_int_eq(loop_new(&guest->loop), 0);
	ck_assert_int_eq(vsock_hub_init(&guest->hub, &config, guest->loop), 0);
}

void guest_finish(struct guest *guest)
{
	char command[128];

	vsock_hub_finish(&guest->hub);
	ck_assert_uint_eq(guest->hub.buffered.used, 0);
	ck_assert_uint_eq(guest->hub.n_connections, 0);
	ck_assert(TAILQ_EMPTY(&guest->hub.queue));
	loop_destroy(guest->loop);
	ck_assert_int_ne(access(guest->path, F_OK), 0);
	snprintf(command, sizeof command, "rm -r %s", guest->directory);
	ck_assert_int_eq(system(command), 0);
	ck_assert_uint_eq(count_fds(), fds_before);
}

int host_listen(struct guest *guest, uint32_t port, int backlog)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s_%u", guest->path, port);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

int host_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int host_connect(struct guest *guest)
{
	struct hxfr_endpoint to = { .transport = HXFR_TRANSPORT_UNIX };
	int fd;

	snprintf(to.unix_path, sizeof to.unix_path, "%s", guest->path);
	ck_assert_int_eq(hxfr_socket_connect(&to, GUEST_WAIT_MS, -1, &fd), 0);
	return fd;
}

void host_write(int fd, const void *data, size_t size)
{
	ck_assert_int_eq(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Until fd is readable. */
static void turn_until_readable(struct guest *guest, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; poll(&p, 1, 0) == 0; i++) {
		ck_assert_int_lt(i, GUEST_WAIT_MS);
		ck_assert_int_ge(loop_run_once(guest->loop, 1), 0);
	}
}

void host_expect(struct guest *guest, int fd, const void *data, size_t size)
{
	char *got = malloc(size);
	size_t have = 0;

	ck_assert_ptr_nonnull(got);
	while (have < size) {
		turn_until_readable(guest, fd);
		ssize_t n = read(fd, got + have, size - have);
		ck_assert_int_gt(n, 0);
		have += (size_t)n;
	}
	ck_assert_mem_eq(got, data, size);
	free(got);
}

void host_expect_end(struct guest *guest, int fd)
{
	char byte;

	turn_until_readable(guest, fd);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
}

void guest_send_packet(struct guest *guest, const struct vsock_packet *packet, const void *payload)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	/* In parts as no driver does it. */
	struct iovec iov[] = {
		{ header, 10 },
		{ header + 10, 0 },
		{ header + 10, VSOCK_HEADER_SIZE - 10 },
		{ (void *)payload, packet->size / 3 },
		{ (char *)payload + packet->size / 3, packet->size - packet->size / 3 },
	};

	vsock_packet_encode(packet, header);
	ck_assert(vsock_hub_can_receive(&guest->hub));
	vsock_hub_receive(&guest->hub, iov, payload ? 5 : 3,
		VSOCK_HEADER_SIZE + (payload ? packet->size : 0));
}

static struct vsock_packet packet_of(
	const struct guest_stream *stream, enum vsock_op op, uint32_t flags)
{
	return (struct vsock_packet){
		.src_cid = GUEST_CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = stream->port,
		.dst_port = stream->host_port,
		.type = VSOCK_TYPE_STREAM,
		.op = op,
		.flags = flags,
		.buf_alloc = stream->buf_alloc,
		.fwd_cnt = stream->fwd_cnt,
	};
}

void guest_send(struct guest *guest, struct guest_stream *stream, enum vsock_op op, uint32_t flags)
{
	struct vsock_packet packet = packet_of(stream, op, flags);

	guest_send_packet(guest, &packet, NULL);
}

void guest_write(struct guest *guest, struct guest_stream *stream, const void *data, size_t size)
{
	struct vsock_packet packet = packet_of(stream, VSOCK_OP_RW, 0);

	packet.size = (uint32_t)size;
	stream->sent += packet.size;
	guest_send_packet(guest, &packet, data);
}

void guest_write_pattern(
	struct guest *guest, struct guest_stream *stream, uint8_t first, size_t size)
{
	uint8_t *data = malloc(size);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(first + i);
	guest_write(guest, stream, data, size);
	free(data);
}

bool guest_try_to_receive(struct guest *guest)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	struct iovec iov[] = {
		{ header, 1 },
		{ header + 1, VSOCK_HEADER_SIZE - 1 },
		{ guest->payload, 100 },
		{ guest->payload + 100, GUEST_ROOM - VSOCK_HEADER_SIZE - 100 },
	};
	size_t size = vsock_hub_send(&guest->hub, iov, N_ELEMENTS(iov), GUEST_ROOM);

	if (size == 0)
		return false;
	ck_assert_uint_ge(size, VSOCK_HEADER_SIZE);
	ck_assert_uint_le(size, GUEST_ROOM);
	ck_assert_int_eq(vsock_packet_decode(header, sizeof header, &guest->packet), 0);
	ck_assert_uint_eq(guest->packet.size, size - VSOCK_HEADER_SIZE);
	ck_assert_uint_eq(guest->packet.src_cid, VSOCK_CID_HOST);
	ck_assert_uint_eq(guest->packet.dst_cid, GUEST_CID);
	return true;
}

void guest_receive(struct guest *guest)
{
	for (int i = 0; !guest_try_to_receive(guest); i++) {
		ck_assert_msg(i < GUEST_WAIT_MS, "no packet came");
		ck_assert_int_ge(loop_run_once(guest->loop, 1), 0);
	}
}

void guest_expect(struct guest *guest, struct guest_stream *stream, enum vsock_op op)
{
	const struct vsock_packet *p = &guest->packet;

	guest_receive(guest);
	ck_assert_msg(p->op == op, "op %u, not %u", p->op, op);
	ck_assert_uint_eq(p->src_port, stream->host_port);
	ck_assert_uint_eq(p->dst_port, stream->port);
	stream->peer_buf_alloc = p->buf_alloc;
	stream->peer_fwd_cnt = p->fwd_cnt;
}

void guest_expect_data(
	struct guest *guest, struct guest_stream *stream, const void *data, size_t size)
{
	for (size_t have = 0; have < size; have += guest->packet.size) {
		guest_expect(guest, stream, VSOCK_OP_RW);
		ck_assert_uint_gt(guest->packet.size, 0);
		ck_assert_uint_le(guest->packet.size, size - have);
		ck_assert_mem_eq(guest->payload, (const char *)data + have, guest->packet.size);
		stream->fwd_cnt += guest->packet.size;
	}
}

void guest_take_credit(struct guest *guest, struct guest_stream *stream)
{
	while (guest_try_to_receive(guest)) {
		ck_assert_uint_eq(guest->packet.op, VSOCK_OP_CREDIT_UPDATE);
		stream->peer_fwd_cnt = guest->packet.fwd_cnt;
	}
}

void guest_settle(struct guest *guest)
{
	for (int i = 0; i < 4; i++)
		ck_assert_int_ge(loop_run_once(guest->loop, 0), 0);
}

void guest_expect_nothing(struct guest *guest)
{
	guest_settle(guest);
	if (guest_try_to_receive(guest))
		ck_abort_msg("a packet came: op %u", guest->packet.op);
	/* Nor does it go round in circles. */
	ck_assert_int_eq(loop_run_once(guest->loop, 0), 0);
}

int guest_connect(struct guest *guest, struct guest_stream *stream, int listener)
{
	if (stream->buf_alloc == 0)
		stream->buf_alloc = 256 * 1024;
	guest_send(guest, stream, VSOCK_OP_REQUEST, 0);
	guest_expect(guest, stream, VSOCK_OP_RESPONSE);
	return host_accept(listener);
}

void guest_check_stream(struct guest *guest, struct guest_stream *s, int program)
{
	guest_write(guest, s, "ping", 4);
	host_expect(guest, program, "ping", 4);
	host_write(program, "pong", 4);
	guest_expect_data(guest, s, "pong", 4);
}

void guest_allow_descriptors(void)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_ge(limit.rlim_cur, 2 * VSOCK_CONNECTIONS_MAX + 64);
}

uint8_t *guest_pattern(size_t size)
{
	uint8_t *data = malloc(size);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	return data;
}
