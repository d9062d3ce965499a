/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * H.264 encoders. An encoder takes pictures of one geometry and gives back one access unit (Annex
 * B) for each, in order, without holding one back to look ahead: a client may wait for every answer
 * before it sends more.
 *
 * Threads: all functions of one encoder are called by one thread. done() comes from any thread,
 * also from within encode() and destroy().
 */

#include "../log.h"
#include "picture.h"

#define ENCODER_NAME_SIZE        64u
#define ENCODER_BITRATE_MIN      10000u     /* bit/s */
#define ENCODER_BITRATE_MAX      500000000u /* bit/s */
#define ENCODER_FRAMERATE_MAX    1000u      /* frames per second */
#define ENCODER_GOP_SIZE         600u /* frames between IDRs nobody asked for; clients ask for theirs */
#define ENCODER_DRAIN_TIMEOUT_MS 2000u

struct encoder;
struct encoder_choice;

struct encoder_config {
	uint32_t width, height, format;
	uint32_t bitrate; /* bit/s */
	uint32_t framerate_num, framerate_den;
	uint8_t profile; /* enum hxfr_profile; 0: the encoder's choice */
	uint8_t level;   /* level_idc; 0: the encoder's choice */
	bool realtime;   /* prefers speed to quality */
};

/* An access unit: bytes live until release(owner), which any thread may call. */
struct unit {
	const uint8_t *data;
	size_t size;
	bool is_keyframe; /* an IDR, SPS and PPS in front of it */
	void (*release)(void *owner);
	void *owner;
};

struct encoder_frame {
	const struct picture *picture; /* NULL where the encoder does not look at pixels */
	uint32_t resource_id;
	int64_t pts; /* ns, the client's: neither ordered nor unique */
	bool force_keyframe;
};

/* unit is NULL unless result is 0; ownership of what it names goes to the callee. */
typedef void (*encoder_done_fn)(void *token, int result, const struct unit *unit);

struct encoder_impl {
	bool needs_pixels;
	/* Makes the encoder of that choice. When it breaks, its log says why, once. -ENOENT: no
	 * such encoder on this machine; -EIO: it does not start with this configuration;
	 * -ENOMEM. */
	int (*create)(const struct encoder_choice *choice, const struct encoder_config *config,
		encoder_done_fn done, struct encoder **ret);
	/*
	 * Takes a frame, whose pixels are borrowed until the return. 0: done(token) will be called
	 * exactly once, with result 0, -ENODATA (the encoder skipped the frame), -EIO (it broke) or
	 * -ECANCELED (it was destroyed first). Else done() is not called: -EIO, -ENOMEM, -EINVAL (a
	 * geometry that is not the configured one).
	 */
	int (*encode)(struct encoder *encoder, const struct encoder_frame *frame, void *token);
	/* The next frame given to encode() comes out as IDR. */
	void (*request_keyframe)(struct encoder *encoder);
	/* 0: in force from the next frame on. -EOPNOTSUPP: needs a new encoder; nothing changed. */
	int (*reconfigure)(struct encoder *encoder, const struct encoder_config *config);
	/* Waits until every frame taken came out. 0 or -ETIMEDOUT. */
	int (*drain)(struct encoder *encoder, unsigned timeout_ms);
	/* No done() after the return. */
	void (*destroy)(struct encoder *encoder);
};

struct encoder {
	const struct encoder_impl *impl;
};

/* Spells frames instead of encoding them; see encoder-null.h. */
extern const struct encoder_impl encoder_null_impl;
/* A GStreamer element, by its name. */
extern const struct encoder_impl encoder_gst_impl;

/* An encoder that was seen to work. */
struct encoder_choice {
	const struct encoder_impl *impl;
	char name[ENCODER_NAME_SIZE];
	const struct log_sink *log; /* borrowed for the life of its encoders; may be NULL */
};

/*
 * "null", the name of a GStreamer element, or "auto" (also NULL): the first of encoder_auto_names
 * that encodes a frame on this machine. Every element is proved by encoding one frame, failures are
 * logged; *ret keeps log. gst_init() was called. -ENOENT, -EIO.
 */
int encoder_choose(const char *name, const struct log_sink *log, struct encoder_choice *ret);
/* NULL-terminated, best first. */
extern const char *const encoder_auto_names[];

/* A configuration for streams nobody configured. */
void encoder_config_init(struct encoder_config *ret);
/* Takes over what a CONFIG_REQ says and is possible: 0 and unknown values keep what was, numbers
 * are clamped. Sizes are not taken over: the frames decide. */
void encoder_config_update(struct encoder_config *config, const struct hxfr_config *wanted);

/* Do they say the same? */
bool encoder_config_equal(const struct encoder_config *a, const struct encoder_config *b);

/* Releases what a unit names. */
void unit_release(struct unit *unit);
