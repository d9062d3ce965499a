/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes JSON as text: commas, escapes, and numbers as it wants them in every locale. Named so that
 * jansson can be in the same program. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct json {
	GString *text; /* borrowed */
	bool first;    /* in the object or array that is open */
};

/* key: NULL in an array. */
void json_write_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_write_close(struct json *json, char bracket);                 /* '}' or ']' */
/* What is no UTF-8 of it is replaced. NULL: null. */
void json_write_string(struct json *json, const char *key, const char *value);
void json_write_count(struct json *json, const char *key, uint64_t value);
void json_write_integer(struct json *json, const char *key, int64_t value);
/* With so many digits behind the point; null where it is no number. */
void json_write_number(struct json *json, const char *key, double value, int digits);
void json_write_bool(struct json *json, const char *key, bool value);
void json_write_null(struct json *json, const char *key);
