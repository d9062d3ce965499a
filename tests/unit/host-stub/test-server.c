/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many clients, and what one does to the others. */
#include "peer.h"
#include "server.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>
#include <hxfr/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_CLIENTS 8

static char directory[64], path[96];
static struct server_config config;
static struct server *server;
static pthread_t thread;
static struct hxfr_endpoint endpoint;

static void set_up(void)
{
	snprintf(directory, sizeof directory, "/tmp/host-stub-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/socket", directory);
	endpoint = (struct hxfr_endpoint){ .transport = HXFR_TRANSPORT_UNIX };
	snprintf(endpoint.unix_path, sizeof endpoint.unix_path, "%s", path);
	config = (struct server_config){ .encoder = { &encoder_null_impl, "null" },
		.console_width = 320,
		.console_height = 240,
		.stall_timeout_ms = 500 };
}

static void *run(void *user)
{
	ck_assert_int_eq(server_run(user), 0);
	return NULL;
}

static void start(void)
{
	ck_assert_int_eq(server_new(&config, &server), 0);
	ck_assert_int_eq(server_listen(server, &endpoint, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, server), 0);
}

static void stop(void)
{
	server_stop(server);
	pthread_join(thread, NULL);
	server_destroy(server);
	server = NULL;
}

static void tear_down(void)
{
	if (server)
		stop();
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void connect_to(const struct hxfr_endpoint *to, struct peer *peer)
{
	int fd;

	ck_assert_int_eq(hxfr_socket_connect(to, PEER_TIMEOUT_MS, -1, &fd), 0);
	peer_init(peer, fd);
}

static void expect_served(struct peer *peer, int64_t pts)
{
	struct hxfr_frame_request request = {
		.resource_id = 1, .width = 64, .height = 64, .format = HXFR_FORMAT_NV12, .pts = pts
	};

	peer_send_frame(peer, &request);
	ck_assert_int_eq(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.pts, pts);
}

START_TEST(many_clients_are_served_at_once)
{
	struct peer peers[SMALL_CLIENTS];

	start();
	for (int i = 0; i < SMALL_CLIENTS; i++)
		connect_to(&endpoint, &peers[i]);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < SMALL_CLIENTS; i++)
			expect_served(&peers[i], round * 100 + i);
	for (int i = 0; i < SMALL_CLIENTS; i++)
		peer_finish(&peers[i]);
}
END_TEST

START_TEST(a_bad_client_costs_nobody_else_anything)
{
	struct peer good, bad;
	struct stats stats;

	start();
	connect_to(&endpoint, &good);
	expect_served(&good, 1);
	connect_to(&endpoint, &bad);
	peer_send_bytes(&bad, "HXFS and so on", 14);
	ck_assert_int_eq(peer_expect(&bad, HXFR_ERROR)->error.code, HXFR_CODE_INVALID_MESSAGE);
	peer_expect_end(&bad);
	expect_served(&good, 2);
	server_get_stats(server, &stats);
	ck_assert_uint_eq(stats.bad_clients, 1);
	peer_finish(&bad);
	peer_finish(&good);
}
END_TEST

START_TEST(a_client_that_stops_in_the_middle_of_a_message_costs_nobody_else_anything)
{
	struct peer good, bad;

	start();
	connect_to(&endpoint, &bad);
	peer_send_bytes(&bad, "HXFR\1", 5);
	connect_to(&endpoint, &good);
	expect_served(&good, 2);
	peer_finish(&bad);
	expect_served(&good, 3);
	peer_finish(&good);
}
END_TEST

START_TEST(one_client_too_many_is_told_and_closed)
{
	struct peer peers[SERVER_CLIENTS_MAX], extra;

	start();
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		connect_to(&endpoint, &peers[i]);
		expect_served(&peers[i], i);
	}
	connect_to(&endpoint, &extra);
	ck_assert_int_eq(peer_expect(&extra, HXFR_ERROR)->error.code, HXFR_CODE_INTERNAL);
	peer_expect_end(&extra);
	expect_served(&peers[0], 7);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		peer_finish(&peers[i]);
	peer_finish(&extra);
}
END_TEST

static void connect_all(struct peer peers[SERVER_CLIENTS_MAX])
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		connect_to(&endpoint, &peers[i]);
}

static void finish_all(struct peer peers[SERVER_CLIENTS_MAX])
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		peer_finish(&peers[i]);
}

/* Until the others are old enough; SUITE_TEST_TIMEOUT_S is the deadline. */
static void expect_served_soon(void)
{
	struct hxfr_frame_request request = {
		.resource_id = 1, .width = 64, .height = 64, .format = HXFR_FORMAT_NV12
	};
	const struct hxfr_message *m;
	struct peer peer;
	bool served;

	do {
		connect_to(&endpoint, &peer);
		peer_send_frame(&peer, &request);
		m = peer_take(&peer);
		served = m && m->header.type == HXFR_FRAME_RESPONSE;
		peer_finish(&peer);
	} while (!served);
}

START_TEST(clients_that_say_nothing_do_not_keep_their_places)
{
	struct peer peers[SERVER_CLIENTS_MAX];

	config.stall_timeout_ms = 1;
	start();
	connect_all(peers);
	expect_served_soon();
	finish_all(peers);
}
END_TEST

START_TEST(clients_that_stop_in_the_middle_of_a_message_do_not_keep_their_places)
{
	struct peer peers[SERVER_CLIENTS_MAX];

	config.stall_timeout_ms = 1;
	start();
	connect_all(peers);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		expect_served(&peers[i], i);
		peer_send_bytes(&peers[i], "HXFR", 4);
	}
	expect_served_soon();
	finish_all(peers);
}
END_TEST

START_TEST(clients_that_owe_nothing_keep_their_places)
{
	struct peer peers[SERVER_CLIENTS_MAX], extra;

	config.stall_timeout_ms = 1;
	start();
	connect_all(peers);
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
			expect_served(&peers[i], i);
	connect_to(&endpoint, &extra);
	ck_assert_int_eq(peer_expect(&extra, HXFR_ERROR)->error.code, HXFR_CODE_INTERNAL);
	peer_finish(&extra);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		expect_served(&peers[i], i);
	finish_all(peers);
}
END_TEST

START_TEST(places_of_clients_gone_are_free_again)
{
	start();
	for (unsigned i = 0; i < 2 * SERVER_CLIENTS_MAX; i++) {
		struct peer peer;
		struct stats stats;
		connect_to(&endpoint, &peer);
		expect_served(&peer, i);
		peer_send_bytes(&peer, "bye, bye, bye", 13);
		peer_expect(&peer, HXFR_ERROR);
		peer_expect_end(&peer);
		peer_finish(&peer);
		server_get_stats(server, &stats);
		ck_assert_uint_eq(stats.refused, 0);
	}
}
END_TEST

START_TEST(a_scanout_one_client_enables_another_subscribes_to)
{
	struct hxfr_message enable = { .header = { .type = HXFR_ENABLE_SCANOUT },
		.enable_scanout = { 5, 640, 480, 60 } };
	struct hxfr_message subscribe = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = 5 };
	struct peer a, b;

	start();
	connect_to(&endpoint, &a);
	peer_send(&a, &enable);
	peer_expect(&a, HXFR_SCANOUT_RESP);
	peer_finish(&a);
	connect_to(&endpoint, &b);
	peer_send(&b, &subscribe);
	ck_assert(peer_expect(&b, HXFR_SUBSCRIBE_RESP)->subscribe_resp.success);
	ck_assert_uint_eq(peer_expect(&b, HXFR_FRAME_RESPONSE)->header.session_id, 5);
	peer_finish(&b);
}
END_TEST

START_TEST(refuse_closes_the_first_connections_at_once)
{
	struct peer peer;

	ck_assert_int_eq(fault_parse("refuse=2", &config.faults[0], NULL), 0);
	config.n_faults = 1;
	start();
	for (int i = 0; i < 2; i++) {
		connect_to(&endpoint, &peer);
		peer_expect_end(&peer);
		peer_finish(&peer);
	}
	connect_to(&endpoint, &peer);
	expect_served(&peer, 1);
	peer_finish(&peer);
}
END_TEST

START_TEST(faults_may_be_for_one_connection)
{
	struct peer peer;

	ck_assert_int_eq(fault_parse("connection=1,close@1", &config.faults[0], NULL), 0);
	config.n_faults = 1;
	start();
	connect_to(&endpoint, &peer);
	expect_served(&peer, 1);
	peer_expect_end(&peer);
	peer_finish(&peer);
	connect_to(&endpoint, &peer);
	expect_served(&peer, 1);
	expect_served(&peer, 2);
	peer_finish(&peer);
}
END_TEST

START_TEST(every_endpoint_is_served_and_the_real_port_said)
{
	struct hxfr_endpoint tcp = { .transport = HXFR_TRANSPORT_TCP, .tcp = { "127.0.0.1", 0 } };
	struct hxfr_endpoint bound;
	struct peer a, b;

	ck_assert_int_eq(server_new(&config, &server), 0);
	ck_assert_int_eq(server_listen(server, &tcp, &bound), 0);
	ck_assert_int_eq(server_listen(server, &endpoint, NULL), 0);
	ck_assert_uint_ne(bound.tcp.port, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, server), 0);
	connect_to(&bound, &a);
	connect_to(&endpoint, &b);
	expect_served(&a, 1);
	expect_served(&b, 2);
	peer_finish(&a);
	peer_finish(&b);
}
END_TEST

START_TEST(an_address_in_use_is_said_and_its_file_left_alone)
{
	struct server *second;
	struct peer peer;

	start();
	ck_assert_int_eq(server_new(&config, &second), 0);
	ck_assert_int_eq(server_listen(second, &endpoint, NULL), -EADDRINUSE);
	server_destroy(second);
	connect_to(&endpoint, &peer);
	expect_served(&peer, 1);
	peer_finish(&peer);
}
END_TEST

START_TEST(a_kernel_without_vsock_is_named_as_such)
{
	const struct hxfr_endpoint vsock = { .transport = HXFR_TRANSPORT_VSOCK };
	const int errors[] = { -EAFNOSUPPORT, -ENODEV };

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_ptr_nonnull(strstr(server_listen_advice(&vsock, errors[i]), "AF_VSOCK"));
		ck_assert_ptr_null(strstr(server_listen_advice(&endpoint, errors[i]), "AF_VSOCK"));
	}
	ck_assert_ptr_null(server_listen_advice(&vsock, -EIO));
}
END_TEST

START_TEST(stop_ends_clients_and_removes_the_socket_file)
{
	struct peer peer;
	struct stat st;

	start();
	connect_to(&endpoint, &peer);
	expect_served(&peer, 1);
	ck_assert_int_eq(stat(path, &st), 0);
	stop();
	peer_expect_end(&peer);
	ck_assert_int_eq(stat(path, &st), -1);
	peer_finish(&peer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		many_clients_are_served_at_once,
		a_bad_client_costs_nobody_else_anything,
		a_client_that_stops_in_the_middle_of_a_message_costs_nobody_else_anything,
		one_client_too_many_is_told_and_closed,
		clients_that_say_nothing_do_not_keep_their_places,
		clients_that_stop_in_the_middle_of_a_message_do_not_keep_their_places,
		clients_that_owe_nothing_keep_their_places,
		places_of_clients_gone_are_free_again,
		a_scanout_one_client_enables_another_subscribes_to,
		refuse_closes_the_first_connections_at_once,
		faults_may_be_for_one_connection,
		every_endpoint_is_served_and_the_real_port_said,
		an_address_in_use_is_said_and_its_file_left_alone,
		a_kernel_without_vsock_is_named_as_such,
		stop_ends_clients_and_removes_the_socket_file,
		NULL,
	};
	return suite_run_with("server", tests, set_up, tear_down);
}
