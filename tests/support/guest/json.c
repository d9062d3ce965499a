/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void json_begin(struct json *j)
{
	j->text = g_string_new("{");
}

static void put_text(struct json *j, const char *text)
{
	g_string_append_c(j->text, '"');
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_printf(j->text, "\\%c", *c);
		else if ((unsigned char)*c < ' ')
			g_string_append_printf(j->text, "\\u%04x", (unsigned)*c);
		else
			g_string_append_c(j->text, *c);
	}
	g_string_append_c(j->text, '"');
}

static void put_name(struct json *j, const char *name)
{
	if (j->text->str[j->text->len - 1] != '{')
		g_string_append(j->text, ", ");
	put_text(j, name);
	g_string_append(j->text, ": ");
}

void json_uint(struct json *j, const char *name, uint64_t value)
{
	put_name(j, name);
	g_string_append_printf(j->text, "%" PRIu64, value);
}

void json_int(struct json *j, const char *name, int64_t value)
{
	put_name(j, name);
	g_string_append_printf(j->text, "%" PRId64, value);
}

void json_double(struct json *j, const char *name, double value)
{
	put_name(j, name);
	if (isfinite(value))
		g_string_append_printf(j->text, "%.3f", value);
	else
		g_string_append(j->text, "null");
}

void json_bool(struct json *j, const char *name, gboolean value)
{
	put_name(j, name);
	g_string_append(j->text, value ? "true" : "false");
}

void json_string(struct json *j, const char *name, const char *value)
{
	put_name(j, name);
	if (value)
		put_text(j, value);
	else
		g_string_append(j->text, "null");
}

void json_open(struct json *j, const char *name)
{
	put_name(j, name);
	g_string_append_c(j->text, '{');
}

void json_close(struct json *j)
{
	g_string_append_c(j->text, '}');
}

void json_print(struct json *j)
{
	json_close(j);
	printf("%s\n", j->text->str);
	g_string_free(j->text, TRUE);
}
