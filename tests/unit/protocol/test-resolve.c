/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Host names, with getaddrinfo(3) replaced by the one below: definitions of the program win over
 * those of libc. It knows names that answer, that do not exist, and one whose answer does not come
 * before the test says so.
 */

#include "net.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SHORT_MS 100
#define SHARE_MS 1000

static sem_t answer; /* posted: getaddrinfo("blocked.test") may return */
static sem_t freed;  /* posted by freeaddrinfo() */
static atomic_int lookups;
static atomic_bool signals_blocked;

static const struct {
	const char *name;
	const char *addresses[3];
} names[] = {
	{ "one.test", { "127.0.0.1" } },
	{ "blocked.test", { "127.0.0.1" } },
	{ "second.test", { "127.0.0.2", "127.0.0.1" } },
	{ "hole.test", { "127.0.0.3", "127.0.0.1" } },
};

static struct addrinfo *make_address(const char *text, const char *port, struct addrinfo *next)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai));
	struct sockaddr_in *in = calloc(1, sizeof(*in));

	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)atoi(port));
	inet_pton(AF_INET, text, &in->sin_addr);
	ai->ai_family = AF_INET;
	ai->ai_socktype = SOCK_STREAM;
	ai->ai_addr = (struct sockaddr *)in;
	ai->ai_addrlen = sizeof(*in);
	ai->ai_next = next;
	return ai;
}

static void look_like_a_resolver(const char *name)
{
	sigset_t set;

	lookups++;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	signals_blocked = sigismember(&set, SIGUSR1);
	if (!strcmp(name, "blocked.test"))
		sem_wait(&answer);
}

static struct addrinfo *look_up(const char *name, const char *service)
{
	struct addrinfo *list = NULL;

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		for (size_t k = N_ELEMENTS(names[i].addresses); k-- > 0;) {
			if (!strcmp(names[i].name, name) && names[i].addresses[k])
				list = make_address(names[i].addresses[k], service, list);
		}
	}
	return list;
}

int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *req, struct addrinfo **pai)
{
	struct addrinfo *list = NULL;
	struct in_addr in;

	if (inet_pton(AF_INET, name, &in) == 1) {
		list = make_address(name, service, NULL);
	} else if (!(req->ai_flags & AI_NUMERICHOST)) {
		look_like_a_resolver(name);
		list = look_up(name, service);
	}
	if (!list)
		return EAI_NONAME;
	*pai = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *ai)
{
	while (ai) {
		struct addrinfo *next = ai->ai_next;

		free(ai->ai_addr);
		free(ai);
		ai = next;
	}
	sem_post(&freed);
}

static void setup(void)
{
	sem_init(&answer, 0, 0);
	sem_init(&freed, 0, 0);
}

static void wait_until_freed(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += NET_TIMEOUT_MS / 1000;
	ck_assert_int_eq(sem_timedwait(&freed, &deadline), 0);
}

static struct hxfr_endpoint named(const char *name, uint16_t port)
{
	struct hxfr_endpoint e = { .transport = HXFR_TRANSPORT_TCP };

	snprintf(e.tcp.host, sizeof(e.tcp.host), "%s", name);
	e.tcp.port = port;
	return e;
}

static void assert_connects(const char *name)
{
	struct hxfr_endpoint bound, e;
	int listener = net_listen("tcp:127.0.0.1:0", &bound), fd;

	e = named(name, bound.tcp.port);
	ck_assert_int_eq(hxfr_socket_connect(&e, NET_TIMEOUT_MS, -1, &fd), 0);
	close(fd);
	close(listener);
}

START_TEST(name_is_looked_up_in_a_thread_that_takes_no_signals)
{
	assert_connects("one.test");
	ck_assert_int_eq(lookups, 1);
	ck_assert(signals_blocked);
}
END_TEST

START_TEST(numeric_address_needs_no_lookup)
{
	assert_connects("127.0.0.1");
	ck_assert_int_eq(lookups, 0);
}
END_TEST

START_TEST(every_address_of_a_name_is_tried)
{
	assert_connects("second.test");
}
END_TEST

START_TEST(address_that_swallows_packets_leaves_time_for_the_next)
{
	struct hxfr_endpoint bound, e;
	int listener = net_listen("tcp:127.0.0.1:0", &bound), hole, fd;
	char text[HXFR_ENDPOINT_MAX];
	int64_t start;

	snprintf(text, sizeof(text), "tcp:127.0.0.3:%u", bound.tcp.port);
	hole = net_listen(text, NULL);
	net_fill_backlog(hole);
	e = named("hole.test", bound.tcp.port);
	start = net_now_ms();
	ck_assert_int_eq(hxfr_socket_connect(&e, 2 * SHARE_MS, -1, &fd), 0);
	ck_assert_int_lt(net_now_ms() - start, 2 * SHARE_MS);
	close(fd);
	close(hole);
	close(listener);
}
END_TEST

START_TEST(name_without_address_is_unreachable)
{
	struct hxfr_endpoint e = named("nowhere.test", 1);
	int fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_connect(&e, NET_TIMEOUT_MS, -1, &fd), -EHOSTUNREACH);
	ck_assert_int_eq(hxfr_socket_listen(&e, &fd, NULL), -EHOSTUNREACH);
	assert_poisoned(&fd);
}
END_TEST

START_TEST(deadline_holds_while_the_resolver_hangs_and_nothing_leaks_after)
{
	struct hxfr_endpoint e = named("blocked.test", 1);
	int64_t start = net_now_ms();
	int fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_connect(&e, SHORT_MS, -1, &fd), -ETIMEDOUT);
	ck_assert_int_ge(net_now_ms() - start, SHORT_MS - 1);
	ck_assert_int_lt(net_now_ms() - start, NET_TIMEOUT_MS);
	assert_poisoned(&fd);
	sem_post(&answer);
	wait_until_freed();
}
END_TEST

START_TEST(wake_fd_cancels_while_the_resolver_hangs)
{
	struct hxfr_endpoint e = named("blocked.test", 1);
	int wake_fd = eventfd(1, EFD_CLOEXEC), fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_connect(&e, NET_TIMEOUT_MS, wake_fd, &fd), -ECANCELED);
	assert_poisoned(&fd);
	sem_post(&answer);
	wait_until_freed();
	close(wake_fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		name_is_looked_up_in_a_thread_that_takes_no_signals,
		numeric_address_needs_no_lookup,
		every_address_of_a_name_is_tried,
		address_that_swallows_packets_leaves_time_for_the_next,
		name_without_address_is_unreachable,
		deadline_holds_while_the_resolver_hangs_and_nothing_leaks_after,
		wake_fd_cancels_while_the_resolver_hangs,
		NULL,
	};

	return suite_run_with("resolve", tests, setup, NULL);
}
