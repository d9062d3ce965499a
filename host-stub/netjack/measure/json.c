/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"

#include <inttypes.h>
#include <math.h>

static void write_quoted(GString *text, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	g_string_append_c(text, '"');
	for (const char *c = valid; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_printf(text, "\\%c", *c);
		else if ((unsigned char)*c < 0x20)
			g_string_append_printf(text, "\\u%04x", (unsigned)*c);
		else
			g_string_append_c(text, *c);
	}
	g_string_append_c(text, '"');
}

static void begin(struct json *json, const char *key)
{
	if (!json->first)
		g_string_append_c(json->text, ',');
	json->first = false;
	if (key) {
		write_quoted(json->text, key);
		g_string_append_c(json->text, ':');
	}
}

void json_write_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	g_string_append_c(json->text, bracket);
	json->first = true;
}

void json_write_close(struct json *json, char bracket)
{
	g_string_append_c(json->text, bracket);
	json->first = false;
}

void json_write_string(struct json *json, const char *key, const char *value)
{
	if (!value) {
		json_write_null(json, key);
		return;
	}
	begin(json, key);
	write_quoted(json->text, value);
}

void json_write_count(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	g_string_append_printf(json->text, "%" PRIu64, value);
}

void json_write_integer(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	g_string_append_printf(json->text, "%" PRId64, value);
}

void json_write_number(struct json *json, const char *key, double value, int digits)
{
	char format[8], text[G_ASCII_DTOSTR_BUF_SIZE * 2];

	if (!isfinite(value) || fabs(value) > 1e15) {
		json_write_null(json, key);
		return;
	}
	begin(json, key);
	g_snprintf(format, sizeof format, "%%.%df", digits);
	g_string_append(json->text, g_ascii_formatd(text, sizeof text, format, value));
}

void json_write_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	g_string_append(json->text, value ? "true" : "false");
}

void json_write_null(struct json *json, const char *key)
{
	begin(json, key);
	g_string_append(json->text, "null");
}
