/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The golden vectors of tests/vectors. A file holds comment lines ("# ..."), one line "dump TEXT"
 * and lines of hex bytes, each up to its own "#".
 */

#include <stddef.h>
#include <stdint.h>

struct vector {
	char name[64]; /* file name without ".txt" */
	char *text;    /* the whole file */
	char *dump;
	uint8_t *bytes; /* exactly size bytes, so that ASan sees a read behind them */
	size_t size;
};

/* All of them, sorted by name; exits the test when one cannot be read. For vectors_free(). */
size_t vectors_load(struct vector **ret);
void vectors_free(struct vector *vectors, size_t n);
/* A whole file as a NUL-terminated string, for free(). */
char *vectors_read_file(const char *path);
/* Hex digits with blanks between bytes, up to the end or a '#'. Returns the number of bytes. */
size_t vectors_parse_hex(const char *hex, uint8_t *ret, size_t size);
