/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* States, start without a host, and what is left behind. */

#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FILLERS 8u

static GstElement *make_element(GstBus **ret_bus)
{
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);

	fail_unless(enc != NULL);
	*ret_bus = gst_bus_new();
	gst_element_set_bus(enc, *ret_bus);
	return enc;
}

static void drop_element(GstElement *enc, GstBus *bus)
{
	gst_element_set_state(enc, GST_STATE_NULL);
	gst_object_unref(enc);
	gst_bus_set_flushing(bus, TRUE);
	gst_object_unref(bus);
}

/* READY->PAUSED fails with an error of the element's own; returns its text. The base class adds a
 * second one. */
static char *expect_start_fails(GstElement *enc, GstBus *bus)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *debug = NULL;
	GstMessage *m;

	fail_unless_equals_int(
		gst_element_set_state(enc, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
	m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
	fail_unless(m != NULL, "start failed without an error on the bus");
	gst_message_parse_error(m, &error, &debug);
	gst_message_unref(m);
	return g_strdup_printf("%s [%s]", error->message, debug ? debug : "");
}

GST_START_TEST(start_without_a_host_names_the_endpoint_trap_26)
{
	GstBus *bus;
	GstElement *enc = make_element(&bus);
	g_autofree char *text = NULL;

	g_object_set(enc, "endpoint", "unix:/nonexistent/host.sock", NULL);
	text = expect_start_fails(enc, bus);
	fixture_assert_mentions(text, "/nonexistent/host.sock");
	drop_element(enc, bus);
}
GST_END_TEST;

GST_START_TEST(start_finds_a_refused_tcp_port_trap_26)
{
	GstBus *bus;
	GstElement *enc = make_element(&bus);
	struct fake_host *host =
		fake_host_new(&(struct fake_host_options){ .endpoint = "tcp:127.0.0.1:0" });
	g_autofree char *endpoint = g_strdup(fake_host_endpoint(host));
	g_autofree char *text = NULL;

	fake_host_free(host);
	g_object_set(enc, "endpoint", endpoint, NULL);
	text = expect_start_fails(enc, bus);
	fixture_assert_mentions(text, "refused");
	drop_element(enc, bus);
}
GST_END_TEST;

/* A TCP port whose queue is full: the kernel drops every further SYN. */
static int listen_full(int fillers[FILLERS], char **ret_endpoint)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fail_unless(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 0) == 0);
	fail_unless(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	for (unsigned i = 0; i < FILLERS; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		fail_unless(connect(fillers[i], (struct sockaddr *)&a, sizeof(a)) == 0 ||
			    errno == EINPROGRESS);
	}
	*ret_endpoint = g_strdup_printf("tcp:127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

GST_START_TEST(connect_timeout_bounds_the_start_trap_26)
{
	GstBus *bus;
	GstElement *enc = make_element(&bus);
	g_autofree char *endpoint = NULL, *text = NULL;
	int fillers[FILLERS], fd = listen_full(fillers, &endpoint);
	gint64 started = g_get_monotonic_time();

	g_object_set(enc, "endpoint", endpoint, "connect-timeout", 300, NULL);
	text = expect_start_fails(enc, bus);
	/* the other side of the deadline, which is no measure of speed: TCP itself gives up after
	 * minutes */
	fail_unless(g_get_monotonic_time() - started < 5 * G_TIME_SPAN_SECOND);
	fail_unless(g_get_monotonic_time() - started >= 290 * G_TIME_SPAN_MILLISECOND);
	drop_element(enc, bus);
	for (unsigned i = 0; i < FILLERS; i++)
		close(fillers[i]);
	close(fd);
}
GST_END_TEST;

GST_START_TEST(a_failed_start_can_be_tried_again)
{
	GstBus *bus;
	GstElement *enc = make_element(&bus);
	struct fake_host *host = fake_host_new(NULL);

	g_object_set(enc, "endpoint", "unix:/nonexistent/host.sock", NULL);
	g_free(expect_start_fails(enc, bus));
	gst_element_set_state(enc, GST_STATE_NULL);
	g_object_set(enc, "endpoint", fake_host_endpoint(host), NULL);
	fail_unless(gst_element_set_state(enc, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
	fail_unless(fake_host_wait(host, FAKE_HOST_CONNECTIONS, 1));
	drop_element(enc, bus);
	fake_host_free(host);
}
GST_END_TEST;

GST_START_TEST(the_host_is_connected_to_before_the_first_buffer_trap_26)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 0);
	fail_unless(gst_element_set_state(f.enc, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, 1));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(ready_touches_nobody)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	fail_unless_equals_int(
		gst_element_set_state(f.enc, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
	fail_unless_equals_int(
		gst_element_set_state(f.enc, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(states_can_be_cycled)
{
	struct fixture f;
	static const GstState path[] = { GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING,
		GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_READY,
		GST_STATE_NULL };

	fixture_prepare(&f, NULL);
	for (guint round = 0; round < 10; round++)
		for (guint i = 0; i < G_N_ELEMENTS(path); i++)
			fail_unless(
				gst_element_set_state(f.enc, path[i]) != GST_STATE_CHANGE_FAILURE);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_second_run_is_like_the_first_trap_34)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	gst_element_set_state(f.enc, GST_STATE_NULL);
	gst_harness_play(f.h);
	gst_harness_set_src_caps_str(f.h, FIXTURE_CAPS);
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 2);
	fail_unless(fake_host_request(f.host, 3).frame.force_keyframe);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(descriptors_are_not_leaked_trap_28)
{
	struct fixture f;
	guint before;

	fixture_prepare(&f, NULL);
	fail_unless(gst_element_set_state(f.enc, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
	gst_element_set_state(f.enc, GST_STATE_NULL);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_DISCONNECTIONS, 1));
	before = fixture_count_fds();
	for (guint i = 2; i < 20; i++) {
		gst_element_set_state(f.enc, GST_STATE_PLAYING);
		gst_element_set_state(f.enc, GST_STATE_NULL);
		fail_unless(fake_host_wait(f.host, FAKE_HOST_DISCONNECTIONS, i));
	}
	fail_unless_equals_int(fixture_count_fds(), before);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_connection_is_close_on_exec_trap_37)
{
	struct fixture f;
	bool found = false;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_un peer = { 0 };
		socklen_t size = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 ||
			peer.sun_family != AF_UNIX || !strstr(peer.sun_path, "host.sock"))
			continue;
		found = true;
		fail_unless(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
	}
	fail_unless(found, "no connection to the host");
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stop_gives_back_every_input_buffer)
{
	struct fixture f;
	GstBuffer *frame = fixture_frame(0, FIXTURE_SIZE);

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(frame)), GST_FLOW_OK);
	gst_element_set_state(f.enc, GST_STATE_NULL);
	ASSERT_BUFFER_REFCOUNT(frame, "frame", 1);
	gst_buffer_unref(frame);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(rank_is_none_and_klass_is_hardware_trap_36)
{
	GstElementFactory *factory = gst_element_factory_find("vsockenc");

	fail_unless(factory != NULL);
	fail_unless_equals_int(
		gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)), GST_RANK_NONE);
	fail_unless_equals_string(
		gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS),
		"Codec/Encoder/Video/Hardware");
	gst_object_unref(factory);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, start_without_a_host_names_the_endpoint_trap_26);
	tcase_add_test(tc, start_finds_a_refused_tcp_port_trap_26);
	tcase_add_test(tc, connect_timeout_bounds_the_start_trap_26);
	tcase_add_test(tc, a_failed_start_can_be_tried_again);
	tcase_add_test(tc, the_host_is_connected_to_before_the_first_buffer_trap_26);
	tcase_add_test(tc, ready_touches_nobody);
	tcase_add_test(tc, states_can_be_cycled);
	tcase_add_test(tc, a_second_run_is_like_the_first_trap_34);
	tcase_add_test(tc, descriptors_are_not_leaked_trap_28);
	tcase_add_test(tc, the_connection_is_close_on_exec_trap_37);
	tcase_add_test(tc, stop_gives_back_every_input_buffer);
	tcase_add_test(tc, rank_is_none_and_klass_is_hardware_trap_36);
}

FIXTURE_MAIN(states)
