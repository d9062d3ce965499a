/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Several audios as one: the first one plays, all of them hear what comes back. */

#include "../endpoint/audio.h"

#define STACK_MAX 4u

struct stack {
	struct stack_part {
		const struct audio_ops *ops;
		void *user;
	} parts[STACK_MAX];
	unsigned n;      /* 0: it plays silence */
	unsigned player; /* the part that plays; n: silence */
};

/* Its user is a struct stack that does not change any more. An audio that a part opens as NULL is not
 * called again. */
extern const struct audio_ops stack_ops;
