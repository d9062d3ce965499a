/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder-tuning.h"

#include <string.h>

struct setting {
	const char *property;
	const char *value; /* as for gst-launch */
};

#define N_SETTINGS 8u

struct tuning {
	const char *element;
	const char *gop_property;
	unsigned bitrate_unit; /* bit/s a step of the bitrate property is */
	bool level_in_caps;    /* takes the level of the stream from the caps behind it */
	struct setting settings[N_SETTINGS]; /* up to one without name */
	struct setting realtime, quality;    /* by encoder_config.realtime */
};

static const struct tuning tunings[] = {
	{ "x264enc", "key-int-max", 1000, true,
		{ { "tune", "zerolatency" }, { "bframes", "0" }, { "vbv-buf-capacity", "500" } },
		{ "speed-preset", "ultrafast" }, { "speed-preset", "veryfast" } },
	{ "openh264enc", "gop-size", 1, false,
		{ { "rate-control", "bitrate" }, { "enable-frame-skip", "false" },
			{ "multi-thread", "0" } },
		{ "complexity", "low" }, { "complexity", "medium" } },
	{ "vah264enc", "key-int-max", 1000, false,
		{ { "rate-control", "cbr" }, { "b-frames", "0" }, { "ref-frames", "1" } },
		{ "target-usage", "7" }, { "target-usage", "4" } },
	{ "vah264lpenc", "key-int-max", 1000, false,
		{ { "rate-control", "cbr" }, { "b-frames", "0" }, { "ref-frames", "1" } },
		{ "target-usage", "7" }, { "target-usage", "4" } },
	{ "nvh264enc", "gop-size", 1000, false,
		{ { "rc-mode", "cbr" }, { "zerolatency", "true" }, { "bframes", "0" },
			{ "rc-lookahead", "0" } },
		{ "preset", "low-latency-hp" }, { "preset", "low-latency-hq" } },
};

static const struct tuning other = { NULL, "key-int-max", 1000, false,
	{ { "b-frames", "0" }, { "bframes", "0" } }, { NULL, NULL }, { NULL, NULL } };

static const struct tuning *find_tuning(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(tunings); i++)
		if (strcmp(tunings[i].element, name) == 0)
			return &tunings[i];
	return &other;
}

static GParamSpec *find_property(GstElement *element, const char *name)
{
	GParamSpec *spec =
		name ? g_object_class_find_property(G_OBJECT_GET_CLASS(element), name) : NULL;
	return spec && spec->flags & G_PARAM_WRITABLE ? spec : NULL;
}

static void set(GstElement *element, const struct setting *setting)
{
	if (find_property(element, setting->property))
		gst_util_set_object_arg(G_OBJECT(element), setting->property, setting->value);
}

static void set_uint(GstElement *element, const char *property, unsigned value)
{
	char text[16];

	g_snprintf(text, sizeof text, "%u", value);
	set(element, &(struct setting){ property, text });
}

/* The ultrafast preset leaves out the tools that make a stream main or high: say them, or the SPS
 * says baseline. */
static void set_x264_profile(GstElement *element, uint8_t profile)
{
	if (profile == 0)
		return;
	g_object_set(element, "cabac", (gboolean)(profile != HXFR_PROFILE_BASELINE), "dct8x8",
		(gboolean)(profile == HXFR_PROFILE_HIGH), NULL);
	if (profile == HXFR_PROFILE_BASELINE)
		g_object_set(element, "option-string", "weightp=0", NULL);
}

void encoder_tune(GstElement *element, const char *name, const struct encoder_config *config)
{
	const struct tuning *tuning = find_tuning(name);

	for (size_t i = 0; i < N_SETTINGS && tuning->settings[i].property; i++)
		set(element, &tuning->settings[i]);
	set(element, config->realtime ? &tuning->realtime : &tuning->quality);
	set_uint(element, tuning->gop_property, ENCODER_GOP_SIZE);
	if (strcmp(name, "x264enc") == 0)
		set_x264_profile(element, config->profile);
	encoder_tune_bitrate(element, name, config->bitrate, false);
}

bool encoder_tune_bitrate(GstElement *element, const char *name, uint32_t bitrate, bool live)
{
	unsigned unit = find_tuning(name)->bitrate_unit;
	GParamSpec *spec = find_property(element, "bitrate");

	if (!spec || (live && !(spec->flags & GST_PARAM_MUTABLE_PLAYING)))
		return false;
	set_uint(element, "bitrate", MAX(bitrate / unit, 1));
	return true;
}

static void append(GValue *list, const char *text)
{
	GValue value = G_VALUE_INIT;

	g_value_init(&value, G_TYPE_STRING);
	g_value_set_string(&value, text);
	gst_value_list_append_and_take_value(list, &value);
}

static void set_profile(GstCaps *caps, uint8_t profile)
{
	GValue list = G_VALUE_INIT;

	g_value_init(&list, GST_TYPE_LIST);
	if (profile == HXFR_PROFILE_HIGH)
		append(&list, "high");
	if (profile == HXFR_PROFILE_MAIN)
		append(&list, "main");
	if (profile == HXFR_PROFILE_BASELINE) {
		append(&list, "constrained-baseline");
		append(&list, "baseline");
	}
	gst_caps_set_value(caps, "profile", &list);
	g_value_unset(&list);
}

GstCaps *encoder_tune_caps(const char *name, const struct encoder_config *config)
{
	GstCaps *caps = gst_caps_new_empty_simple("video/x-h264");

	if (config->profile)
		set_profile(caps, config->profile);
	if (config->level && find_tuning(name)->level_in_caps) {
		char *level = config->level % 10 ? g_strdup_printf("%u.%u", config->level / 10u,
							   config->level % 10u)
						 : g_strdup_printf("%u", config->level / 10u);
		gst_caps_set_simple(caps, "level", G_TYPE_STRING, level, NULL);
		g_free(level);
	}
	return caps;
}
