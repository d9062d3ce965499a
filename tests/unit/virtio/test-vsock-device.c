/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vsock device behind its rings. */
#include "fake-frontend.h"
#include "suite.h"
#include "virtio/vsock-hub.h"

#include <dirent.h>
#include <errno.h>
#include <hxfr/socket.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUEST_CID   7u
#define HOST_PORT   5000u
#define GUEST_PORT  1024u
#define QUEUE_RX    0u
#define QUEUE_TX    1u
#define BUFFER_SIZE 1000u

static char directory[64], path[80];
static struct loop *loop;
static struct vsock *vsock;
static struct fake_frontend frontend;
static int listener, program;
static unsigned n_fds_before;
static uint64_t buffers[FAKE_QUEUE_MAX]; /* by head of the receive ring */
static struct vsock_packet packet;       /* the last one from the device */
static uint8_t payload[BUFFER_SIZE];

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

static void set_up(void)
{
	struct hxfr_endpoint at = { .transport = HXFR_TRANSPORT_UNIX };
	struct vsock_config config = { .guest_cid = GUEST_CID, .uds_path = path };

	n_fds_before = count_fds();
	snprintf(directory, sizeof directory, "/tmp/vsock-device-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/v", directory);
	snprintf(at.unix_path, sizeof at.unix_path, "%s_%u", path, HOST_PORT);
	ck_assert_int_eq(hxfr_socket_listen(&at, &listener, NULL), 0);
	program = -1;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(vsock_new(&config, loop, &vsock), 0);
	fake_frontend_init(&frontend, loop, vsock_device(vsock), 2);
}

static void tear_down(void)
{
	char file[96];

	fake_frontend_finish(&frontend);
	vsock_destroy(vsock);
	loop_destroy(loop);
	if (program >= 0)
		close(program);
	close(listener);
	snprintf(file, sizeof file, "%s_%u", path, HOST_PORT);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_uint_eq(count_fds(), n_fds_before);
}

/* Did the device want a kick for them? */
static bool give_buffers(unsigned n, uint32_t size)
{
	struct fake_queue *queue = &frontend.queues[QUEUE_RX];

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = fake_ram_alloc(&frontend.ram, BUFFER_SIZE, 1);
		struct fake_buffer buffer = { .addr = at, .size = size, .in = true };
		buffers[fake_queue_put(queue, &buffer, 1)] = at;
	}
	return fake_queue_kick(queue);
}

static void send_packet(enum vsock_op op, uint32_t guest_port, const void *data, uint32_t size)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, VSOCK_HEADER_SIZE + size, 1);
	struct fake_buffer parts[] = {
		{ .addr = at, .size = VSOCK_HEADER_SIZE },
		{ .addr = at + VSOCK_HEADER_SIZE, .size = size },
	};
	struct vsock_packet p = {
		.src_cid = GUEST_CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = guest_port,
		.dst_port = HOST_PORT,
		.size = size,
		.type = VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = 1u << 20,
	};

	vsock_packet_encode(&p, fake_ram_at(&frontend.ram, at));
	if (size > 0)
		memcpy(fake_ram_at(&frontend.ram, at + VSOCK_HEADER_SIZE), data, size);
	fake_queue_put(&frontend.queues[QUEUE_TX], parts, size > 0 ? 2 : 1);
}

static void kick(void)
{
	fake_queue_kick(&frontend.queues[QUEUE_TX]);
	fake_frontend_settle(&frontend);
}

/* Takes back what the device has read; returns how many packets. */
static unsigned take_sent(void)
{
	uint32_t written;
	uint16_t head;
	unsigned n = 0;

	while (fake_queue_take(&frontend.queues[QUEUE_TX], &head, &written)) {
		ck_assert_uint_eq(written, 0);
		n++;
	}
	return n;
}

static bool take_packet(void)
{
	uint32_t written;
	uint16_t head;

	if (!fake_queue_take(&frontend.queues[QUEUE_RX], &head, &written))
		return false;
	packet = (struct vsock_packet){ 0 };
	if (written == 0)
		return true;
	const uint8_t *data = fake_ram_at(&frontend.ram, buffers[head]);
	ck_assert_int_eq(vsock_packet_decode(data, VSOCK_HEADER_SIZE, &packet), 0);
	ck_assert_uint_eq(written, VSOCK_HEADER_SIZE + packet.size);
	memcpy(payload, data + VSOCK_HEADER_SIZE, packet.size);
	return true;
}

static void expect_packet(enum vsock_op op)
{
	fake_frontend_settle(&frontend);
	ck_assert_msg(take_packet(), "no packet");
	ck_assert_uint_eq(packet.op, op);
}

/* A stream to the listener. */
static void connect_guest(void)
{
	give_buffers(4, BUFFER_SIZE);
	send_packet(VSOCK_OP_REQUEST, GUEST_PORT, NULL, 0);
	fake_queue_interrupted(&frontend.queues[QUEUE_RX]); /* the one of the start */
	kick();
	expect_packet(VSOCK_OP_RESPONSE);
	ck_assert(fake_queue_interrupted(&frontend.queues[QUEUE_RX]));
	ck_assert_uint_eq(take_sent(), 1);
	program = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_ge(program, 0);
}

static void expect_at_program(const char *text)
{
	char got[64];

	ck_assert_int_eq(recv(program, got, sizeof got, 0), (ssize_t)strlen(text));
	ck_assert_mem_eq(got, text, strlen(text));
}

START_TEST(config_space_is_the_address_of_the_guest)
{
	uint8_t config[16];

	poison(&config);
	ck_assert(fake_frontend_get_config(&frontend, 0, config, sizeof config));
	ck_assert_mem_eq(config, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}
END_TEST

static void check_stream(void)
{
	connect_guest();
	for (unsigned i = 0; i < 300; i++) {
		send_packet(VSOCK_OP_RW, GUEST_PORT, "ping", 4);
		kick();
		expect_at_program("ping");
		ck_assert_uint_eq(take_sent(), 1);
		ck_assert_int_eq(send(program, "pong!", 5, 0), 5);
		expect_packet(VSOCK_OP_RW);
		ck_assert_uint_eq(packet.size, 5);
		ck_assert_mem_eq(payload, "pong!", 5);
		ck_assert(fake_queue_interrupted(&frontend.queues[QUEUE_RX]));
		give_buffers(1, BUFFER_SIZE);
	}
}

START_TEST(stream_goes_both_ways)
{
	fake_frontend_start(&frontend, 0);
	check_stream();
}
END_TEST

START_TEST(stream_goes_both_ways_with_event_idx)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	check_stream();
}
END_TEST

START_TEST(stream_waits_for_buffers_and_goes_on_with_a_kick)
{
	uint8_t data[50000];
	size_t have = 0;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i ^ i >> 8);
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	connect_guest();
	ck_assert_int_eq(send(program, data, sizeof data, 0), sizeof data);
	fake_frontend_settle(&frontend); /* ends: nothing goes round in circles */
	for (;;) {
		while (take_packet()) {
			ck_assert_uint_eq(packet.op, VSOCK_OP_RW);
			ck_assert_mem_eq(payload, data + have, packet.size);
			have += packet.size;
		}
		if (have == sizeof data)
			break;
		give_buffers(2, BUFFER_SIZE);
		fake_frontend_settle(&frontend);
	}
}
END_TEST

START_TEST(buffer_without_room_is_given_back_and_blocks_nothing)
{
	fake_frontend_start(&frontend, 0);
	connect_guest();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(send(program, "x", 1, 0), 1);
		expect_packet(VSOCK_OP_RW);
	}
	give_buffers(1, VSOCK_HEADER_SIZE);
	give_buffers(1, VSOCK_HEADER_SIZE + 1);
	ck_assert_int_eq(send(program, "y", 1, 0), 1);
	expect_packet(0);
	expect_packet(VSOCK_OP_RW);
	ck_assert_uint_eq(payload[0], 'y');
}
END_TEST

START_TEST(many_packets_of_one_kick_cost_one_interrupt)
{
	eventfd_t interrupts;

	fake_frontend_start(&frontend, 0);
	connect_guest();
	fake_queue_interrupted(&frontend.queues[QUEUE_TX]);
	for (unsigned i = 0; i < 20; i++)
		send_packet(VSOCK_OP_RW, GUEST_PORT, "a", 1);
	kick();
	ck_assert_uint_eq(take_sent(), 20);
	ck_assert_int_eq(eventfd_read(frontend.queues[QUEUE_TX].call_fd, &interrupts), 0);
	ck_assert_uint_eq(interrupts, 1);
	expect_at_program("aaaaaaaaaaaaaaaaaaaa");
}
END_TEST

START_TEST(guest_is_not_asked_for_kicks_that_nobody_needs)
{
	fake_frontend_start(&frontend, 0);
	connect_guest();
	ck_assert(!give_buffers(1, BUFFER_SIZE));
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(send(program, "x", 1, 0), 1);
		expect_packet(VSOCK_OP_RW);
	}
	ck_assert_int_eq(send(program, "y", 1, 0), 1);
	fake_frontend_settle(&frontend);
	ck_assert(give_buffers(1, BUFFER_SIZE));
	expect_packet(VSOCK_OP_RW);
}
END_TEST

START_TEST(guest_that_fetches_no_answers_is_not_listened_to)
{
	unsigned sent = 0, taken = 0, answers = 0;

	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	for (unsigned round = 0; round < 8; round++) {
		for (; sent - taken < FAKE_FRONTEND_QUEUE_SIZE; sent++)
			send_packet(VSOCK_OP_RW, GUEST_PORT + sent, NULL, 0);
		kick();
		taken += take_sent();
	}
	ck_assert_uint_eq(taken, VSOCK_REFUSALS_MAX);
	while (answers < sent) {
		give_buffers(FAKE_FRONTEND_QUEUE_SIZE, BUFFER_SIZE);
		fake_frontend_settle(&frontend);
		while (take_packet()) {
			ck_assert_uint_eq(packet.op, VSOCK_OP_RST);
			ck_assert_uint_eq(packet.dst_port, GUEST_PORT + answers);
			answers++;
		}
		taken += take_sent();
	}
	ck_assert_uint_eq(taken, sent);
}
END_TEST

static void expect_hang_up(void)
{
	char byte;

	ck_assert_int_eq(recv(program, &byte, 1, 0), 0);
	close(program);
	program = -1;
}

START_TEST(reboot_of_the_guest_hangs_up_and_begins_anew)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	connect_guest();
	fake_frontend_stop(&frontend);
	fake_frontend_reboot(&frontend);
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	expect_hang_up();
	check_stream();
}
END_TEST

START_TEST(front_end_that_leaves_hangs_up_and_the_next_one_is_served)
{
	fake_frontend_start(&frontend, 0);
	connect_guest();
	fake_frontend_finish(&frontend);
	expect_hang_up();
	fake_frontend_init(&frontend, loop, vsock_device(vsock), 2);
	fake_frontend_start(&frontend, 0);
	check_stream();
}
END_TEST

START_TEST(program_is_heard_once_the_guest_has_started)
{
	struct hxfr_endpoint to = { .transport = HXFR_TRANSPORT_UNIX };

	snprintf(to.unix_path, sizeof to.unix_path, "%s", path);
	ck_assert_int_eq(hxfr_socket_connect(&to, 1000, -1, &program), 0);
	ck_assert_int_eq(send(program, "CONNECT 5001\n", 13, 0), 13);
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	give_buffers(1, BUFFER_SIZE);
	expect_packet(VSOCK_OP_REQUEST);
	ck_assert_uint_eq(packet.dst_port, 5001);
	ck_assert_uint_eq(packet.src_cid, VSOCK_CID_HOST);
	ck_assert_uint_eq(packet.dst_cid, GUEST_CID);
}
END_TEST

START_TEST(device_refuses_what_cannot_work)
{
	struct vsock_config config = { .guest_cid = 2, .uds_path = path };
	struct vsock *other;

	poison(&other);
	ck_assert_int_eq(vsock_new(&config, loop, &other), -EINVAL);
	config.guest_cid = 3; /* the path is taken */
	ck_assert_int_eq(vsock_new(&config, loop, &other), -EADDRINUSE);
	assert_poisoned(&other);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		config_space_is_the_address_of_the_guest,
		stream_goes_both_ways,
		stream_goes_both_ways_with_event_idx,
		stream_waits_for_buffers_and_goes_on_with_a_kick,
		buffer_without_room_is_given_back_and_blocks_nothing,
		many_packets_of_one_kick_cost_one_interrupt,
		guest_is_not_asked_for_kicks_that_nobody_needs,
		guest_that_fetches_no_answers_is_not_listened_to,
		reboot_of_the_guest_hangs_up_and_begins_anew,
		front_end_that_leaves_hangs_up_and_the_next_one_is_served,
		program_is_heard_once_the_guest_has_started,
		device_refuses_what_cannot_work,
		NULL,
	};

	return suite_run_with("virtio-vsock-device", tests, set_up, tear_down);
}
