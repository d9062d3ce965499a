/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Front ends that are bad, gone, or too many. */

#include "device-fixture.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1u

/* The device is there for the next front end, which is an ordinary one. */
static void check_next_is_served(void)
{
	fake_frontend_disconnect(&frontend);
	fake_frontend_reboot(&frontend);
	fake_frontend_connect(&frontend);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
}

/* What is sent on its own to a device whose rings run, with how many descriptors (eventfds). */
static const struct bad {
	const char *what;
	uint32_t request, flags, size;
	uint64_t payload[9];
	unsigned n_fds;
} bad[] = {
	{ "no version", VHOST_GET_FEATURES, 0, 0, { 0 }, 0 },
	{ "a reply", VHOST_GET_FEATURES, 5, 0, { 0 }, 0 },
	{ "a payload that does not belong", VHOST_GET_FEATURES, VERSION, 8, { 0 }, 0 },
	{ "packed rings", VHOST_SET_FEATURES, VERSION, 8, { 1ull << 34 }, 0 },
	{ "protocol features not offered", VHOST_SET_PROTOCOL_FEATURES, VERSION, 8, { 1u << 12 } },
	{ "9 regions", VHOST_SET_MEM_TABLE, VERSION, 8, { 9 }, 8 },
	{ "a region without descriptor", VHOST_SET_MEM_TABLE, VERSION, 40, { 1, 0, 4096 }, 0 },
	{ "more descriptors than regions", VHOST_SET_MEM_TABLE, VERSION, 8, { 0 }, 1 },
	{ "a region of an eventfd", VHOST_SET_MEM_TABLE, VERSION, 40, { 1, 0, 4096 }, 1 },
	{ "the size of a ring that runs", VHOST_SET_VRING_NUM, VERSION, 8, { 8ull << 32 } },
	{ "the size of no ring", VHOST_SET_VRING_NUM, VERSION, 8, { 8ull << 32 | ECHO_QUEUES } },
	{ "the base of a ring that runs", VHOST_SET_VRING_BASE, VERSION, 8, { 0 }, 0 },
	{ "the base of no ring", VHOST_SET_VRING_BASE, VERSION, 8, { ECHO_QUEUES }, 0 },
	{ "the base of ring 2^32 - 1", VHOST_GET_VRING_BASE, VERSION, 8, { 0xffffffff }, 0 },
	{ "the address of no ring", VHOST_SET_VRING_ADDR, VERSION, 40, { ECHO_QUEUES }, 0 },
	{ "a kick for no ring", VHOST_SET_VRING_KICK, VERSION, 8, { ECHO_QUEUES }, 1 },
	{ "a kick without descriptor", VHOST_SET_VRING_KICK, VERSION, 8, { 0 }, 0 },
	{ "a kick with two", VHOST_SET_VRING_KICK, VERSION, 8, { 0 }, 2 },
	{ "a kick that says none, with one", VHOST_SET_VRING_KICK, VERSION, 8, { 0x100 }, 1 },
	{ "a kick that is to be polled for", VHOST_SET_VRING_KICK, VERSION, 8, { 0x100 }, 0 },
	{ "a kick with more flags", VHOST_SET_VRING_KICK, VERSION, 8, { 0x200 }, 1 },
	{ "a call for no ring", VHOST_SET_VRING_CALL, VERSION, 8, { ECHO_QUEUES }, 1 },
	{ "a call without descriptor", VHOST_SET_VRING_CALL, VERSION, 8, { 0 }, 0 },
	{ "no ring enabled", VHOST_SET_VRING_ENABLE, VERSION, 8, { 1ull << 32 | ECHO_QUEUES } },
	{ "a ring enabled twice", VHOST_SET_VRING_ENABLE, VERSION, 8, { 2ull << 32 }, 0 },
	{ "a config beyond its limit", VHOST_GET_CONFIG, VERSION, 12, { 257ull << 32, 0 }, 0 },
	{ "no socket", VHOST_GPU_SET_SOCKET, VERSION, 0, { 0 }, 0 },
	{ "two sockets", VHOST_GPU_SET_SOCKET, VERSION, 0, { 0 }, 2 },
	{ "too many descriptors", VHOST_GET_FEATURES, VERSION, 0, { 0 }, VHOST_FDS_MAX + 1 },
	{ "far too many", VHOST_SET_VRING_KICK, VERSION, 8, { 0 }, 64 },
};

START_TEST(who_breaks_the_protocol_is_disconnected)
{
	int fds[64];

	for (unsigned i = 0; i < N_ELEMENTS(fds); i++)
		fds[i] = frontend.queues[0].kick_fd;
	fake_frontend_start(&frontend, 0);
	for (unsigned i = 0; i < N_ELEMENTS(bad); i++) {
		unsigned n_fds = count_fds();

		fake_frontend_send(&frontend, bad[i].request, bad[i].flags, bad[i].payload,
			bad[i].size, fds, bad[i].n_fds);
		ck_assert_msg(fake_frontend_hung_up(&frontend), "%s", bad[i].what);
		/* Its socket, and of each ring two; the memory table. */
		ck_assert_msg(count_fds() == n_fds - 1 - 2 * ECHO_QUEUES - 2, "%s", bad[i].what);
		check_next_is_served();
	}
}
END_TEST

START_TEST(descriptors_that_nobody_wants_are_closed)
{
	static const uint32_t requests[] = { VHOST_GET_FEATURES, 6, 1000, VHOST_SET_OWNER };
	int fds[VHOST_FDS_MAX];
	unsigned n_fds = count_fds();

	for (unsigned i = 0; i < VHOST_FDS_MAX; i++)
		fds[i] = frontend.queues[0].kick_fd;
	for (unsigned i = 0; i < N_ELEMENTS(requests); i++) {
		fake_frontend_send(&frontend, requests[i], VERSION, NULL, 0, fds, VHOST_FDS_MAX);
		ck_assert(!fake_frontend_hung_up(&frontend));
		ck_assert_uint_eq(count_fds(), n_fds);
	}
}
END_TEST

/* Writing to them could kill us. */
START_TEST(pipes_and_sockets_are_no_eventfds)
{
	int fds[2];

	for (unsigned i = 0; i < 4; i++) {
		if (i % 2 == 0)
			ck_assert_int_eq(pipe(fds), 0);
		else
			ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		close(fds[0]);
		fake_frontend_tell_fd(
			&frontend, i < 2 ? VHOST_SET_VRING_CALL : VHOST_SET_VRING_KICK, 0, fds[1]);
		close(fds[1]);
		ck_assert(fake_frontend_hung_up(&frontend));
		check_next_is_served();
	}
}
END_TEST

static void send_with_fds(const void *data, size_t size, const int *fds, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)data, size };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n_fds * sizeof(int)),
	};

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	ck_assert_int_eq(sendmsg(frontend.fd, &msg, 0), (ssize_t)size);
}

/* A memory table with its descriptor, cut off behind every byte. */
START_TEST(a_front_end_may_leave_in_the_middle_of_a_message)
{
	const uint32_t message[3 + 10] = { VHOST_SET_MEM_TABLE, VERSION, 40, 1, 0, 0, 0, 4096 };

	for (size_t size = 1; size < sizeof(message); size++) {
		unsigned n_fds = count_fds();

		send_with_fds(message, size, &frontend.ram.fd, 1);
		fake_frontend_settle(&frontend);
		ck_assert_uint_eq(count_fds(), n_fds + 1);
		fake_frontend_disconnect(&frontend);
		fake_frontend_connect(&frontend);
		ck_assert_uint_eq(count_fds(), n_fds);
	}
	check_next_is_served();
}
END_TEST

/* As many as may come with its header, and others with its payload. */
START_TEST(descriptors_in_pieces_are_counted_together)
{
	const uint32_t header[] = { VHOST_SET_VRING_KICK, VERSION, 100 };
	int fds[VHOST_FDS_MAX];
	unsigned n_fds = count_fds();

	for (unsigned i = 0; i < VHOST_FDS_MAX; i++)
		fds[i] = frontend.queues[0].kick_fd;
	send_with_fds(header, sizeof(header), fds, VHOST_FDS_MAX);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(count_fds(), n_fds + VHOST_FDS_MAX);
	send_with_fds(header, sizeof(header), fds, VHOST_FDS_MAX);
	ck_assert(fake_frontend_hung_up(&frontend));
	fake_frontend_disconnect(&frontend);
	fake_frontend_connect(&frontend);
	ck_assert_uint_eq(count_fds(), n_fds);
}
END_TEST

START_TEST(a_message_may_come_byte_by_byte)
{
	const uint32_t message[] = { VHOST_GET_QUEUE_NUM, VERSION, 0, VHOST_SET_FEATURES, VERSION,
		8, 0, 1, VHOST_GET_QUEUE_NUM, VERSION, 0 };
	uint64_t n;

	for (size_t i = 0; i < sizeof(message); i++) {
		ck_assert_int_eq(send(frontend.fd, (const uint8_t *)message + i, 1, 0), 1);
		fake_frontend_settle(&frontend);
	}
	for (unsigned i = 0; i < 2; i++) {
		fake_frontend_reply(&frontend, VHOST_GET_QUEUE_NUM, &n, sizeof(n));
		ck_assert_uint_eq(n, ECHO_QUEUES);
	}
}
END_TEST

START_TEST(messages_may_come_all_at_once)
{
	uint32_t message[50][3];
	uint64_t n;

	for (unsigned i = 0; i < 50; i++)
		memcpy(message[i], (uint32_t[]){ VHOST_GET_QUEUE_NUM, VERSION, 0 }, 12);
	ck_assert_int_eq(send(frontend.fd, message, sizeof(message), 0), sizeof(message));
	for (unsigned i = 0; i < 50; i++)
		fake_frontend_reply(&frontend, VHOST_GET_QUEUE_NUM, &n, sizeof(n));
}
END_TEST

START_TEST(a_message_too_large_is_refused_before_it_comes)
{
	const uint32_t header[] = { VHOST_SET_FEATURES, VERSION, VHOST_PAYLOAD_MAX + 1 };

	ck_assert_int_eq(send(frontend.fd, header, sizeof(header), 0), sizeof(header));
	ck_assert(fake_frontend_hung_up(&frontend));
}
END_TEST

START_TEST(who_does_not_read_its_replies_is_disconnected)
{
	const uint32_t message[] = { VHOST_GET_FEATURES, VERSION, 0 };
	unsigned i;

	for (i = 0; i < 100000 && !fake_frontend_hung_up(&frontend); i++)
		if (send(frontend.fd, message, sizeof(message), MSG_NOSIGNAL) < 0)
			break;
	ck_assert(fake_frontend_hung_up(&frontend));
	check_next_is_served();
}
END_TEST

START_TEST(a_second_front_end_is_refused)
{
	int fds[2];

	fake_frontend_start(&frontend, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(device_attach(echo.device, fds[0]), -EBUSY);
	ck_assert_int_eq(recv(fds[1], fds, 1, MSG_DONTWAIT), 0);
	close(fds[1]);
	check_echo_of(0, "hello");
}
END_TEST

/* Its end was not noticed yet, and there is still a message of it. */
START_TEST(the_next_front_end_may_be_faster_than_the_end_of_the_last)
{
	fake_frontend_start(&frontend, 0);
	fake_frontend_tell(&frontend, VHOST_SET_FEATURES, 0);
	close(frontend.fd);
	frontend.fd = -1;
	fake_frontend_reboot(&frontend);
	fake_frontend_connect(&frontend);
	fake_frontend_start(&frontend, 0);
	check_echo_of(0, "hello");
}
END_TEST

static char folder[64], path[100];

static int connect_to(const char *name)
{
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };
	int fd;

	snprintf(endpoint.unix_path, sizeof(endpoint.unix_path), "%s", name);
	ck_assert_int_eq(hxfr_socket_connect(&endpoint, 1000, -1, &fd), 0);
	fake_frontend_settle(&frontend);
	return fd;
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(front_ends_come_to_a_path_one_after_another)
{
	struct stat st;

	snprintf(folder, sizeof(folder), "/tmp/virtio-device-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	fake_frontend_disconnect(&frontend);
	ck_assert_int_eq(device_listen(echo.device, path), 0);
	for (unsigned i = 0; i < 3; i++) {
		int fd = connect_to(path), second = connect_to(path);

		ck_assert(!is_closed(fd));
		ck_assert(is_closed(second));
		close(second);
		close(fd);
	}
	device_destroy(echo.device);
	echo.device = NULL;
	ck_assert_int_lt(stat(path, &st), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_path_that_is_no_socket_is_refused)
{
	char longer[200];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(device_listen(echo.device, longer), -EMSGSIZE);
	ck_assert_int_eq(device_listen(echo.device, "/nonexistent/socket"), -ENOENT);
	check_next_is_served();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_breaks_the_protocol_is_disconnected,
		descriptors_that_nobody_wants_are_closed,
		pipes_and_sockets_are_no_eventfds,
		a_front_end_may_leave_in_the_middle_of_a_message,
		descriptors_in_pieces_are_counted_together,
		a_message_may_come_byte_by_byte,
		messages_may_come_all_at_once,
		a_message_too_large_is_refused_before_it_comes,
		who_does_not_read_its_replies_is_disconnected,
		a_second_front_end_is_refused,
		the_next_front_end_may_be_faster_than_the_end_of_the_last,
		front_ends_come_to_a_path_one_after_another,
		a_path_that_is_no_socket_is_refused,
		NULL,
	};

	return suite_run_with("virtio device peer", tests, device_setup, device_teardown);
}
