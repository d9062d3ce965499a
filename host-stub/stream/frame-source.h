/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the pixels of a FRAME_REQUEST come from. A source belongs to one thread. */

#include "picture.h"

struct frame_source;

struct frame_source_impl {
	const char *name;
	/* Pixels are made up from the request: drawing them tells nothing that the request does
	 * not, so encoders that do not look at pixels go without. */
	bool synthetic;
	/*
	 * The pixels of the request. *ret borrows from the source (and from request->pixels) until
	 * unmap; one picture at a time. -ENOENT: the source does not know the resource, ask another
	 * one; -EINVAL: the request contradicts itself; -ENOTSUP: unknown format; -ENOMEM.
	 */
	int (*map)(struct frame_source *source, const struct hxfr_frame_request *request,
		struct picture *ret);
	void (*unmap)(struct frame_source *source, const struct picture *picture);
	void (*destroy)(struct frame_source *source);
};

struct frame_source {
	const struct frame_source_impl *impl;
};

/* Pixels that came with the request; -ENOENT for requests without. */
int frame_source_inline_new(struct frame_source **ret);
/* Draws a test picture (pattern.h) of the geometry, id and pts asked for; knows every resource. */
int frame_source_pattern_new(struct frame_source **ret);
/* NULL is fine. */
void frame_source_destroy(struct frame_source *source);
