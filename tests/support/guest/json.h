/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One JSON object on one line, member by member: how these programs say what they found. */

#include <glib.h>
#include <stdint.h>

struct json {
	GString *text;
};

void json_begin(struct json *j);
void json_uint(struct json *j, const char *name, uint64_t value);
void json_int(struct json *j, const char *name, int64_t value);
/* Three decimals; null for what is no finite number. */
void json_double(struct json *j, const char *name, double value);
void json_bool(struct json *j, const char *name, gboolean value);
/* NULL is null. */
void json_string(struct json *j, const char *name, const char *value);
/* Objects within objects, to any depth. */
void json_open(struct json *j, const char *name);
void json_close(struct json *j);
/* Prints the line on stdout. */
void json_print(struct json *j);
