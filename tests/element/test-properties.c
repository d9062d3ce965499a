/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties: defaults, addresses, changes while PLAYING, stats. */

#include "fixture.h"

#include <hxfr/endpoint.h>
#include <string.h>

static guint get_uint(gpointer object, const char *name)
{
	guint value;

	g_object_get(object, name, &value, NULL);
	return value;
}

GST_START_TEST(defaults_are_documented_ones)
{
	static const struct {
		const char *name;
		guint value;
	} rows[] = { { "tcp-port", 15937 }, { "cid", 2 }, { "port", 5000 }, { "bitrate", 4000000 },
		{ "keyframe-interval", 60 }, { "max-in-flight", 2 }, { "connect-timeout", 5000 },
		{ "response-timeout", 5000 }, { "reconnect-timeout", 30000 } };
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);
	gboolean reconnect = TRUE;

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		fail_unless_equals_int(get_uint(enc, rows[i].name), rows[i].value);
	g_object_get(enc, "reconnect", &reconnect, NULL);
	fail_if(reconnect);
	gst_object_unref(enc);
}
GST_END_TEST;

GST_START_TEST(every_property_is_described)
{
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);
	guint n;
	GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(enc), &n);

	for (guint i = 0; i < n; i++)
		if (specs[i]->owner_type == G_OBJECT_TYPE(enc))
			fail_unless(g_param_spec_get_blurb(specs[i]) &&
					    strlen(g_param_spec_get_blurb(specs[i])) > 10,
				"%s is not documented", specs[i]->name);
	g_free(specs);
	gst_object_unref(enc);
}
GST_END_TEST;

static gboolean is_mutable_playing(GstElement *enc, const char *name)
{
	GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(enc), name);

	fail_unless(spec != NULL, "no property %s", name);
	return (spec->flags & GST_PARAM_MUTABLE_PLAYING) != 0;
}

GST_START_TEST(only_what_takes_effect_is_mutable_while_playing_trap_40)
{
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);

	fail_unless(is_mutable_playing(enc, "bitrate"));
	fail_unless(is_mutable_playing(enc, "keyframe-interval"));
	fail_if(is_mutable_playing(enc, "socket-path"));
	fail_if(is_mutable_playing(enc, "endpoint"));
	fail_if(is_mutable_playing(enc, "tcp-host"));
	gst_object_unref(enc);
}
GST_END_TEST;

GST_START_TEST(max_in_flight_stays_within_1_and_16)
{
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);
	GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(enc), "max-in-flight");

	fail_unless_equals_int(G_PARAM_SPEC_UINT(spec)->minimum, 1);
	fail_unless_equals_int(G_PARAM_SPEC_UINT(spec)->maximum, 16);
	gst_object_unref(enc);
}
GST_END_TEST;

/* Starts with the address properties that set() makes, sends a frame, expects it on host. */
static void expect_connects(struct fixture *f)
{
	fixture_play(f, NULL);
	fixture_push_many(f, 0, 1);
	fixture_expect(f, 0);
	fixture_finish(f);
}

static void forget_endpoint(struct fixture *f)
{
	g_object_set(f->enc, "endpoint", NULL, NULL);
}

GST_START_TEST(socket_path_alone_is_enough)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	forget_endpoint(&f);
	g_object_set(f.enc, "socket-path", fake_host_endpoint(f.host) + strlen("unix:"), NULL);
	expect_connects(&f);
}
GST_END_TEST;

GST_START_TEST(endpoint_wins_over_socket_path)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "socket-path", "/nonexistent/host.sock", NULL);
	expect_connects(&f);
}
GST_END_TEST;

GST_START_TEST(socket_path_wins_over_tcp_host)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	forget_endpoint(&f);
	g_object_set(f.enc, "socket-path", fake_host_endpoint(f.host) + strlen("unix:"), "tcp-host",
		"127.0.0.1", "tcp-port", 1, NULL);
	expect_connects(&f);
}
GST_END_TEST;

static void expect_tcp_host(const char *listen, const char *tcp_host)
{
	struct fixture f;
	struct hxfr_endpoint endpoint;

	fixture_prepare(&f, &(struct fake_host_options){ .endpoint = listen });
	fail_unless(hxfr_endpoint_parse(fake_host_endpoint(f.host), &endpoint) == 0);
	forget_endpoint(&f);
	g_object_set(f.enc, "tcp-host", tcp_host, "tcp-port", (guint)endpoint.tcp.port, NULL);
	expect_connects(&f);
}

GST_START_TEST(tcp_host_may_be_an_ipv4_address)
{
	expect_tcp_host("tcp:127.0.0.1:0", "127.0.0.1");
}
GST_END_TEST;

GST_START_TEST(tcp_host_may_be_a_name_trap_38)
{
	expect_tcp_host("tcp:127.0.0.1:0", "localhost");
}
GST_END_TEST;

GST_START_TEST(tcp_host_may_be_an_ipv6_address_trap_38)
{
	if (!g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS)) {
		g_printerr("skipped: this machine has no IPv6\n");
		return;
	}
	expect_tcp_host("tcp:[::1]:0", "::1");
}
GST_END_TEST;

/* READY->PAUSED fails with an error that mentions word. */
static void expect_refused(const char *property, const char *value, const char *word)
{
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_prepare(&f, NULL);
	forget_endpoint(&f);
	g_object_set(f.enc, property, value, NULL);
	fail_unless_equals_int(
		gst_element_set_state(f.enc, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, word);
	fixture_teardown(&f);
}

GST_START_TEST(a_socket_path_of_120_bytes_is_refused_not_cut_trap_38)
{
	g_autofree char *tail = g_strnfill(115, 'x');
	g_autofree char *path = g_strconcat("/tmp/", tail, NULL);

	expect_refused("socket-path", path, "107");
}
GST_END_TEST;

GST_START_TEST(an_endpoint_that_is_none_is_refused_with_its_text)
{
	expect_refused("endpoint", "http://example", "http://example");
	expect_refused("endpoint", "tcp:127.0.0.1:99999", "99999");
}
GST_END_TEST;

/* Nothing listens on vsock here: the error has to say whom it called. */
GST_START_TEST(cid_and_port_are_the_default_address)
{
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_prepare(&f, NULL);
	forget_endpoint(&f);
	g_object_set(f.enc, "port", 4242, "connect-timeout", 300, NULL);
	fail_unless_equals_int(
		gst_element_set_state(f.enc, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "vsock:2:4242");
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(bitrate_reaches_the_host_while_playing_trap_32)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONFIGS), 1);
	g_object_set(f.enc, "bitrate", 777000, NULL);
	fixture_push_many(&f, 2, 2);
	fixture_expect_many(&f, 2, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONFIGS, 2));
	fail_unless_equals_int(fake_host_config(f.host, 1).bitrate, 777000);
	fail_unless_equals_int(fake_host_config(f.host, 1).framerate_num, 30);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(setting_the_same_bitrate_sends_nothing)
{
	struct fixture f;

	fixture_start(&f, NULL);
	for (guint i = 0; i < 10; i++) {
		g_object_set(f.enc, "bitrate", 4000000, NULL);
		fixture_push_many(&f, i, 1);
	}
	fixture_expect_many(&f, 0, 10);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONFIGS), 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(keyframe_interval_changes_while_playing)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 2);
	g_object_set(f.enc, "keyframe-interval", 2, NULL);
	fixture_push_many(&f, 2, 4);
	fixture_expect_many(&f, 0, 6);
	fail_unless(fake_host_request(f.host, 2).frame.force_keyframe);
	fail_if(fake_host_request(f.host, 3).frame.force_keyframe);
	fail_unless(fake_host_request(f.host, 4).frame.force_keyframe);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stats_count_what_happened)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DROP, .fault_at = 3 });
	fixture_push_many(&f, 0, 10);
	fixture_expect_many(&f, 0, 3);
	fixture_expect_many(&f, 4, 6);
	fixture_wait_stat(f.enc, "frames-encoded", 9);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-sent"), 10);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-encoded"), 9);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-dropped"), 1);
	fail_unless_equals_uint64(fixture_stat(f.enc, "bytes"), 9 * FAKE_HOST_UNIT_SIZE);
	fail_unless_equals_uint64(fixture_stat(f.enc, "in-flight"), 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "reconnects"), 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 10);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-copied"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stats_see_the_window)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 2);
	fail_unless_equals_uint64(fixture_stat(f.enc, "in-flight"), 2);
	fake_host_hold(f.host, false);
	fixture_expect_many(&f, 0, 2);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stats_know_the_latency)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 20 });
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fail_unless(fixture_stat(f.enc, "latency-p50") >= 20 * GST_MSECOND);
	fail_unless(fixture_stat(f.enc, "latency-p99") >= fixture_stat(f.enc, "latency-p50"));
	fail_unless(fixture_stat(f.enc, "latency-p99") < 10 * GST_SECOND);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stats_can_be_read_in_any_state)
{
	GstElement *enc = gst_element_factory_make("vsockenc", NULL);

	fail_unless_equals_uint64(fixture_stat(enc, "frames-sent"), 0);
	fail_unless_equals_uint64(fixture_stat(enc, "in-flight"), 0);
	gst_element_set_state(enc, GST_STATE_READY);
	fail_unless_equals_uint64(fixture_stat(enc, "latency-p50"), 0);
	gst_element_set_state(enc, GST_STATE_NULL);
	gst_object_unref(enc);
}
GST_END_TEST;

/* The window is a promise to the host: never more requests than it says. */
GST_START_TEST(max_in_flight_is_never_exceeded)
{
	struct fixture f;
	struct fixture_pusher *p;

	fixture_prepare(&f, &(struct fake_host_options){ .hold = true });
	g_object_set(f.enc, "max-in-flight", 3, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 3);
	p = fixture_push_async(&f, 3);
	fixture_wait_blocked(p);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 3));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 3);
	fake_host_answer(f.host, 1);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 4));
	fake_host_hold(f.host, false);
	fixture_expect_many(&f, 0, 4);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, defaults_are_documented_ones);
	tcase_add_test(tc, every_property_is_described);
	tcase_add_test(tc, only_what_takes_effect_is_mutable_while_playing_trap_40);
	tcase_add_test(tc, max_in_flight_stays_within_1_and_16);
	tcase_add_test(tc, socket_path_alone_is_enough);
	tcase_add_test(tc, endpoint_wins_over_socket_path);
	tcase_add_test(tc, socket_path_wins_over_tcp_host);
	tcase_add_test(tc, tcp_host_may_be_an_ipv4_address);
	tcase_add_test(tc, tcp_host_may_be_a_name_trap_38);
	tcase_add_test(tc, tcp_host_may_be_an_ipv6_address_trap_38);
	tcase_add_test(tc, a_socket_path_of_120_bytes_is_refused_not_cut_trap_38);
	tcase_add_test(tc, an_endpoint_that_is_none_is_refused_with_its_text);
	tcase_add_test(tc, cid_and_port_are_the_default_address);
	tcase_add_test(tc, bitrate_reaches_the_host_while_playing_trap_32);
	tcase_add_test(tc, setting_the_same_bitrate_sends_nothing);
	tcase_add_test(tc, keyframe_interval_changes_while_playing);
	tcase_add_test(tc, stats_count_what_happened);
	tcase_add_test(tc, stats_see_the_window);
	tcase_add_test(tc, stats_know_the_latency);
	tcase_add_test(tc, stats_can_be_read_in_any_state);
	tcase_add_test(tc, max_in_flight_is_never_exceeded);
}

FIXTURE_MAIN(properties)
