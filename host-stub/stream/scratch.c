/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include <errno.h>
#include <stdlib.h>

int scratch_reserve(struct scratch *scratch, size_t size)
{
	if (size <= scratch->size)
		return 0;
	uint8_t *data = malloc(size);
	if (!data)
		return -ENOMEM;
	free(scratch->data);
	*scratch = (struct scratch){ data, size };
	return 0;
}

void scratch_finish(struct scratch *scratch)
{
	free(scratch->data);
	*scratch = (struct scratch){ 0 };
}

void scratch_trim(struct scratch *scratch)
{
	if (scratch->size > SCRATCH_KEEP_MAX)
		scratch_finish(scratch);
}
