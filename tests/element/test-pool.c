/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pool that upstream is offered: what is written into its buffers goes out by id, uncopied. */

#include "pool-fixture.h"

#include <string.h>
#include <unistd.h>

#define PLENTY 1000u /* resources */

static void prepare(struct fixture *f, const struct fake_host_options *options)
{
	fake_drm_reset();
	fake_drm_allow_create(PLENTY);
	fixture_prepare(f, options);
}

static void start(struct fixture *f)
{
	prepare(f, NULL);
	fixture_play(f, NULL);
}

static void finish(struct fixture *f)
{
	fixture_finish(f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
}

static void push(struct fixture *f, GstBuffer *frame)
{
	fail_unless_equals_int(gst_harness_push(f->h, frame), GST_FLOW_OK);
}

static void expect_in_resource(struct fixture *f, guint i, gsize size)
{
	struct fake_host_request r = fake_host_request(f->host, i);
	g_autofree guint8 *data = dmabuf_pattern(i, size);

	fail_unless(r.frame.resource_id != 0, "no id");
	fail_unless_equals_int(r.flags, 0);
	fail_unless(memcmp(fake_drm_resource(r.frame.resource_id).data, data, size) == 0,
		"the host was shown something else");
}

#define RAW(format, width, height)                                                                 \
	"video/x-raw,format=" format ",width=" #width ",height=" #height ",framerate=30/1"

GST_START_TEST(what_upstream_writes_goes_out_by_id_uncopied)
{
	static const struct {
		const char *caps;
		gsize size;
		guint width, height;
	} rows[] = {
		{ RAW("NV12", 320, 240), 320 * 360, 80, 360 },
		{ RAW("BGRx", 322, 241), 322 * 4 * 241, 322, 241 },
		{ RAW("RGBA", 16, 16), 16 * 4 * 16, 16, 16 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct fake_drm_resource r;
		GstBufferPool *pool;
		struct fixture f;

		prepare(&f, NULL);
		fixture_play(&f, rows[i].caps);
		pool = pool_take(&f, rows[i].caps, TRUE, 0, 0);
		push(&f, pool_draw(pool, 0));
		fixture_expect(&f, 0);
		expect_in_resource(&f, 0, rows[i].size);
		r = fake_drm_resource(fake_host_request(f.host, 0).frame.resource_id);
		fail_unless_equals_int(r.width, rows[i].width);
		fail_unless_equals_int(r.height, rows[i].height);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 1);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 1);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 0);
		pool_give_back(pool);
		finish(&f);
	}
}
GST_END_TEST;

GST_START_TEST(a_pool_costs_its_ioctls_once_and_one_transfer_a_frame)
{
	struct fixture f;
	GstBufferPool *pool;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	for (guint i = 0; i < 100; i++) {
		push(&f, pool_draw(pool, i));
		fixture_expect(&f, i);
		expect_in_resource(&f, i, FIXTURE_SIZE);
	}
	fail_unless(dmabuf_counts().create <= 4, "%u resources", dmabuf_counts().create);
	fail_unless_equals_int(dmabuf_counts().transfer, 100);
	fail_unless_equals_int(dmabuf_counts().prime, 0);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

/* A source that has no more buffers than it was asked for, and waits for each. */
GST_START_TEST(the_least_number_of_buffers_keeps_frames_flowing)
{
	for (guint depth = 1; depth <= 3; depth++) {
		struct fixture f;
		GstBufferPool *pool;
		struct pool_offer offer;

		prepare(&f, &(struct fake_host_options){ .delay_ms = 1 });
		g_object_set(f.enc, "max-in-flight", depth, NULL);
		fixture_play(&f, NULL);
		offer = pool_ask(&f, FIXTURE_CAPS);
		gst_object_unref(offer.pool);
		fail_unless_equals_int(offer.min, depth + 1);
		fail_unless_equals_int(offer.max, 0);
		pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, offer.min);
		for (guint i = 0; i < 50; i++)
			push(&f, pool_draw(pool, i));
		fixture_expect_many(&f, 0, 50);
		fail_unless_equals_int(dmabuf_counts().create, offer.min);
		pool_give_back(pool);
		finish(&f);
	}
}
GST_END_TEST;

/* Without a meta to say so, buffers have the layout that the caps stand for. */
GST_START_TEST(a_source_without_video_meta_gets_the_default_layout)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frame;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, FALSE, 0, 0);
	frame = pool_draw(pool, 0);
	fail_unless(gst_buffer_get_video_meta(frame) == NULL);
	fail_unless_equals_int(gst_buffer_get_size(frame), FIXTURE_SIZE);
	push(&f, frame);
	fixture_expect(&f, 0);
	expect_in_resource(&f, 0, FIXTURE_SIZE);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

#define ODD RAW("NV12", 321, 241)

/* The wire's second plane is where GStreamer's is not. */
GST_START_TEST(odd_heights_have_the_wires_layout_or_are_copied)
{
	for (gboolean meta = FALSE; meta <= TRUE; meta++) {
		GstBufferPool *pool;
		struct fixture f;

		prepare(&f, NULL);
		fixture_play(&f, ODD);
		pool = pool_take(&f, ODD, meta, 0, 0);
		push(&f, pool_draw(pool, 0));
		fixture_expect(&f, 0);
		fail_unless(fake_host_request(f.host, 0).frame.resource_id != 0);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), (guint64)meta);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), (guint64)!meta);
		pool_give_back(pool);
		finish(&f);
	}
}
GST_END_TEST;

GST_START_TEST(larger_buffers_are_made_when_asked_for)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frame;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, FIXTURE_SIZE + 1000, 0);
	frame = pool_draw(pool, 0);
	fail_unless_equals_int(gst_buffer_get_size(frame), FIXTURE_SIZE + 1000);
	push(&f, frame);
	fixture_expect(&f, 0);
	expect_in_resource(&f, 0, FIXTURE_SIZE);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

/* Sources give out shares of their memory. */
GST_START_TEST(a_share_of_pool_memory_goes_out_by_id)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frame, *share = gst_buffer_new();

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	frame = pool_draw(pool, 0);
	gst_buffer_append_memory(share, gst_memory_share(gst_buffer_peek_memory(frame, 0), 0, -1));
	GST_BUFFER_PTS(share) = 0;
	push(&f, share);
	fixture_expect(&f, 0);
	expect_in_resource(&f, 0, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 1);
	gst_buffer_unref(frame);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

/* The kernel gives one handle for one buffer: importing ours must not end in closing it. */
GST_START_TEST(pool_memory_that_comes_back_in_another_wrap_keeps_its_resource)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frame, *wrap;
	int fd;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	frame = pool_draw(pool, 0);
	fd = dup(dmabuf_fd(gst_buffer_peek_memory(frame, 0)));
	wrap = dmabuf_frame_wrap(dmabuf_wrap(fd, FIXTURE_SIZE));
	push(&f, wrap);
	fixture_expect(&f, 0);
	fixture_wait_stat(f.enc, "frames-encoded", 1);
	GST_BUFFER_PTS(frame) = FIXTURE_INTERVAL;
	push(&f, frame);
	fixture_expect(&f, 1);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.resource_id,
		fake_host_request(f.host, 1).frame.resource_id);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 1);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(another_element_sends_pool_memory_by_id_too)
{
	struct fixture f;
	struct fixture other;
	GstBufferPool *pool;
	GstBuffer *frame;

	start(&f);
	fixture_start(&other, NULL);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	frame = pool_draw(pool, 0);
	push(&other, gst_buffer_ref(frame));
	push(&f, frame);
	fixture_expect(&f, 0);
	fixture_expect(&other, 0);
	expect_in_resource(&other, 0, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(other.enc, "frames-in-pool"), 1);
	pool_give_back(pool);
	fixture_finish(&other);
	finish(&f);
}
GST_END_TEST;

/* --- lives --- */

GST_START_TEST(buffers_that_upstream_holds_outlive_the_element)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frame;
	GstMapInfo map;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	push(&f, pool_draw(pool, 0));
	fixture_expect(&f, 0);
	frame = pool_draw(pool, 1);
	fixture_finish(&f);

	fail_unless(gst_buffer_map(frame, &map, GST_MAP_READWRITE));
	fail_unless_equals_int(map.data[7], frame_pattern(1, 7));
	gst_buffer_unmap(frame, &map);
	fail_unless(dmabuf_counts().open > 0);
	pool_give_back(pool);
	gst_buffer_unref(frame);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
}
GST_END_TEST;

GST_START_TEST(a_pool_outlives_a_change_of_caps)
{
	struct fixture f;
	GstBufferPool *before, *after;

	start(&f);
	before = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	push(&f, pool_draw(before, 0));
	fixture_expect(&f, 0);
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	after = pool_take(&f, FIXTURE_BIG_CAPS, TRUE, 0, 0);
	fail_unless(after != before);
	push(&f, pool_draw(after, 1));
	fixture_expect(&f, 1);
	expect_in_resource(&f, 1, FIXTURE_BIG_SIZE);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 2);
	pool_give_back(before);
	pool_give_back(after);
	finish(&f);
}
GST_END_TEST;

/* Mappings of resources for reading and writing, proc(5). */
static guint count_mappings(void)
{
	g_autofree char *maps = NULL;
	g_auto(GStrv) lines = NULL;
	guint n = 0;

	fail_unless(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
	lines = g_strsplit(maps, "\n", -1);
	for (char **line = lines; *line; line++)
		n += strstr(*line, "fake-resource") && strstr(*line, " rw-s ");
	return n;
}

GST_START_TEST(memory_stays_mapped_for_reading_and_writing)
{
	struct fixture f;
	GstBufferPool *pool;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 2);
	fail_unless_equals_int(count_mappings(), 2);
	for (guint i = 0; i < 5; i++) {
		push(&f, pool_draw(pool, i));
		fixture_expect(&f, i);
		fail_unless_equals_int(count_mappings(), 2);
	}
	pool_give_back(pool);
	finish(&f);
	fail_unless_equals_int(count_mappings(), 0);
}
GST_END_TEST;

/* --- no pool --- */

GST_START_TEST(upstream_may_ignore_the_pool)
{
	struct fixture f;
	GstBufferPool *pool;

	start(&f);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	push(&f, pool_draw(pool, 0));
	fixture_push_many(&f, 1, 1);
	push(&f, pool_draw(pool, 2));
	fixture_expect_many(&f, 0, 3);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 2);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 1);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

/* A source fails when its pool does. */
GST_START_TEST(without_more_resources_buffers_are_system_memory)
{
	struct fixture f;
	GstBufferPool *pool;
	GstBuffer *frames[3];

	start(&f);
	fake_drm_allow_create(2);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	for (guint i = 0; i < 3; i++)
		frames[i] = pool_draw(pool, i);
	for (guint i = 0; i < 3; i++) {
		push(&f, frames[i]);
		fixture_expect(&f, i);
	}
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 2);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 1);
	pool_give_back(pool);
	finish(&f);
}
GST_END_TEST;

static void expect_no_pool(struct fixture *f, const char *caps)
{
	struct pool_offer offer = pool_ask(f, caps);

	fail_unless(offer.pool == NULL, "a pool for %s", caps);
	fail_unless_equals_int(offer.min, 3);
	fixture_finish(f);
}

GST_START_TEST(nobody_is_offered_what_cannot_be)
{
	struct fixture f;

	start(&f);
	expect_no_pool(&f, DMABUF_CAPS);
	start(&f);
	fake_drm_set_driver(NULL);
	expect_no_pool(&f, FIXTURE_CAPS);
	start(&f);
	fake_drm_set_3d(true);
	expect_no_pool(&f, FIXTURE_CAPS);
	prepare(&f, NULL);
	g_object_set(f.enc, "upload", FALSE, NULL);
	fixture_play(&f, NULL);
	expect_no_pool(&f, FIXTURE_CAPS);
}
GST_END_TEST;

GST_START_TEST(a_host_without_ids_ends_the_offer_and_the_frames_in_the_pool_go_as_pixels)
{
	struct fixture f;
	GstBufferPool *pool;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .keep_pixels = true });
	fixture_play(&f, NULL);
	pool = pool_take(&f, FIXTURE_CAPS, TRUE, 0, 0);
	for (guint i = 0; i < 10; i++)
		push(&f, pool_draw(pool, i));
	fixture_expect_many(&f, 0, 10);
	g_free(fixture_wait_warning(&f));
	for (guint i = 0; i < fake_host_count(f.host, FAKE_HOST_REQUESTS); i++) {
		struct fake_host_request r = fake_host_request(f.host, i);
		g_autofree guint8 *data = dmabuf_pattern(
			(guint)(((guint64)r.frame.pts + 1) / FIXTURE_INTERVAL), FIXTURE_SIZE);

		if (r.frame.resource_id == 0)
			fail_unless(memcmp(r.pixels, data, FIXTURE_SIZE) == 0, "other pixels");
	}
	pool_give_back(pool);
	expect_no_pool(&f, FIXTURE_CAPS);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, what_upstream_writes_goes_out_by_id_uncopied);
	tcase_add_test(tc, a_pool_costs_its_ioctls_once_and_one_transfer_a_frame);
	tcase_add_test(tc, the_least_number_of_buffers_keeps_frames_flowing);
	tcase_add_test(tc, a_source_without_video_meta_gets_the_default_layout);
	tcase_add_test(tc, odd_heights_have_the_wires_layout_or_are_copied);
	tcase_add_test(tc, larger_buffers_are_made_when_asked_for);
	tcase_add_test(tc, a_share_of_pool_memory_goes_out_by_id);
	tcase_add_test(tc, pool_memory_that_comes_back_in_another_wrap_keeps_its_resource);
	tcase_add_test(tc, another_element_sends_pool_memory_by_id_too);
	tcase_add_test(tc, buffers_that_upstream_holds_outlive_the_element);
	tcase_add_test(tc, a_pool_outlives_a_change_of_caps);
	tcase_add_test(tc, memory_stays_mapped_for_reading_and_writing);
	tcase_add_test(tc, upstream_may_ignore_the_pool);
	tcase_add_test(tc, without_more_resources_buffers_are_system_memory);
	tcase_add_test(tc, nobody_is_offered_what_cannot_be);
	tcase_add_test(
		tc, a_host_without_ids_ends_the_offer_and_the_frames_in_the_pool_go_as_pixels);
}

FIXTURE_MAIN(pool)
