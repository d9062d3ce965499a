/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where pixels come from: those of a FRAME_REQUEST, and those of scanouts. A source belongs to one
 * thread, and gives out one picture at a time.
 */

#include "picture.h"
#include "scanout.h"
#include "stats.h"

struct frame_source;
struct mirror;

/* What a subscriber has had of a scanout; all 0 at first, and to have the same again. */
struct scanout_position {
	uint64_t serial; /* the source's, of the content it got last */
	int64_t due_us;  /* CLOCK_MONOTONIC; nothing before that */
};

struct frame_scanouts_impl {
	/* Content waits for a subscriber that is not ready, until newer content takes its place.
	 * Else time goes on without it, and the frame is lost. */
	bool waits;
	unsigned pending_max; /* frames of one subscriber in encoders */
	/* -EINVAL: there will be no such scanout. */
	int (*enable)(struct frame_source *source, const struct hxfr_enable_scanout *wanted);
	void (*disable)(struct frame_source *source, uint32_t scanout);
	/* When a subscriber has to look again. *ret_due_us: CLOCK_MONOTONIC, at once when that is
	 * past; INT64_MAX: when the wake-up descriptor of the source says so. -ENOENT: there is no
	 * such scanout, and a subscription of it ends; -ENOSPC: too many subscribers. */
	int (*next)(struct frame_source *source, uint32_t scanout,
		const struct scanout_position *position, int64_t *ret_due_us);
	/* What is shown, as frame_source_impl.map; moves *position on. pts is for sources that
	 * write it into the picture. -ENOENT: nothing. */
	int (*map)(struct frame_source *source, uint32_t scanout, int64_t pts, bool pixels,
		struct scanout_position *position, struct picture *ret);
};

struct frame_source_impl {
	const char *name;
	/*
	 * The picture of a request. *ret borrows from the source (and from request->pixels) until
	 * unmap. pixels: will anybody look at them? A source that makes them up leaves planes NULL
	 * when not. -ENOENT: there is no such resource; -ENODEV: the source sees none; -ENOTCONN, -ETIMEDOUT: the device that
	 * knows does not say; -EINVAL: the request contradicts itself or the resource; -ENOTSUP:
	 * unknown format; -EFAULT, -EDQUOT: the pixels of the resource cannot be had; -ENOMEM.
	 */
	int (*map)(struct frame_source *source, const struct hxfr_frame_request *request,
		bool pixels, struct picture *ret);
	/* Of a map, here or of scanouts, that returned 0. */
	void (*unmap)(struct frame_source *source);
	void (*destroy)(struct frame_source *source);
	const struct frame_scanouts_impl *scanouts; /* NULL: it has none */
};

struct frame_source {
	const struct frame_source_impl *impl;
};

/* Pixels that came with the request; -ENOENT for requests without. */
int frame_source_inline_new(struct frame_source **ret);

/*
 * Draws a test picture (pattern.h) of the geometry, id and pts asked for. every_id: also for ids
 * other than 0; else those are refused with -ENODEV: nobody who sees a test picture in place of his
 * own is happy about it. Its scanouts are those of the table (borrowed; NULL: none), which change
 * with their refresh rate.
 */
int frame_source_pattern_new(
	struct scanout_table *scanouts, bool every_id, struct frame_source **ret);

/*
 * The guest's resources. A request describes bytes of one, whatever the guest created it as; a
 * width and height, format or stride of 0 is the resource's own. Id 0 is what scanout 0 shows, in
 * the size it has, whatever the request says. Scanouts change when the guest flushes them, and show
 * the cursor that the guest leaves to its screen to draw.
 *
 * mirror, stats and wake_fd (an eventfd that is written when a scanout changed, once next() was
 * called) outlive the source.
 */
int frame_source_resource_new(
	struct mirror *mirror, struct stats_counter *stats, int wake_fd, struct frame_source **ret);

/* NULL is fine. */
void frame_source_destroy(struct frame_source *source);
