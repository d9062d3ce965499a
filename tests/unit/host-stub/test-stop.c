/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a server whose clients are busy. */
#include "fake-encoder.h"
#include "peer.h"
#include "server.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <unistd.h>

#define N_CLIENTS  12u
#define N_FRAMES   40u
#define WORK_MS    50u
#define TIMEOUT_MS 10000u
#define SHORT_MS   50u

static struct server *server;
static pthread_t thread;
static struct hxfr_endpoint bound;
static struct peer peers[N_CLIENTS];

static void *run(void *user)
{
	ck_assert_int_eq(server_run(user), 0);
	return NULL;
}

static void set_up(void)
{
	const struct server_config config = { .encoder = { &fake_blind_impl, "fake" } };
	const struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_TCP,
		.tcp = { "127.0.0.1", 0 } };

	fake_reset();
	ck_assert_int_eq(server_new(&config, &server), 0);
	ck_assert_int_eq(server_listen(server, &endpoint, &bound), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, server), 0);
}

static void connect_clients(unsigned n, unsigned n_frames)
{
	const struct hxfr_frame_request request = {
		.resource_id = 1, .width = 64, .height = 64, .format = HXFR_FORMAT_NV12
	};
	int fd;

	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(hxfr_socket_connect(&bound, TIMEOUT_MS, -1, &fd), 0);
		peer_init(&peers[i], fd);
		for (unsigned frame = 0; frame < n_frames; frame++)
			peer_send_frame(&peers[i], &request);
	}
}

static void end_run(void)
{
	server_stop(server);
	pthread_join(thread, NULL);
}

static void tear_down(void)
{
	server_destroy(server);
	for (unsigned i = 0; i < N_CLIENTS; i++)
		peer_finish(&peers[i]);
}

START_TEST(busy_clients_are_ended_at_once_not_one_after_the_other)
{
	fake.work_ms = WORK_MS;
	connect_clients(N_CLIENTS, N_FRAMES);
	ck_assert(fake_wait_encoded(N_CLIENTS, TIMEOUT_MS));
	end_run();
	unsigned before = fake_encoded();
	ck_assert_int_eq(server_stop_sessions(server, TIMEOUT_MS), 0);
	/* One after the other, the last one would encode N_CLIENTS frames more. */
	ck_assert_uint_lt(fake_encoded() - before, 3 * N_CLIENTS);
}
END_TEST

START_TEST(an_encoder_that_does_not_stop_does_not_keep_the_server)
{
	fake.blocked = true;
	connect_clients(1, 1);
	ck_assert(fake_wait_encoded(1, TIMEOUT_MS));
	end_run();
	ck_assert_int_eq(server_stop_sessions(server, SHORT_MS), -ETIMEDOUT);
	fake_unblock();
	ck_assert_int_eq(server_stop_sessions(server, TIMEOUT_MS), 0);
}
END_TEST

START_TEST(a_server_that_stopped_listening_is_not_there_any_more)
{
	int fd;

	end_run();
	server_stop_listening(server);
	ck_assert_int_eq(hxfr_socket_connect(&bound, TIMEOUT_MS, -1, &fd), -ECONNREFUSED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		busy_clients_are_ended_at_once_not_one_after_the_other,
		an_encoder_that_does_not_stop_does_not_keep_the_server,
		a_server_that_stopped_listening_is_not_there_any_more,
		NULL,
	};
	return suite_run_with("stop", tests, set_up, tear_down);
}
