/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A fuzz target is one function, called by libFuzzer (-Dfuzz=true, clang) or by replay.c, which
 * runs a stored corpus through it in every build. It returns 0 and aborts when a promise is broken.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert(3) that no build can turn off. */
#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
