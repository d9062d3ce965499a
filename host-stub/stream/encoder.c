/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder.h"

#include "frame-source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_BITRATE   8000000u /* bit/s: 1080p60 desktop */
#define DEFAULT_FRAMERATE 60u
#define PROBE_WIDTH       320u /* above the smallest size of hardware encoders (va: 128) */
#define PROBE_HEIGHT      240u
#define PROBE_TIMEOUT_MS  5000u

const char *const encoder_auto_names[] = {
	"vah264enc",
	"nvh264enc",
	"x264enc",
	"openh264enc",
	NULL,
};

void encoder_config_init(struct encoder_config *ret)
{
	*ret = (struct encoder_config){
		.bitrate = DEFAULT_BITRATE,
		.framerate_num = DEFAULT_FRAMERATE,
		.framerate_den = 1,
		.realtime = true,
	};
}

static uint32_t clamp(uint32_t v, uint32_t min, uint32_t max)
{
	return v < min ? min : v > max ? max : v;
}

static bool framerate_possible(uint32_t num, uint32_t den)
{
	return num > 0 && den > 0 && num <= INT32_MAX && den <= INT32_MAX &&
	       num <= (uint64_t)den * ENCODER_FRAMERATE_MAX && den <= num;
}

void encoder_config_update(struct encoder_config *config, const struct hxfr_config *wanted)
{
	if (wanted->bitrate)
		config->bitrate = clamp(wanted->bitrate, ENCODER_BITRATE_MIN, ENCODER_BITRATE_MAX);
	if (framerate_possible(wanted->framerate_num, wanted->framerate_den)) {
		config->framerate_num = wanted->framerate_num;
		config->framerate_den = wanted->framerate_den;
	}
	if (wanted->profile == HXFR_PROFILE_BASELINE || wanted->profile == HXFR_PROFILE_MAIN ||
		wanted->profile == HXFR_PROFILE_HIGH)
		config->profile = wanted->profile;
	if (wanted->level >= 10 && wanted->level <= 62)
		config->level = wanted->level;
	config->realtime = wanted->realtime != 0;
}

bool encoder_config_equal(const struct encoder_config *a, const struct encoder_config *b)
{
	return a->width == b->width && a->height == b->height && a->format == b->format &&
	       a->bitrate == b->bitrate && a->framerate_num == b->framerate_num &&
	       a->framerate_den == b->framerate_den && a->profile == b->profile &&
	       a->level == b->level && a->realtime == b->realtime;
}

void unit_release(struct unit *unit)
{
	if (unit->release)
		unit->release(unit->owner);
	*unit = (struct unit){ 0 };
}

struct probe {
	int result;
	size_t size;
	bool is_keyframe;
};

static void probe_done(void *token, int result, const struct unit *unit)
{
	struct probe *probe = token;

	if (unit) {
		struct unit mine = *unit;
		probe->size = mine.size;
		probe->is_keyframe = mine.is_keyframe;
		unit_release(&mine);
	}
	probe->result = result;
}

static int probe_frame(struct encoder *encoder, struct frame_source *source)
{
	struct probe probe = { .result = -ETIMEDOUT };
	struct picture picture;
	struct hxfr_frame_request request = {
		.width = PROBE_WIDTH,
		.height = PROBE_HEIGHT,
		.format = HXFR_FORMAT_NV12,
	};

	int r = source->impl->map(source, &request, true, &picture);
	if (r < 0)
		return r;
	struct encoder_frame frame = { .picture = &picture, .force_keyframe = true };
	r = encoder->impl->encode(encoder, &frame, &probe);
	if (r == 0)
		r = encoder->impl->drain(encoder, PROBE_TIMEOUT_MS);
	source->impl->unmap(source);
	/* Ends done(), which writes to the probe of this frame. */
	encoder->impl->destroy(encoder);
	if (r < 0)
		return r;
	return probe.result < 0 ? probe.result : probe.size && probe.is_keyframe ? 0 : -EIO;
}

static int probe_encoder(const struct encoder_choice *choice)
{
	struct encoder *encoder;
	struct frame_source *source;
	struct encoder_config config;

	encoder_config_init(&config);
	config.width = PROBE_WIDTH;
	config.height = PROBE_HEIGHT;
	config.format = HXFR_FORMAT_NV12;
	int r = frame_source_pattern_new(NULL, true, &source);
	if (r < 0)
		return r;
	r = choice->impl->create(choice, &config, probe_done, &encoder);
	if (r == 0)
		r = probe_frame(encoder, source);
	frame_source_destroy(source);
	return r;
}

/* level: of failures. */
static int choose_named(const char *name, const struct log_sink *log, enum log_level level,
	struct encoder_choice *ret)
{
	struct encoder_choice choice = {
		.impl = &encoder_gst_impl,
		.log = log_wants(log, level) ? log : NULL,
	};

	if (strlen(name) >= ENCODER_NAME_SIZE)
		return -ENOENT;
	snprintf(choice.name, sizeof choice.name, "%s", name);
	int r = probe_encoder(&choice);
	if (r == -ENOENT)
		log_write(log, level, "encoder %s: GStreamer has no element of that name", name);
	else if (r < 0)
		log_write(log, level, "encoder %s: does not work on this machine: %s", name,
			strerror(-r));
	if (r < 0)
		return r;
	choice.log = log;
	*ret = choice;
	return 0;
}

int encoder_choose(const char *name, const struct log_sink *log, struct encoder_choice *ret)
{
	if (name && strcmp(name, "null") == 0) {
		*ret = (struct encoder_choice){
			.impl = &encoder_null_impl, .name = "null", .log = log
		};
		return 0;
	}
	if (name && strcmp(name, "auto") != 0)
		return choose_named(name, log, LOG_LEVEL_ERROR, ret);
	for (const char *const *candidate = encoder_auto_names; *candidate; candidate++)
		if (choose_named(*candidate, log, LOG_LEVEL_DEBUG, ret) == 0)
			return 0;
	return -ENOENT;
}
