/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"

static void say_no_frame(GstVsockEnc *self)
{
	g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_VIDEO_ENCODER_SINK_PAD(self));
	g_autofree char *text = caps ? gst_caps_to_string(caps) : g_strdup("caps");

	GST_ELEMENT_WARNING(self, STREAM, FAILED,
		("The source agreed on %s %u seconds ago and has not sent a frame since. A compositor that cannot allocate such buffers does that, and one whose screen stands still. Move something on the screen; try the caps filter video/x-raw in front of vsockenc (system memory instead of DMA-BUFs), pipewiresrc always-copy=true, or another renderer of the compositor.",
			text, (unsigned)(FIRST_FRAME_PATIENCE / GST_SECOND)),
		(NULL));
}

/* A GstClockCallback, on the clock's thread. */
static gboolean patience_is_over(GstClock *clock, GstClockTime time, GstClockID id, gpointer data)
{
	GstVsockEnc *self = data;
	GstClockID mine = NULL;

	GST_OBJECT_LOCK(self);
	if (self->stall.timer == id) {
		mine = g_steal_pointer(&self->stall.timer);
		self->stall.over = TRUE;
	}
	GST_OBJECT_UNLOCK(self);
	if (!mine)
		return TRUE;

	say_no_frame(self);
	gst_clock_id_unref(mine);
	return TRUE;
}

static GstClockID make_timer(GstClock *clock)
{
	return gst_clock_new_single_shot_id(
		clock, gst_clock_get_time(clock) + FIRST_FRAME_PATIENCE);
}

static void start_timer(GstVsockEnc *self, GstClockID timer)
{
	gst_clock_id_wait_async(timer, patience_is_over, gst_object_ref(self), gst_object_unref);
	gst_clock_id_unref(timer);
}

static void stop_timer(GstClockID timer)
{
	gst_clock_id_unschedule(timer);
	gst_clock_id_unref(timer);
}

void gst_vsockenc_watch_stall(GstVsockEnc *self, enum stall_change change)
{
	g_autoptr(GstClock) clock = gst_system_clock_obtain();
	GstClockID start = NULL, stop = NULL;
	struct stall *s = &self->stall;

	GST_OBJECT_LOCK(self);
	if (change == STALL_RESET)
		s->playing = s->has_caps = s->over = FALSE;
	s->playing |= change == STALL_PLAYING;
	s->playing &= change != STALL_PAUSED;
	s->has_caps |= change == STALL_CAPS;
	s->over |= change == STALL_OVER;

	if (!s->playing || s->over) {
		stop = g_steal_pointer(&s->timer);
	} else if (s->has_caps && !s->timer) {
		s->timer = make_timer(clock);
		start = gst_clock_id_ref(s->timer);
	}
	GST_OBJECT_UNLOCK(self);

	/* Without the lock: the clock may call back at once, and lets go of the element. */
	if (start)
		start_timer(self, start);
	if (stop)
		stop_timer(stop);
}
