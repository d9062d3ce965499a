/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dmabuf-fixture.h"

#include <string.h>
#include <unistd.h>

void dmabuf_start(struct fixture *f, const struct fake_host_options *options)
{
	fake_drm_reset();
	fixture_prepare(f, options);
	fixture_play(f, DMABUF_CAPS);
}

struct fake_drm_counts dmabuf_counts(void)
{
	struct fake_drm_counts counts;

	fake_drm_get_counts(&counts);
	return counts;
}

GstBuffer *dmabuf_frame(guint i)
{
	GstVideoInfo info;
	GstBuffer *buffer;

	gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, 320, 240);
	buffer = dmabuf_frame_new(&info, i);
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	GST_BUFFER_DURATION(buffer) = FIXTURE_INTERVAL;
	return buffer;
}

GstBuffer *dmabuf_frame_wrap(GstMemory *memory)
{
	GstBuffer *buffer = gst_buffer_new();

	gst_buffer_append_memory(buffer, memory);
	GST_BUFFER_PTS(buffer) = 0;
	return buffer;
}

GstBuffer *dmabuf_frame_pending(guint i, int *ret_fence)
{
	GstBuffer *buffer;
	int fds[2];

	fail_unless(pipe(fds) == 0);
	buffer = dmabuf_frame_wrap(dmabuf_wrap(fds[0], FIXTURE_SIZE));
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	*ret_fence = fds[1];
	return buffer;
}

void dmabuf_signal(int fence)
{
	fail_unless_equals_int(write(fence, "", 1), 1);
}

guint8 *dmabuf_pattern(guint seed, gsize size)
{
	guint8 *data = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		data[i] = frame_pattern(seed, i);
	return data;
}

void dmabuf_assert_pixels(struct fixture *f, guint i, const guint8 *data, gsize size)
{
	struct fake_host_request r = fake_host_request(f->host, i);

	fail_unless_equals_int(r.frame.resource_id, 0);
	fail_unless_equals_int(r.flags, HXFR_FLAG_PIXELS);
	fail_unless_equals_int(r.frame.pixels_size, size);
	fail_unless(memcmp(r.pixels, data, size) == 0, "other pixels");
}
