/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"
#include "suite.h"
#include "vectors.h"

#include <hxfr/connection.h>
#include <hxfr/error.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAYLOAD_MAX (HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX)
#define BIG         (1u << 20)
#define DUPLEX      500 /* messages each way */
#define DUPLEX_BODY 20000

static void make_pair(int type, int ret_fds[2])
{
	int size = 1; /* the kernel makes it its minimum, socket(7) */

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_fds), 0);
	for (int i = 0; i < 2 && type == SOCK_STREAM; i++)
		ck_assert_int_eq(
			setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static struct hxfr_connection *wrap(int fd)
{
	struct hxfr_connection *c;

	ck_assert_int_eq(hxfr_connection_new(fd, PAYLOAD_MAX, &c), 0);
	return c;
}

static void make_connections(struct hxfr_connection **ret_a, struct hxfr_connection **ret_b)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	*ret_a = wrap(fds[0]);
	*ret_b = wrap(fds[1]);
}

static void count(void *owner)
{
	++*(int *)owner;
}

/* A FRAME_REQUEST with size bytes of pixels, borrowed. */
static int send_frame(
	struct hxfr_connection *c, int64_t pts, const void *pixels, size_t size, int *released)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = HXFR_SESSION_MAIN },
		.frame_request = { .pts = pts, .pixels_size = size },
	};
	struct iovec body = { (void *)pixels, size };
	uint8_t head[HXFR_HEAD_MAX];
	size_t head_size;

	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &head_size), 0);
	return hxfr_connection_send(c, head, head_size, &body, 1, count, released);
}

/* The next message of c, while from (may be NULL) is flushed. */
static void receive_message(
	struct hxfr_connection *c, struct hxfr_connection *from, struct hxfr_message *ret)
{
	int r;

	while ((r = hxfr_connection_next(c, ret)) == 0) {
		if (from)
			ck_assert_int_eq(hxfr_connection_flush(from), 0);
		net_wait(hxfr_connection_fd(c), POLLIN);
		ck_assert_int_eq(hxfr_connection_receive(c), 0);
	}
	ck_assert_int_eq(r, 1);
}

START_TEST(messages_arrive_as_sent)
{
	struct hxfr_message sent = { .header = { .type = HXFR_PING, .session_id = 7 } }, m;
	struct hxfr_connection *a, *b;

	make_connections(&a, &b);
	ck_assert_int_eq(hxfr_connection_receive(b), -EAGAIN);
	ck_assert_int_eq(hxfr_connection_send_message(a, &sent), 0);
	sent.header.type = HXFR_ERROR;
	sent.error = (struct hxfr_error){ .code = HXFR_CODE_INTERNAL, .message = "why" };
	ck_assert_int_eq(hxfr_connection_send_message(a, &sent), 0);
	receive_message(b, NULL, &m);
	ck_assert_uint_eq(m.header.type, HXFR_PING);
	ck_assert_uint_eq(m.header.session_id, 7);
	receive_message(b, NULL, &m);
	ck_assert_str_eq(m.error.message, "why");
	ck_assert_int_eq(hxfr_connection_receive(b), -EAGAIN);
	hxfr_connection_destroy(a);
	hxfr_connection_destroy(b);
}
END_TEST

START_TEST(orderly_end_and_torn_message_are_told_apart)
{
	struct hxfr_connection *c;
	struct hxfr_message m;
	struct vector *v;
	size_t n = vectors_load(&v);
	int fds[2];

	for (size_t i = 0; i < n; i++) {
		for (size_t size = 0; size <= v[i].size; size++) {
			bool whole = size == v[i].size;

			make_pair(SOCK_STREAM, fds);
			c = wrap(fds[0]);
			ck_assert_int_eq(write(fds[1], v[i].bytes, size), (ssize_t)size);
			close(fds[1]);
			if (size > 0)
				ck_assert_int_eq(hxfr_connection_receive(c), 0);
			ck_assert_int_eq(hxfr_connection_next(c, &m), whole);
			ck_assert_int_eq(hxfr_connection_receive(c),
				whole || size == 0 ? -ENOTCONN : -ECONNRESET);
			hxfr_connection_destroy(c);
		}
	}
	vectors_free(v, n);
}
END_TEST

START_TEST(decoder_error_latches_and_leaves_the_message_alone)
{
	static const uint8_t bytes[HXFR_HEADER_SIZE + 44 + HXFR_HEADER_SIZE] = { 0x48, 0x58, 0x46,
		0x52, HXFR_FRAME_REQUEST, HXFR_FLAG_PIXELS, 1, 0, 44, 0, 0, 0, [56] = 0x48, 0x58,
		0x46, 0x52, HXFR_PING };
	struct hxfr_connection *c;
	struct hxfr_message m;
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	c = wrap(fds[0]);
	poison(&m);
	ck_assert_int_eq(write(fds[1], bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	ck_assert_int_eq(hxfr_connection_receive(c), 0);
	ck_assert_int_eq(hxfr_connection_next(c, &m), -EBADMSG);
	ck_assert_int_eq(hxfr_connection_next(c, &m), -EBADMSG);
	assert_poisoned(&m);
	hxfr_connection_destroy(c);
	close(fds[1]);
}
END_TEST

START_TEST(head_and_body_leave_in_one_write)
{
	static const uint8_t pixels[1000];
	uint8_t packet[2000];
	struct hxfr_connection *c;
	int fds[2], released = 0;

	/* A socket that keeps the boundaries of writes shows them. */
	make_pair(SOCK_SEQPACKET, fds);
	c = wrap(fds[0]);
	ck_assert_int_eq(send_frame(c, 0, pixels, sizeof(pixels), &released), 0);
	ck_assert_int_eq(recv(fds[1], packet, sizeof(packet), 0), 56 + (ssize_t)sizeof(pixels));
	ck_assert_int_eq(released, 1);
	hxfr_connection_destroy(c);
	close(fds[1]);
}
END_TEST

START_TEST(big_body_is_sent_in_parts_and_released_once)
{
	uint8_t *pixels = malloc(BIG);
	struct hxfr_connection *a, *b;
	struct hxfr_message m;
	int released = 0;

	for (size_t i = 0; i < BIG; i++)
		pixels[i] = (uint8_t)(i * 7 + i / 251);
	make_connections(&a, &b);
	ck_assert_int_eq(hxfr_connection_events(a), POLLIN);
	ck_assert_int_eq(send_frame(a, 42, pixels, BIG, &released), 0);
	ck_assert_int_eq(released, 0);
	ck_assert_uint_eq(hxfr_connection_queued(a), 1);
	ck_assert_uint_gt(hxfr_connection_queued_bytes(a), 0);
	ck_assert_uint_lt(hxfr_connection_queued_bytes(a), BIG);
	ck_assert_int_eq(hxfr_connection_events(a), POLLIN | POLLOUT);

	receive_message(b, a, &m);
	ck_assert_int_eq(m.frame_request.pts, 42);
	ck_assert_uint_eq(m.frame_request.pixels_size, BIG);
	ck_assert_mem_eq(m.frame_request.pixels, pixels, BIG);
	ck_assert_int_eq(released, 1);
	ck_assert_uint_eq(hxfr_connection_queued(a), 0);
	ck_assert_uint_eq(hxfr_connection_queued_bytes(a), 0);
	ck_assert_int_eq(hxfr_connection_events(a), POLLIN);
	hxfr_connection_destroy(a);
	hxfr_connection_destroy(b);
	ck_assert_int_eq(released, 1);
	free(pixels);
}
END_TEST

START_TEST(body_in_pieces_arrives_in_order_whatever_the_socket_takes)
{
	struct hxfr_header h = { .type = HXFR_FRAME_REQUEST, .flags = HXFR_FLAG_PIXELS };
	uint8_t head[HXFR_HEADER_SIZE + HXFR_FRAME_REQUEST_SIZE] = { 0 };
	uint8_t *pixels = malloc(BIG);
	const struct iovec body[HXFR_SEND_IOV_MAX] = {
		{ pixels, 1 },
		{ pixels + 1, 0 },
		{ pixels + 1, 100002 },
		{ pixels + 100003, BIG - 100003 },
	};
	struct hxfr_connection *a, *b;
	struct hxfr_message m;

	for (size_t i = 0; i < BIG; i++)
		pixels[i] = (uint8_t)(i ^ i >> 8);
	h.payload_size = HXFR_FRAME_REQUEST_SIZE + BIG;
	hxfr_header_encode(&h, head);
	make_connections(&a, &b);
	ck_assert_int_eq(
		hxfr_connection_send(a, head, sizeof(head), body, HXFR_SEND_IOV_MAX, NULL, NULL),
		0);
	receive_message(b, a, &m);
	ck_assert_mem_eq(m.frame_request.pixels, pixels, BIG);
	hxfr_connection_destroy(a);
	hxfr_connection_destroy(b);
	free(pixels);
}
END_TEST

START_TEST(queue_is_bounded_ordered_and_each_message_released_once)
{
	int released[HXFR_SEND_QUEUE_MAX + 8] = { 0 };
	uint8_t *pixels = calloc(1, BIG / 16);
	struct hxfr_connection *a, *b;
	struct hxfr_message m;
	unsigned sent = 0;
	int r;

	make_connections(&a, &b);
	while ((r = send_frame(a, sent, pixels, BIG / 16, &released[sent])) == 0)
		ck_assert_uint_lt(++sent, N_ELEMENTS(released));
	ck_assert_int_eq(r, -ENOBUFS);
	ck_assert_uint_eq(sent, HXFR_SEND_QUEUE_MAX);
	ck_assert_uint_eq(hxfr_connection_queued(a), HXFR_SEND_QUEUE_MAX);
	for (unsigned i = 0; i < sent; i++) {
		receive_message(b, a, &m);
		ck_assert_int_eq(m.frame_request.pts, i);
	}
	ck_assert_int_eq(hxfr_connection_flush(a), 0);
	for (unsigned i = 0; i < N_ELEMENTS(released); i++)
		ck_assert_int_eq(released[i], i < sent);
	hxfr_connection_destroy(a);
	hxfr_connection_destroy(b);
	free(pixels);
}
END_TEST

START_TEST(destroy_releases_what_is_queued_once)
{
	int released[3] = { 0 };
	uint8_t *pixels = calloc(1, BIG);
	struct hxfr_connection *a, *b;

	make_connections(&a, &b);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send_frame(a, i, pixels, BIG, &released[i]), 0);
	hxfr_connection_destroy(a);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(released[i], 1);
	hxfr_connection_destroy(b);
	hxfr_connection_destroy(NULL);
	free(pixels);
}
END_TEST

START_TEST(peer_that_is_gone_is_an_error_not_a_signal)
{
	static const uint8_t pixels[100];
	uint8_t *big = calloc(1, BIG);
	struct hxfr_connection *a, *b;
	int queued = 0, refused = 0;

	make_connections(&a, &b);
	ck_assert_int_eq(send_frame(a, 0, big, BIG, &queued), 0);
	hxfr_connection_destroy(b);
	ck_assert_int_eq(send_frame(a, 1, pixels, sizeof(pixels), &refused), -ECONNRESET);
	ck_assert_int_eq(hxfr_connection_flush(a), -ECONNRESET);
	ck_assert_uint_eq(hxfr_connection_queued(a), 1);
	ck_assert_int_eq(queued, 0);
	hxfr_connection_destroy(a);
	ck_assert_int_eq(queued, 1);
	ck_assert_int_eq(refused, 0);
	free(big);
}
END_TEST

START_TEST(send_beyond_a_limit_takes_nothing)
{
	uint8_t head[HXFR_HEAD_MAX + 1] = { 0 };
	struct iovec body[HXFR_SEND_IOV_MAX + 1] = { 0 };
	struct hxfr_message m = { .header.type = 0x7f };
	struct hxfr_connection *a, *b;
	int released = 0;

	make_connections(&a, &b);
	ck_assert_int_eq(
		hxfr_connection_send(a, head, sizeof(head), NULL, 0, count, &released), -EMSGSIZE);
	ck_assert_int_eq(hxfr_connection_send(a, head, 0, NULL, 0, count, &released), -EINVAL);
	ck_assert_int_eq(
		hxfr_connection_send(a, head, 12, body, HXFR_SEND_IOV_MAX + 1, count, &released),
		-EINVAL);
	ck_assert_int_eq(hxfr_connection_send_message(a, &m), -EOPNOTSUPP);
	ck_assert_uint_eq(hxfr_connection_queued(a), 0);
	ck_assert_int_eq(hxfr_connection_receive(b), -EAGAIN);
	hxfr_connection_destroy(a);
	hxfr_connection_destroy(b);
	ck_assert_int_eq(released, 0);
}
END_TEST

struct side {
	struct hxfr_connection *connection;
	int released;
};

static void *send_all(void *data)
{
	static const uint8_t pixels[DUPLEX_BODY];
	struct side *side = data;
	int r;

	for (int i = 0; i < DUPLEX; i++) {
		while ((r = send_frame(side->connection, i, pixels, sizeof(pixels),
				&side->released)) == -ENOBUFS)
			net_wait(hxfr_connection_fd(side->connection), POLLOUT);
		ck_assert_int_eq(r, 0);
	}
	while (hxfr_connection_queued(side->connection) > 0) {
		net_wait(hxfr_connection_fd(side->connection), POLLOUT);
		ck_assert_int_eq(hxfr_connection_flush(side->connection), 0);
	}
	return NULL;
}

static void *receive_all(void *data)
{
	struct side *side = data;
	struct hxfr_message m;

	for (int i = 0; i < DUPLEX; i++) {
		receive_message(side->connection, NULL, &m);
		ck_assert_int_eq(m.frame_request.pts, i);
		ck_assert_int_ne(hxfr_connection_events(side->connection) & POLLIN, 0);
	}
	return NULL;
}

START_TEST(one_thread_may_send_while_another_receives)
{
	void *(*const halves[])(void *) = { send_all, receive_all, send_all, receive_all };
	struct side sides[2] = { 0 };
	pthread_t threads[4];

	make_connections(&sides[0].connection, &sides[1].connection);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, halves[i], &sides[i / 2]), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++) {
		hxfr_connection_destroy(sides[i].connection);
		ck_assert_int_eq(sides[i].released, DUPLEX);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		messages_arrive_as_sent,
		orderly_end_and_torn_message_are_told_apart,
		decoder_error_latches_and_leaves_the_message_alone,
		head_and_body_leave_in_one_write,
		big_body_is_sent_in_parts_and_released_once,
		body_in_pieces_arrives_in_order_whatever_the_socket_takes,
		queue_is_bounded_ordered_and_each_message_released_once,
		destroy_releases_what_is_queued_once,
		peer_that_is_gone_is_an_error_not_a_signal,
		send_beyond_a_limit_takes_nothing,
		one_thread_may_send_while_another_receives,
		NULL,
	};

	return suite_run("connection", tests);
}
