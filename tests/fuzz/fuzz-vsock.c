/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All streams of a vsock device, without its rings: what a guest sends and fetches, and what
 * programs of the host do to their sockets meanwhile. The input is a list of steps, one byte each
 * and its arguments behind it; arguments beyond the end are 0.
 */

#include "fuzz-target.h"

#include "virtio/vsock-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <hxfr/socket.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUEST_CID    3u
#define PROGRAMS_MAX 16u
#define STEPS_MAX    2000u
#define HOST_PORT    5000u /* where somebody listens; not so on the next one */
#define CHUNK_MAX    65536u

enum step {
	STEP_PACKET,
	STEP_BYTES,
	STEP_FETCH,
	STEP_TURN,
	STEP_ACCEPT,
	STEP_CONNECT,
	STEP_WRITE,
	STEP_READ,
	STEP_SHUT,
	STEP_CLOSE,
	STEP_PAUSE,
	STEP_RESET,
	N_STEPS,
};

struct input {
	const uint8_t *data;
	size_t size;
};

struct world {
	struct vsock_hub hub;
	struct loop *loop;
	int listener;
	int programs[PROGRAMS_MAX];
	unsigned n_programs;
};

static char chunk[CHUNK_MAX];

static uint8_t take8(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static uint32_t take16(struct input *in)
{
	uint32_t low = take8(in);

	return low | (uint32_t)take8(in) << 8;
}

/* Few values, and those where it matters. */
static uint32_t take_number(struct input *in)
{
	static const uint32_t edges[] = { 0, 1, 4096, 65536, VSOCK_BUFFER_SIZE - 1,
		VSOCK_BUFFER_SIZE, 0x7fffffff, 0xffffffff };
	uint8_t which = take8(in);

	return which < 8 ? edges[which] : take16(in) * (which >> 4);
}

static void check(struct world *w)
{
	struct vsock_hub *hub = &w->hub;
	size_t held = 0, n = 0;
	struct vsock_connection *c;

	for (c = TAILQ_FIRST(&hub->all); c; c = TAILQ_NEXT(c, all_link)) {
		PROMISE(c->buffer.size ==
			(c->state == VSOCK_OPEN ? c->received - c->forwarded : 0));
		PROMISE(c->state != VSOCK_OPEN || c->received - c->announced <= VSOCK_BUFFER_SIZE);
		PROMISE(c->buffer.capacity <= VSOCK_BUFFER_SIZE);
		PROMISE(c->state != VSOCK_CLOSED || (c->queued && c->source.fd < 0));
		PROMISE(!c->watched || c->source.fd >= 0);
		PROMISE(c->named || !c->queued);
		held += c->buffer.capacity;
		n++;
	}
	PROMISE(hub->n_connections == n && n <= VSOCK_CONNECTIONS_MAX);
	PROMISE(hub->buffered.used == held && held <= VSOCK_BUFFERED_MAX);
	PROMISE(hub->n_refusals <= VSOCK_REFUSALS_MAX);
}

static uint32_t take_host_port(struct input *in)
{
	uint8_t which = take8(in);

	return which < 128 ? HOST_PORT + (which & 1) : VSOCK_HOST_PORT_MIN + (which & 7);
}

static void receive(struct world *w, const struct iovec *iov, unsigned n, size_t size)
{
	if (vsock_hub_can_receive(&w->hub))
		vsock_hub_receive(&w->hub, iov, n, size);
}

/* Mostly right. */
static void send_packet(struct world *w, struct input *in)
{
	uint8_t header[VSOCK_HEADER_SIZE], op = take8(in), lie;
	struct iovec iov[] = { { header, sizeof header }, { chunk, 0 } };
	struct vsock_packet packet = {
		.src_cid = GUEST_CID,
		.dst_cid = VSOCK_CID_HOST,
		.type = op & 0x80 ? VSOCK_TYPE_SEQPACKET : VSOCK_TYPE_STREAM,
		.op = op & 0xf,
	};

	packet.dst_port = take_host_port(in);
	packet.src_port = take8(in) & 3;
	packet.flags = packet.op == VSOCK_OP_SHUTDOWN ? take8(in) & 7 : 0;
	if (packet.op == VSOCK_OP_RW)
		packet.size = take16(in);
	packet.buf_alloc = take_number(in);
	lie = take8(in);
	packet.fwd_cnt = take_number(in);
	struct vsock_connection *c = vsock_hub_find(&w->hub, packet.dst_port, packet.src_port);
	if (c && !(lie & 1))
		packet.fwd_cnt = c->sent;
	iov[1].iov_len = packet.size;
	vsock_packet_encode(&packet, header);
	if (lie & 2 && iov[1].iov_len > 0)
		iov[1].iov_len--;
	receive(w, iov, 2, sizeof header + iov[1].iov_len);
}

static void send_bytes(struct world *w, struct input *in)
{
	size_t size = take8(in) % 64;
	struct iovec iov = { (void *)in->data, size < in->size ? size : in->size };

	receive(w, &iov, 1, iov.iov_len);
	in->data += iov.iov_len;
	in->size -= iov.iov_len;
}

static void fetch(struct world *w, struct input *in)
{
	static char buffer[VSOCK_HEADER_SIZE + CHUNK_MAX];
	size_t room = VSOCK_HEADER_SIZE + 1 + take16(in) % CHUNK_MAX;
	struct vsock_packet p;

	for (unsigned i = take8(in) % 32; i > 0; i--) {
		struct iovec iov[] = { { buffer, 9 }, { buffer + 9, room - 9 } };
		size_t size = vsock_hub_send(&w->hub, iov, 2, room);
		if (size == 0)
			break;
		PROMISE(size >= VSOCK_HEADER_SIZE && size <= room);
		PROMISE(vsock_packet_decode(buffer, VSOCK_HEADER_SIZE, &p) == 0);
		PROMISE(p.size == size - VSOCK_HEADER_SIZE && p.dst_cid == GUEST_CID);
		struct vsock_connection *c = vsock_hub_find(&w->hub, p.src_port, p.dst_port);
		PROMISE(c || p.op == VSOCK_OP_RST);
		PROMISE(p.op != VSOCK_OP_RW || c->sent - c->peer_fwd_cnt <= c->peer_buf_alloc);
	}
}

static void keep(struct world *w, int fd)
{
	if (fd >= 0 && w->n_programs < PROGRAMS_MAX)
		w->programs[w->n_programs++] = fd;
	else if (fd >= 0)
		close(fd);
}

static void connect_program(struct world *w, struct input *in)
{
	static const char *const lines[] = { "CONNECT 1\n", "CONNECT 2\nmore", "CONN", "\n" };
	const char *line = lines[take8(in) % 4];
	int fd = -1;

	if (hxfr_socket_connect(&w->hub.listen_at, 0, -1, &fd) < 0)
		return;
	(void)!write(fd, line, strlen(line));
	keep(w, fd);
}

static void use_program(struct world *w, enum step step, struct input *in)
{
	unsigned i = take8(in);

	if (w->n_programs == 0)
		return;
	i %= w->n_programs;
	switch (step) {
	case STEP_WRITE:
		(void)!send(w->programs[i], chunk, take16(in), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case STEP_READ:
		(void)!recv(w->programs[i], chunk, take16(in), MSG_DONTWAIT);
		break;
	case STEP_SHUT:
		shutdown(w->programs[i], take8(in) % 3);
		break;
	default:
		close(w->programs[i]);
		w->programs[i] = w->programs[--w->n_programs];
		break;
	}
}

static void take_step(struct world *w, struct input *in)
{
	enum step step = (enum step)(take8(in) % N_STEPS);

	switch (step) {
	case STEP_PACKET:
		send_packet(w, in);
		break;
	case STEP_BYTES:
		send_bytes(w, in);
		break;
	case STEP_FETCH:
		fetch(w, in);
		break;
	case STEP_TURN:
		PROMISE(loop_run_once(w->loop, 0) >= 0);
		break;
	case STEP_ACCEPT:
		keep(w, accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
		break;
	case STEP_CONNECT:
		connect_program(w, in);
		break;
	case STEP_PAUSE:
		vsock_hub_pause(&w->hub);
		break;
	case STEP_RESET:
		vsock_hub_reset(&w->hub);
		break;
	default:
		use_program(w, step, in);
		break;
	}
}

static int lowest_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	PROMISE(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hxfr_endpoint listen_at = { .transport = HXFR_TRANSPORT_UNIX };
	struct input in = { data, size };
	static struct world w;
	int before = lowest_fd();
	char path[32];

	/* Abstract: of this process, and gone with it. */
	snprintf(path, sizeof path, "@fuzz-vsock-%d", getpid());
	snprintf(listen_at.unix_path, sizeof listen_at.unix_path, "%s_%u", path, HOST_PORT);
	struct vsock_config config = { .guest_cid = GUEST_CID, .uds_path = path };
	PROMISE(loop_new(&w.loop) == 0);
	PROMISE(vsock_hub_init(&w.hub, &config, w.loop) == 0);
	PROMISE(hxfr_socket_listen(&listen_at, &w.listener, NULL) == 0);
	w.hub.connect_timeout_ms = w.hub.close_timeout_ms = take8(&in) & 1 ? 0 : 10000;
	w.n_programs = 0;
	for (unsigned i = 0; i < STEPS_MAX && in.size > 0; i++) {
		take_step(&w, &in);
		check(&w);
	}
	vsock_hub_finish(&w.hub);
	PROMISE(w.hub.n_connections == 0 && w.hub.buffered.used == 0);
	while (w.n_programs > 0)
		close(w.programs[--w.n_programs]);
	close(w.listener);
	loop_destroy(w.loop);
	PROMISE(lowest_fd() == before);
	return 0;
}
