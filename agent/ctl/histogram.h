/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durations as a picture of lines of text. */

#include <jansson.h>

/* histogram: [{below-us, count}], null for no limit. From the first to the last that has a count. */
void histogram_print(const json_t *histogram);
