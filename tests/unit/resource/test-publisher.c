/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resource-client.h"
#include "resource/seqpacket.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop *loop;
static struct publisher *publisher;
static unsigned drains;
static const struct resource_packet *said_in_drain;
static char dir[] = "/tmp/publisher-XXXXXX", path[64];

static void send_remove(unsigned to, uint32_t id)
{
	const struct resource_packet packet = { .type = RESOURCE_REMOVE, .remove = { id } };

	publisher_send(publisher, to, &packet);
}

/* Some 10 KiB. */
static void send_big(uint32_t id)
{
	const struct resource_packet add = {
		.type = RESOURCE_ADD,
		.add = { .id = id, .width = 4, .height = 5, .format = 1 },
	};
	struct resource_run runs[RESOURCE_RUNS_PACKET];

	for (uint32_t i = 0; i < RESOURCE_RUNS_PACKET; i++)
		runs[i] = (struct resource_run){ 0, 0, RESOURCE_RUN_ALIGN };
	publisher_add(publisher, PUBLISHER_ALL, &add, runs, RESOURCE_RUNS_PACKET);
}

static void send_flush(uint32_t id)
{
	const struct resource_packet packet = {
		.type = RESOURCE_FLUSH,
		.flush = { id, 0, 0, 4, 4 },
	};

	publisher_send(publisher, PUBLISHER_ALL, &packet);
}

static void send_memory(unsigned to, unsigned n)
{
	const int fds[RESOURCE_REGIONS_MAX] = { 2, 2, 2, 2, 2, 2, 2, 2 };

	publisher_memory(publisher, to, fds, n);
}

static void snapshot(void *self, unsigned to)
{
	send_memory(to, 2);
}

static void drain(void *self)
{
	drains++;
	if (said_in_drain)
		publisher_send(publisher, PUBLISHER_ALL, said_in_drain);
}

static void show(void *self, unsigned to)
{
	const struct resource_packet packet = {
		.type = RESOURCE_SCANOUT,
		.scanout = { 0, 5, 0, 0, 4, 4 },
	};

	publisher_send(publisher, to, &packet);
}

static const struct publisher_impl impl = { .snapshot = snapshot, .show = show, .drain = drain };

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/sock", dir);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(publisher_new(&impl, NULL, loop, NULL, &publisher), 0);
}

static void teardown(void)
{
	publisher_destroy(publisher);
	loop_destroy(loop);
	unlink(path);
	rmdir(dir);
}

static int attach(void)
{
	int fd = resource_client_attach(publisher);

	assert_told(fd, "MEMORY 2");
	return fd;
}

/* As long as something is ready. */
static void run(void)
{
	int n;

	do {
		n = loop_run_once(loop, 0);
		ck_assert_int_ge(n, 0);
	} while (n > 0);
}

static int connect_to(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -errno;
}

START_TEST(one_packet_is_for_one_client_or_for_all)
{
	int a = attach(), b = attach();

	send_remove(0, 1);
	send_remove(1, 2);
	send_remove(PUBLISHER_ALL, 3);
	assert_told(a, "REMOVE 1; REMOVE 3");
	assert_told(b, "REMOVE 2; REMOVE 3");
	close(a);
	close(b);
}
END_TEST

START_TEST(a_resource_without_pages_is_one_packet)
{
	const struct resource_packet add = {
		.type = RESOURCE_ADD,
		.add = { .id = 3, .width = 4, .height = 5, .format = 1 },
	};
	int fd = attach();

	publisher_add(publisher, PUBLISHER_ALL, &add, NULL, 0);
	assert_told(fd, "ADD 3 4x5 f1");
	close(fd);
}
END_TEST

START_TEST(the_guest_has_been_served_before_synced)
{
	const struct resource_packet done = { .type = RESOURCE_REMOVE, .remove = { 9 } };
	int fd = attach();

	said_in_drain = &done;
	resource_client_sync(fd, 7);
	resource_client_sync(fd, 8);
	assert_told(fd, "");
	run();
	assert_told(fd, "REMOVE 9; SYNCED 7; REMOVE 9; SYNCED 8");
	ck_assert_uint_eq(drains, 2);
	close(fd);
}
END_TEST

START_TEST(one_who_asks_for_ever_leaves_the_others_their_turn)
{
	int fd = attach();

	for (uint32_t i = 0; i < 100; i++)
		resource_client_sync(fd, i);
	loop_run_once(loop, 0);
	ck_assert_uint_gt(drains, 0);
	ck_assert_uint_lt(drains, 100);
	run();
	ck_assert_uint_eq(drains, 100);
	close(fd);
}
END_TEST

START_TEST(what_no_client_may_say_ends_it_and_nobody_else)
{
	static const struct {
		uint8_t bytes[RESOURCE_PACKET_MAX];
		size_t size;
	} cases[] = {
		{ { RESOURCE_SYNC }, 4 },
		{ { RESOURCE_SYNC }, 7 },
		{ { RESOURCE_SYNC }, 9 },
		{ { RESOURCE_SYNC }, RESOURCE_PACKET_MAX },
		{ { RESOURCE_SYNCED }, 8 },
		{ { RESOURCE_REMOVE, 0, 0, 0, 1 }, 8 },
		{ { RESOURCE_MEMORY }, 8 },
		{ { 0 }, 8 },
		{ { 99 }, 1 },
		{ { 0 }, 0 },
	};
	int other = attach();

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		int fd = attach();

		ck_assert_int_eq(send(fd, cases[i].bytes, cases[i].size, 0), cases[i].size);
		run();
		ck_assert_msg(!strcmp(resource_client_told(fd), "hung up"), "case %zu", i);
		close(fd);
	}
	resource_client_sync(other, 1);
	run();
	assert_told(other, "SYNCED 1");
	ck_assert_uint_eq(drains, 1);
	close(other);
}
END_TEST

START_TEST(a_client_that_left_makes_room)
{
	int fds[PUBLISHER_CLIENTS_MAX], pair[2];

	for (unsigned i = 0; i < PUBLISHER_CLIENTS_MAX; i++)
		fds[i] = attach();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(publisher_attach(publisher, pair[1]), -EUSERS);
	assert_told(pair[0], "hung up");
	close(pair[0]);
	close(fds[3]);
	run();
	fds[3] = attach();
	for (unsigned i = 0; i < PUBLISHER_CLIENTS_MAX; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_let_go_and_not_waited_for)
{
	int slow = attach(), quick = attach();
	char expected[64];
	const char *told;

	/* More than a socket and PUBLISHER_QUEUE_MAX hold. */
	for (uint32_t id = 1; id <= 600; id++) {
		send_big(id);
		run();
		snprintf(expected, sizeof expected, "ADD %u 4x5 f1 512 runs 0-512", id);
		assert_told(quick, expected);
	}
	told = resource_client_told(slow);
	ck_assert_str_eq(told + strlen(told) - strlen("; hung up"), "; hung up");
	ck_assert(!strncmp(told, "ADD 1 ", 6));
	close(slow);
	close(quick);
}
END_TEST

/* More packets than the socket takes, with ids from first on. Returns the id behind the last. */
static uint32_t fill(int fd, uint32_t first)
{
	int size = 0;
	socklen_t length = sizeof size;

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
	/* At least 256 bytes each, whatever the kernel's bookkeeping is. */
	for (uint32_t i = 0; i < (uint32_t)size / 256; i++)
		send_remove(PUBLISHER_ALL, first + i);
	return first + (uint32_t)size / 256;
}

START_TEST(a_client_that_reads_late_misses_no_change_and_no_descriptor)
{
	int fd = attach();
	uint32_t end = fill(fd, 1), next = 1;

	send_memory(PUBLISHER_ALL, 3);
	send_remove(PUBLISHER_ALL, end);
	/* What waited behind the socket is void; what is in it comes in order. */
	for (const char *told = resource_client_told(fd); *told;) {
		unsigned id;
		int n;

		ck_assert_int_eq(sscanf(told, "REMOVE %u%n", &id, &n), 1);
		ck_assert_uint_eq(id, next++);
		told += n + (told[n] == ';' ? 2 : 0);
	}
	ck_assert_uint_gt(next, 1);
	ck_assert_uint_lt(next, end);
	run();
	snprintf(path, sizeof path, "MEMORY 3; REMOVE %u", end);
	assert_told(fd, path);
	send_remove(PUBLISHER_ALL, 1);
	assert_told(fd, "REMOVE 1");
	close(fd);
}
END_TEST

START_TEST(what_waits_is_sent_when_the_client_reads)
{
	int fd = attach();
	uint32_t end = fill(fd, 1), last = 0;

	for (unsigned i = 0; i < 1000 && last != end - 1; i++) {
		const char *told = resource_client_told(fd), *at = strrchr(told, ' ');

		if (at)
			last = (uint32_t)strtoul(at, NULL, 10);
		loop_run_once(loop, 0);
	}
	ck_assert_uint_eq(last, end - 1);
	close(fd);
}
END_TEST

START_TEST(nothing_overtakes_what_waits)
{
	int fd = attach();
	uint32_t next = 1, last;

	/* Twice: a queue that was empty again is as good as a new one. */
	for (unsigned round = 0; round < 2; round++) {
		last = fill(fd, next);
		for (unsigned i = 0; i < 1000 && next <= last; i++) {
			const char *told = resource_client_told(fd);
			unsigned id;
			int n;

			for (; sscanf(told, "REMOVE %u%n", &id, &n) == 1; next++) {
				ck_assert_uint_eq(id, next);
				told += n + (told[n] == ';' ? 2 : 0);
			}
			/* The socket has room now, but others were first. */
			if (i == 0)
				send_remove(PUBLISHER_ALL, last);
			loop_run_once(loop, 0);
		}
		ck_assert_uint_eq(next, last + 1);
	}
	close(fd);
}
END_TEST

/* What was told of before it is void: the answer would deny what comes again. */
START_TEST(an_answer_outlives_what_is_void_and_comes_behind_it)
{
	int fd = attach();

	fill(fd, 1);
	resource_client_sync(fd, 5);
	run();
	send_memory(PUBLISHER_ALL, 1);
	resource_client_told(fd);
	run();
	assert_told(fd, "MEMORY 1; SYNCED 5");
	close(fd);
}
END_TEST

START_TEST(a_flush_is_lost_when_the_client_is_slow)
{
	int fd = attach();
	unsigned flushes = 0;

	fill(fd, 1);
	for (unsigned i = 0; i < 10000; i++)
		send_flush(5);
	send_remove(PUBLISHER_ALL, 77777);
	for (bool done = false; !done;) {
		const char *told = resource_client_told(fd);

		ck_assert(!strstr(told, "hung up"));
		done = strstr(told, "REMOVE 77777");
		for (; (told = strstr(told, "FLUSH")); told++)
			flushes++;
		loop_run_once(loop, 0);
	}
	ck_assert_uint_lt(flushes, 1000);
	send_flush(6);
	assert_told(fd, "FLUSH 6 0,0 4x4");
	close(fd);
}
END_TEST

START_TEST(what_a_lost_flush_changed_is_shown_again)
{
	int slow = attach(), quick = attach();
	bool waits = false, shown = false;

	/* Of other resources only: nothing else would have the client look at 5 again. */
	for (uint32_t id = 100; id < 160; id++) {
		send_big(id);
		resource_client_told(quick);
	}
	send_flush(5);
	assert_told(quick, "FLUSH 5 0,0 4x4");
	do {
		const char *told = resource_client_told(slow);

		ck_assert(!strstr(told, "FLUSH"));
		waits = *told;
		shown |= strstr(told, "SCANOUT 0 5") != NULL;
		run();
	} while (waits);
	ck_assert(shown);
	send_flush(5);
	assert_told(slow, "FLUSH 5 0,0 4x4");
	assert_told(quick, "FLUSH 5 0,0 4x4");
	close(slow);
	close(quick);
}
END_TEST

START_TEST(a_socket_is_listened_on_and_cleaned_up)
{
	struct stat st;
	int fd;

	ck_assert_int_eq(publisher_listen(publisher, path), 0);
	ck_assert_int_eq(publisher_listen(publisher, path), -EBUSY);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	run();
	assert_told(fd, "MEMORY 2");
	publisher_destroy(publisher);
	publisher = NULL;
	assert_told(fd, "hung up");
	ck_assert_int_eq(stat(path, &st), -1);
	close(fd);
}
END_TEST

START_TEST(only_a_socket_that_nobody_listens_on_is_replaced)
{
	int stale, fd, file;

	ck_assert_int_eq(seqpacket_listen(path, &stale), 0);
	ck_assert_int_eq(publisher_listen(publisher, path), -EADDRINUSE);
	close(stale);
	ck_assert_int_eq(publisher_listen(publisher, path), 0);
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	publisher_destroy(publisher);
	ck_assert_int_eq(publisher_new(&impl, NULL, loop, NULL, &publisher), 0);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(publisher_listen(publisher, path), -EADDRINUSE);
	close(file);
	ck_assert_int_eq(publisher_listen(publisher, ""), -EMSGSIZE);
	ck_assert_int_eq(publisher_listen(publisher,
				 "/0123456789012345678901234567890123456789012345678901234567890123"
				 "45678901234567890123456789012345678901234567890"),
		-EMSGSIZE);
}
END_TEST

START_TEST(a_client_is_turned_away_when_there_are_no_descriptors)
{
	struct rlimit limit = { 0, 0 }, few;
	int fd, top;

	ck_assert_int_eq(publisher_listen(publisher, path), 0);
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	top = dup(fd);
	close(top);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){ (rlim_t)top, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	run();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_told(fd, "hung up");
	close(fd);
	/* And the next one is served. */
	fd = connect_to(path);
	run();
	assert_told(fd, "MEMORY 2");
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_packet_is_for_one_client_or_for_all,
		a_resource_without_pages_is_one_packet,
		the_guest_has_been_served_before_synced,
		one_who_asks_for_ever_leaves_the_others_their_turn,
		what_no_client_may_say_ends_it_and_nobody_else,
		a_client_that_left_makes_room,
		a_client_that_does_not_read_is_let_go_and_not_waited_for,
		a_client_that_reads_late_misses_no_change_and_no_descriptor,
		what_waits_is_sent_when_the_client_reads,
		nothing_overtakes_what_waits,
		an_answer_outlives_what_is_void_and_comes_behind_it,
		a_flush_is_lost_when_the_client_is_slow,
		what_a_lost_flush_changed_is_shown_again,
		a_socket_is_listened_on_and_cleaned_up,
		only_a_socket_that_nobody_listens_on_is_replaced,
		a_client_is_turned_away_when_there_are_no_descriptors,
		NULL,
	};
	return suite_run_with("publisher", tests, setup, teardown);
}
