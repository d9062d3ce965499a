/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-fixture.h"
#include "suite.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define VERSION     1u
#define NEEDS_REPLY 8u

START_TEST(requests_are_answered)
{
	fake_frontend_start(&frontend, 0);
	for (unsigned i = 0; i < 200; i++)
		check_echo_of(i % ECHO_QUEUES, "hello");
	ck_assert_uint_eq(echo.requests, 200);
}
END_TEST

START_TEST(requests_are_answered_with_event_idx)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	for (unsigned i = 0; i < 200; i++)
		check_echo_of(i % ECHO_QUEUES, "hello");
	ck_assert_uint_eq(echo.requests, 200);
}
END_TEST

START_TEST(features_are_those_of_the_core_and_the_device)
{
	ck_assert_uint_eq(fake_frontend_ask(&frontend, VHOST_GET_FEATURES),
		1ull << 32 | 1ull << 30 | 1ull << 29 | 1ull << 28 | ECHO_FEATURE);
	ck_assert_uint_eq(fake_frontend_ask(&frontend, VHOST_GET_PROTOCOL_FEATURES),
		1u << VHOST_PROTOCOL_F_MQ | 1u << VHOST_PROTOCOL_F_REPLY_ACK |
			1u << VHOST_PROTOCOL_F_CONFIG | 1u << VHOST_PROTOCOL_F_RESET_DEVICE);
}
END_TEST

/* The first start is a driver's; so is every one that does not go on where the last one ended. */
START_TEST(a_pause_is_not_a_reset)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	ck_assert_uint_eq(echo.resets, 1);
	for (unsigned pause = 0; pause < 3; pause++) {
		for (unsigned i = 0; i < 70; i++)
			check_echo_of(i % ECHO_QUEUES, "hello");
		fake_frontend_stop(&frontend);
		fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	}
	ck_assert_uint_eq(echo.resets, 1);
	ck_assert_uint_eq(echo.requests, 210);
}
END_TEST

START_TEST(requests_put_during_a_pause_are_served_after_it)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, 16, 8);
	struct fake_buffer buffer = { .addr = at, .size = 16 };
	uint32_t written;
	uint16_t head;

	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
	fake_frontend_stop(&frontend);
	fake_queue_put(&frontend.queues[0], &buffer, 1);
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.requests, 1);
	fake_frontend_start(&frontend, 0);
	ck_assert(fake_queue_take(&frontend.queues[0], &head, &written));
	ck_assert_uint_eq(echo.requests, 2);
}
END_TEST

START_TEST(another_driver_resets_the_device)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	/* Also when it is only the second queue that tells. */
	for (unsigned queue = 0; queue < ECHO_QUEUES; queue++) {
		check_echo_of(queue, "hello");
		fake_frontend_stop(&frontend);
		fake_frontend_reboot(&frontend);
		fake_frontend_start(&frontend, 0);
		ck_assert_uint_eq(echo.resets, 2 + queue);
		ck_assert_uint_eq(echo.requests_at_reset, 1 + queue);
	}
	/* Once, when both tell. */
	check_echo_of(0, "hello");
	check_echo_of(1, "hello");
	fake_frontend_stop(&frontend);
	fake_frontend_reboot(&frontend);
	fake_frontend_start(&frontend, 0);
	ck_assert_uint_eq(echo.resets, 2 + ECHO_QUEUES);
	check_echo_of(0, "hello");
}
END_TEST

/* What indices cannot tell: all of them are 0 again. */
START_TEST(a_front_end_may_say_that_it_is_a_reset)
{
	fake_frontend_start(&frontend, 0);
	fake_frontend_stop(&frontend);
	fake_frontend_send(&frontend, VHOST_RESET_DEVICE, VERSION, NULL, 0, NULL, 0);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.resets, 2);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
}
END_TEST

START_TEST(a_reset_stops_the_rings)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, 16, 8);

	fake_frontend_start(&frontend, 0);
	fake_frontend_send(&frontend, VHOST_RESET_DEVICE, VERSION, NULL, 0, NULL, 0);
	fake_frontend_settle(&frontend);
	fake_queue_put(&frontend.queues[0], &(struct fake_buffer){ .addr = at, .size = 16 }, 1);
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.requests, 0);
	ck_assert(!device_ring(echo.device, 0)->started);
}
END_TEST

START_TEST(the_next_front_end_begins_anew)
{
	for (unsigned i = 0; i < 3; i++) {
		fake_frontend_start(&frontend, 0);
		check_echo_of(0, "hello");
		fake_frontend_disconnect(&frontend);
		ck_assert_uint_eq(echo.resets, 2 * (i + 1));
		ck_assert_uint_eq(device_memory(echo.device)->n_regions, 0);
		ck_assert(!device_ring(echo.device, 0)->started);
		fake_frontend_reboot(&frontend);
		fake_frontend_connect(&frontend);
	}
}
END_TEST

START_TEST(a_memory_table_may_come_while_rings_run)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	ck_assert_uint_eq(echo.memory_changes, 1);
	for (unsigned i = 0; i < 3; i++) {
		unsigned n_fds = count_fds();

		check_echo_of(0, "hello");
		fake_frontend_share(&frontend);
		check_echo_of(0, "hello");
		ck_assert_uint_eq(echo.memory_changes, 2 + i);
		ck_assert_uint_eq(count_fds(), n_fds);
	}
	ck_assert_uint_eq(echo.resets, 1);
}
END_TEST

START_TEST(rings_that_a_memory_table_leaves_out_stop)
{
	const uint64_t none = 0;

	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
	fake_frontend_send(&frontend, VHOST_SET_MEM_TABLE, VERSION, &none, sizeof(none), NULL, 0);
	fake_frontend_settle(&frontend);
	ck_assert(!device_ring(echo.device, 0)->started);
	ck_assert_uint_eq(n_warnings, ECHO_QUEUES);
	fake_frontend_stop(&frontend);
	ck_assert_uint_eq(frontend.bases[0], 1);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
	ck_assert_uint_eq(echo.resets, 1);
}
END_TEST

START_TEST(a_disabled_ring_is_served_once_it_is_enabled)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, 16, 8);

	fake_frontend_start(&frontend, 0);
	fake_frontend_tell_state(&frontend, VHOST_SET_VRING_ENABLE, 0, 0);
	fake_frontend_settle(&frontend);
	fake_queue_put(&frontend.queues[0], &(struct fake_buffer){ .addr = at, .size = 16 }, 1);
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.requests, 0);
	fake_frontend_tell_state(&frontend, VHOST_SET_VRING_ENABLE, 0, 1);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.requests, 1);
}
END_TEST

START_TEST(rings_are_enabled_without_protocol_features)
{
	fake_frontend_tell(&frontend, VHOST_SET_FEATURES, 1ull << 32 | 1ull << 30);
	fake_frontend_settle(&frontend);
	for (unsigned i = 0; i < ECHO_QUEUES; i++)
		ck_assert(!device_ring(echo.device, i)->enabled);
	fake_frontend_tell(&frontend, VHOST_SET_FEATURES, 1ull << 32);
	fake_frontend_settle(&frontend);
	for (unsigned i = 0; i < ECHO_QUEUES; i++)
		ck_assert(device_ring(echo.device, i)->enabled);
}
END_TEST

START_TEST(a_broken_ring_leaves_the_others_alone)
{
	fake_frontend_start(&frontend, 0);
	fake_queue_offer(&frontend.queues[0], FAKE_FRONTEND_QUEUE_SIZE);
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.broken, 1);
	ck_assert_uint_eq(n_warnings, 1);
	check_echo_of(1, "hello");
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(n_warnings, 1);
	fake_frontend_stop(&frontend);
	fake_frontend_reboot(&frontend);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
}
END_TEST

static void take_and_put_another(void *user)
{
	uint64_t *at = user;
	uint32_t written;
	uint16_t head;

	/* So often that it would be noticed, and then not: the test ends. */
	if (echo.requests > 10000)
		return;
	fake_queue_take(&frontend.queues[0], &head, &written);
	fake_queue_put(&frontend.queues[0], &(struct fake_buffer){ .addr = *at, .size = 16 }, 1);
}

START_TEST(a_driver_that_never_stops_adding_requests_is_no_more_than_busy)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, 16, 8);
	unsigned before = 0;

	fake_frontend_start(&frontend, 0);
	echo.on_request = take_and_put_another;
	echo.user = &at;
	fake_queue_put(&frontend.queues[0], &(struct fake_buffer){ .addr = at, .size = 16 }, 1);
	fake_queue_kick(&frontend.queues[0]);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_gt(loop_run_once(loop, 0), 0);
		ck_assert_uint_le(echo.requests - before, FAKE_FRONTEND_QUEUE_SIZE);
		before = echo.requests;
	}
	ck_assert_uint_eq(before, 5 * FAKE_FRONTEND_QUEUE_SIZE);
	fake_frontend_tell_state(&frontend, VHOST_GET_VRING_BASE, 0, 0);
	uint32_t state[2];
	fake_frontend_reply(&frontend, VHOST_GET_VRING_BASE, state, sizeof(state));
	ck_assert_uint_lt(echo.requests, 10000);
}
END_TEST

START_TEST(the_config_space_is_read_within_its_bounds)
{
	static const struct {
		uint32_t offset, size;
		bool found;
	} reads[] = {
		{ 0, 64, true },
		{ 60, 8, true },
		{ 0, VHOST_CONFIG_MAX, true },
		{ VHOST_CONFIG_MAX - 1, 1, true },
		{ VHOST_CONFIG_MAX, 1, false },
		{ 1, VHOST_CONFIG_MAX, false },
		{ 0xffffffff, 1, false },
		{ 0xffffffff, VHOST_CONFIG_MAX, false },
	};
	uint8_t space[VHOST_CONFIG_MAX] = { 0 }, data[VHOST_CONFIG_MAX];

	memcpy(space, echo.config, sizeof(echo.config));
	for (unsigned i = 0; i < N_ELEMENTS(reads); i++) {
		ck_assert_int_eq(
			fake_frontend_get_config(&frontend, reads[i].offset, data, reads[i].size),
			reads[i].found);
		if (reads[i].found)
			ck_assert_mem_eq(data, space + reads[i].offset, reads[i].size);
	}
}
END_TEST

START_TEST(the_config_space_is_written_within_its_bounds)
{
	uint32_t payload[] = { 8, 4, 0, 0x01020304 };

	fake_frontend_send(&frontend, VHOST_SET_CONFIG, VERSION, payload, sizeof(payload), NULL, 0);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.set_offset, 8);
	ck_assert_uint_eq(echo.set_size, 4);
	ck_assert_mem_eq(echo.set_data, payload + 3, 4);
	payload[0] = VHOST_CONFIG_MAX - 3;
	echo.set_size = 0;
	fake_frontend_send(&frontend, VHOST_SET_CONFIG, VERSION, payload, sizeof(payload), NULL, 0);
	ck_assert(!fake_frontend_hung_up(&frontend));
	ck_assert_uint_eq(echo.set_size, 0);
}
END_TEST

static uint64_t ask_for_ack(uint32_t request, const void *payload, uint32_t size)
{
	uint64_t result;

	fake_frontend_send(&frontend, request, VERSION | NEEDS_REPLY, payload, size, NULL, 0);
	fake_frontend_reply(&frontend, request, &result, sizeof(result));
	return result;
}

START_TEST(an_asked_for_reply_says_how_it_went)
{
	uint32_t num[] = { 0, 64 }, config[] = { VHOST_CONFIG_MAX, 4, 0, 0 };

	ck_assert_uint_eq(ask_for_ack(VHOST_SET_VRING_NUM, num, sizeof(num)), 0);
	ck_assert_uint_eq(ask_for_ack(VHOST_SET_CONFIG, config, sizeof(config)), 1);
	ck_assert_uint_eq(ask_for_ack(1000, num, sizeof(num)), 1);
	/* One reply only to what has its own. */
	ck_assert_uint_eq(ask_for_ack(VHOST_GET_QUEUE_NUM, NULL, 0), ECHO_QUEUES);
	ck_assert_uint_eq(fake_frontend_ask(&frontend, VHOST_GET_QUEUE_NUM), ECHO_QUEUES);
	fake_frontend_tell(&frontend, VHOST_SET_PROTOCOL_FEATURES, 0);
	fake_frontend_send(
		&frontend, VHOST_SET_VRING_NUM, VERSION | NEEDS_REPLY, num, sizeof(num), NULL, 0);
	ck_assert_uint_eq(fake_frontend_ask(&frontend, VHOST_GET_QUEUE_NUM), ECHO_QUEUES);
}
END_TEST

START_TEST(a_ring_at_a_bad_address_fails_alone)
{
	uint64_t addr[] = { 0, 0x1000, 0x2000, 0x3000, 0 };
	uint64_t index = 0, result;

	fake_frontend_start(&frontend, 0);
	fake_frontend_stop(&frontend);
	fake_frontend_send(&frontend, VHOST_SET_VRING_ADDR, VERSION, addr, sizeof(addr), NULL, 0);
	fake_frontend_send(&frontend, VHOST_SET_VRING_KICK, VERSION | NEEDS_REPLY, &index,
		sizeof(index), &frontend.queues[0].kick_fd, 1);
	fake_frontend_reply(&frontend, VHOST_SET_VRING_KICK, &result, sizeof(result));
	ck_assert_uint_eq(result, 1);
	fake_queue_kick(&frontend.queues[0]);
	fake_frontend_settle(&frontend);
	fake_frontend_stop(&frontend);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
}
END_TEST

START_TEST(a_new_call_descriptor_is_told_of_what_was_missed)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t n;

	fake_frontend_start(&frontend, 0);
	fake_frontend_tell_fd(&frontend, VHOST_SET_VRING_CALL, 0, -1);
	check_echo_of(0, "hello");
	fake_frontend_tell_fd(&frontend, VHOST_SET_VRING_CALL, 0, fd);
	fake_frontend_settle(&frontend);
	ck_assert_int_eq(eventfd_read(fd, &n), 0);
	close(fd);
}
END_TEST

START_TEST(a_socket_goes_to_the_device)
{
	fake_frontend_send(&frontend, VHOST_GPU_SET_SOCKET, VERSION, NULL, 0, &frontend.fd, 1);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(echo.sockets, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		requests_are_answered,
		requests_are_answered_with_event_idx,
		features_are_those_of_the_core_and_the_device,
		a_pause_is_not_a_reset,
		requests_put_during_a_pause_are_served_after_it,
		another_driver_resets_the_device,
		a_front_end_may_say_that_it_is_a_reset,
		a_reset_stops_the_rings,
		the_next_front_end_begins_anew,
		a_memory_table_may_come_while_rings_run,
		rings_that_a_memory_table_leaves_out_stop,
		a_disabled_ring_is_served_once_it_is_enabled,
		rings_are_enabled_without_protocol_features,
		a_broken_ring_leaves_the_others_alone,
		a_driver_that_never_stops_adding_requests_is_no_more_than_busy,
		the_config_space_is_read_within_its_bounds,
		the_config_space_is_written_within_its_bounds,
		an_asked_for_reply_says_how_it_went,
		a_ring_at_a_bad_address_fails_alone,
		a_new_call_descriptor_is_told_of_what_was_missed,
		a_socket_goes_to_the_device,
		NULL,
	};

	return suite_run_with("virtio device", tests, device_setup, device_teardown);
}
