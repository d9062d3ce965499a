/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Room for one picture, kept for the next one. */

#include <stddef.h>
#include <stdint.h>

#define SCRATCH_KEEP_MAX ((size_t)40 * 1024 * 1024) /* bytes: 4K AR24 */

struct scratch {
	uint8_t *data; /* NULL: none */
	size_t size;   /* bytes */
};

/* At least size bytes, whose content is not kept. -ENOMEM. */
int scratch_reserve(struct scratch *scratch, size_t size);
/* Every client has one: what a single huge picture took is not kept for its life. */
void scratch_trim(struct scratch *scratch);
void scratch_finish(struct scratch *scratch);
