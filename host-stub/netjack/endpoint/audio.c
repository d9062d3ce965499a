/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audio.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[N_VERDICTS] = {
		[VERDICT_OK] = "ok",
		[VERDICT_EARLY] = "early",
		[VERDICT_LATE] = "late",
		[VERDICT_LOST] = "lost",
	};

	return names[verdict];
}
