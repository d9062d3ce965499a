/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vectors.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536

char *vectors_read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(FILE_MAX + 1);
	size_t n;

	ck_assert_msg(file && text, "cannot read %s", path);
	n = fread(text, 1, FILE_MAX, file);
	ck_assert_msg(n < FILE_MAX, "%s is too long", path);
	text[n] = '\0';
	fclose(file);
	return text;
}

size_t vectors_parse_hex(const char *hex, uint8_t *ret, size_t size)
{
	size_t n = 0;
	unsigned byte;
	int used;

	while (*hex && *hex != '#' && sscanf(hex, " %2x%n", &byte, &used) == 1) {
		ck_assert_uint_lt(n, size);
		ret[n++] = (uint8_t)byte;
		hex += used + strspn(hex + used, " ");
	}
	ck_assert_msg(!*hex || *hex == '#', "not hex: %s", hex);
	return n;
}

static void parse(struct vector *v)
{
	uint8_t bytes[2048];
	char *copy = strdup(v->text), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "dump ", 5))
			v->dump = strdup(line + 5);
		else
			v->size +=
				vectors_parse_hex(line, bytes + v->size, sizeof(bytes) - v->size);
	}
	ck_assert_msg(v->dump && v->size > 0, "%s has no dump or no bytes", v->name);
	v->bytes = malloc(v->size);
	memcpy(v->bytes, bytes, v->size);
	free(copy);
}

size_t vectors_load(struct vector **ret)
{
	struct vector *vectors;
	const char *name;
	glob_t files;
	size_t n;

	ck_assert_int_eq(glob(VECTORS_DIR "/*.txt", 0, NULL, &files), 0);
	n = files.gl_pathc;
	vectors = calloc(n, sizeof(*vectors));
	for (size_t i = 0; i < n; i++) {
		name = strrchr(files.gl_pathv[i], '/') + 1;
		snprintf(vectors[i].name, sizeof(vectors[i].name), "%.*s",
			(int)(strlen(name) - strlen(".txt")), name);
		vectors[i].text = vectors_read_file(files.gl_pathv[i]);
		parse(&vectors[i]);
	}
	globfree(&files);
	*ret = vectors;
	return n;
}

void vectors_free(struct vector *vectors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(vectors[i].text);
		free(vectors[i].dump);
		free(vectors[i].bytes);
	}
	free(vectors);
}
