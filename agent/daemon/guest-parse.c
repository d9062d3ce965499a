/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

json_t *guest_parse_load(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", 4);
	static const char *const names[] = { "load1m", "load5m", "load15m" };
	json_t *load = json_object();

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		char *end = NULL;
		double value = words[i] ? g_ascii_strtod(words[i], &end) : 0;

		if (!end || end == words[i] || *end ||
			json_object_set_new(load, names[i], json_real(value)) < 0) {
			json_decref(load);
			return NULL;
		}
		if (!words[i + 1])
			break;
	}
	if (json_object_size(load) == G_N_ELEMENTS(names))
		return load;
	json_decref(load);
	return NULL;
}

json_t *guest_parse_host_name(const char *name)
{
	g_autofree char *valid = g_utf8_make_valid(name, -1);

	return json_pack("{s:s}", "host-name", valid);
}

/* --- /proc/stat --- */

static json_t *parse_cpu(const char *line, long ticks_per_s)
{
	static const char *const names[] = { "user", "nice", "system", "idle", "iowait", "irq",
		"softirq", "steal", "guest", "guestnice" };
	const unsigned n_required = 4;
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	json_t *cpu = json_pack("{s:s}", "type", "linux");
	guint64 value;

	if (!g_ascii_string_to_unsigned(words[0] + strlen("cpu"), 10, 0, G_MAXINT, &value, NULL))
		goto fail;
	json_object_set_new(cpu, "cpu", json_integer((json_int_t)value));
	for (unsigned i = 0; i < G_N_ELEMENTS(names) && words[i + 1]; i++) {
		if (!g_ascii_string_to_unsigned(
			    words[i + 1], 10, 0, G_MAXINT64 / 1000, &value, NULL))
			goto fail;
		json_object_set_new(cpu, names[i],
			json_integer((json_int_t)value * 1000 / (json_int_t)ticks_per_s));
	}
	if (json_object_size(cpu) >= 2 + n_required)
		return cpu;
fail:
	json_decref(cpu);
	return NULL;
}

json_t *guest_parse_cpustats(const char *text, long ticks_per_s)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	json_t *cpus = json_array();

	for (char **line = lines; *line; line++) {
		json_t *cpu;

		if (!g_str_has_prefix(*line, "cpu") || !g_ascii_isdigit((*line)[3]))
			continue;
		cpu = parse_cpu(*line, ticks_per_s);
		if (!cpu) {
			json_decref(cpus);
			return NULL;
		}
		json_array_append_new(cpus, cpu);
	}
	return cpus;
}

/* --- os-release(5) --- */

static void take_line(const char *line, json_t *object)
{
	static const char *const names[][2] = {
		{ "ID", "id" },
		{ "NAME", "name" },
		{ "PRETTY_NAME", "pretty-name" },
		{ "VERSION", "version" },
		{ "VERSION_ID", "version-id" },
		{ "VARIANT", "variant" },
		{ "VARIANT_ID", "variant-id" },
	};
	const char *equals = strchr(line, '=');
	size_t length = equals ? (size_t)(equals - line) : 0;
	g_autofree char *value = equals ? g_shell_unquote(equals + 1, NULL) : NULL;

	for (unsigned i = 0; value && i < G_N_ELEMENTS(names); i++)
		if (strlen(names[i][0]) == length && !strncmp(line, names[i][0], length))
			json_object_set_new(object, names[i][1], json_string(value));
}

void guest_parse_osrelease(const char *text, json_t *object)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (**line != '#')
			take_line(*line, object);
}

/* --- mountinfo --- */

bool guest_parse_mount(const char *line, struct guest_mount *ret)
{
	g_auto(GStrv) halves = g_strsplit(line, " - ", 2);
	g_auto(GStrv) words = halves[0] ? g_strsplit(halves[0], " ", 7) : NULL;
	g_auto(GStrv) rest = halves[0] && halves[1] ? g_strsplit(halves[1], " ", 3) : NULL;
	struct guest_mount mount = { 0 };

	if (!rest || g_strv_length(words) < 6 || g_strv_length(rest) < 2 ||
		sscanf(words[2], "%u:%u", &mount.major, &mount.minor) != 2)
		return false;
	mount.mountpoint = g_strcompress(words[4]);
	mount.type = g_strdup(rest[0]);
	mount.source = g_strcompress(rest[1]);
	*ret = mount;
	return true;
}

void guest_mount_finish(struct guest_mount *mount)
{
	g_free(mount->mountpoint);
	g_free(mount->type);
	g_free(mount->source);
	*mount = (struct guest_mount){ 0 };
}
