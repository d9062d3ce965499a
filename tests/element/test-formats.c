/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Negotiation: the formats and layouts that are taken, and what they are called. */

#include "fixture.h"

GST_START_TEST(formats_go_out_as_their_fourcc_trap_16)
{
	static const struct {
		const char *format;
		guint32 fourcc;
		gsize size;
	} rows[] = {
		{ "BGRx", HXFR_FORMAT_AR24, 320 * 240 * 4 },
		{ "BGRA", HXFR_FORMAT_AR24, 320 * 240 * 4 },
		{ "RGBx", HXFR_FORMAT_AB24, 320 * 240 * 4 },
		{ "RGBA", HXFR_FORMAT_AB24, 320 * 240 * 4 },
		{ "NV12", HXFR_FORMAT_NV12, FIXTURE_SIZE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *caps =
			g_strdup_printf("video/x-raw,format=%s,width=320,height=240,framerate=30/1",
				rows[i].format);
		struct fixture f;
		struct fake_host_request r;

		fixture_prepare(&f, NULL);
		fixture_play(&f, caps);
		fail_unless_equals_int(
			gst_harness_push(f.h, fixture_frame(0, rows[i].size)), GST_FLOW_OK);
		fixture_expect(&f, 0);
		r = fake_host_request(f.host, 0);
		fail_unless_equals_int(r.frame.format, rows[i].fourcc);
		fail_unless_equals_int(r.frame.width, 320);
		fail_unless_equals_int(r.frame.height, 240);
		fail_unless_equals_int(r.frame.pixels_size, rows[i].size);
		fail_unless_equals_int(r.session_id, 1);
		fail_unless_equals_int(r.flags, HXFR_FLAG_PIXELS);
		fixture_finish(&f);
	}
}
GST_END_TEST;

static gboolean accepts(struct fixture *f, const char *text)
{
	g_autoptr(GstCaps) caps = gst_caps_from_string(text);

	return gst_pad_peer_query_accept_caps(f->h->srcpad, caps);
}

#define RAW(format) "video/x-raw,format=" format ",width=320,height=240,framerate=30/1"
#define DMABUF(format)                                                                             \
	"video/x-raw(memory:DMABuf),format=" format ",width=320,height=240,framerate=30/1"

GST_START_TEST(formats_the_wire_cannot_say_are_refused_trap_16)
{
	static const char *const yes[] = { RAW("BGRx"), RAW("BGRA"), RAW("RGBx"), RAW("RGBA"),
		RAW("NV12"), DMABUF("BGRx"), DMABUF("BGRA"), DMABUF("RGBx"), DMABUF("RGBA"),
		DMABUF("NV12") };
	static const char *const no[] = { RAW("xRGB"), RAW("I420"), RAW("NV21"), RAW("RGB"),
		DMABUF("I420") };
	struct fixture f;

	fixture_start(&f, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(yes); i++)
		fail_unless(accepts(&f, yes[i]), "%s refused", yes[i]);
	for (gsize i = 0; i < G_N_ELEMENTS(no); i++)
		fail_if(accepts(&f, no[i]), "%s accepted", no[i]);
	fixture_finish(&f);
}
GST_END_TEST;

#if GST_CHECK_VERSION(1, 24, 0)
GST_START_TEST(dma_drm_caps_are_accepted_trap_35)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fail_unless(accepts(&f, "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24,"
				"width=320,height=240,framerate=30/1"));
	fail_unless(accepts(&f, "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,"
				"width=320,height=240,framerate=30/1"));
	fixture_finish(&f);
}
GST_END_TEST;
#endif

#define MIXED(drm_format)                                                                          \
	"video/x-raw(memory:DMABuf),format=BGRx,drm-format=(string)" drm_format                    \
	",width=320,height=240,framerate=30/1"

/* What pipewiresrc makes of a filter that names a plain format. */
GST_START_TEST(a_drm_format_beside_a_plain_one_is_no_obstacle)
{
	static const char *const yes[] = { "XR24", "XR24:0x0", "XR24:0x00ffffffffffffff" };

	for (gsize i = 0; i < G_N_ELEMENTS(yes); i++) {
		g_autofree char *caps = g_strdup_printf(MIXED("%s"), yes[i]);
		struct fixture f;

		fixture_prepare(&f, NULL);
		fixture_play(&f, caps);
		fail_unless_equals_int(
			gst_harness_push(f.h, fixture_frame(0, 320 * 240 * 4)), GST_FLOW_OK);
		fixture_expect(&f, 0);
		fail_unless_equals_int(fake_host_request(f.host, 0).frame.format, HXFR_FORMAT_AR24);
		fixture_finish(&f);
	}
}
GST_END_TEST;

GST_START_TEST(a_tiled_layout_is_refused_however_it_is_spelled)
{
	struct fixture f;
	GstFlowReturn flow;

	fixture_prepare(&f, NULL);
	fixture_play(&f, MIXED("XR24:0x0100000000000002"));
	flow = gst_harness_push(f.h, fixture_frame(0, 320 * 240 * 4));
	fail_unless(flow == GST_FLOW_NOT_NEGOTIATED || flow == GST_FLOW_ERROR);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(dmabufs_by_drm_format_are_preferred_then_by_plain_format_then_memory)
{
	struct fixture f;
	GstCaps *caps;
	guint n = 0;

	fixture_start(&f, NULL);
	caps = gst_pad_get_pad_template_caps(GST_PAD_PEER(f.h->srcpad));
#if GST_CHECK_VERSION(1, 24, 0)
	fail_unless_equals_string(
		gst_structure_get_string(gst_caps_get_structure(caps, n), "format"), "DMA_DRM");
	fail_unless(gst_structure_has_field(gst_caps_get_structure(caps, n), "drm-format"));
	n++;
#endif
	fail_unless(gst_caps_features_contains(gst_caps_get_features(caps, n++), "memory:DMABuf"));
	fail_unless(gst_caps_features_is_equal(
		gst_caps_get_features(caps, n++), GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY));
	fail_unless_equals_int(gst_caps_get_size(caps), n);
	gst_caps_unref(caps);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, formats_go_out_as_their_fourcc_trap_16);
	tcase_add_test(tc, formats_the_wire_cannot_say_are_refused_trap_16);
#if GST_CHECK_VERSION(1, 24, 0)
	tcase_add_test(tc, dma_drm_caps_are_accepted_trap_35);
#endif
	tcase_add_test(tc, a_drm_format_beside_a_plain_one_is_no_obstacle);
	tcase_add_test(tc, a_tiled_layout_is_refused_however_it_is_spelled);
	tcase_add_test(tc, dmabufs_by_drm_format_are_preferred_then_by_plain_format_then_memory);
}

FIXTURE_MAIN(formats)
