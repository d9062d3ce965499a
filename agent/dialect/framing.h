/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where one JSON text ends and the next begins, in a stream of any bytes, without parsing them.
 * Limits are met before memory is. As in QEMU's json-lexer.c, a byte 0xfe or 0xff, or a control
 * character within a string, drops what was begun: clients use that to get a known state.
 */

#include <glib.h>
#include <stdbool.h>

#define FRAMING_GARBAGE_MAX 40u /* bytes of garbage that are kept, for the message */

enum framing_event {
	FRAMING_NONE,    /* all bytes were taken */
	FRAMING_MESSAGE, /* text: an object, an array or a string, not known to be well-formed */
	FRAMING_GARBAGE, /* text: begin of something else, up to the end of the line or the next '{' */
	FRAMING_STRAY,    /* 0xfe or 0xff; once for a row of them */
	FRAMING_BROKEN,   /* a control character within a string */
	FRAMING_TOO_LONG, /* the rest of it is skipped */
	FRAMING_TOO_DEEP, /* the same */
};

struct framing {
	GString *text; /* valid until the next call */
	enum framing_state {
		FRAMING_BETWEEN,
		FRAMING_IN_GARBAGE,
		FRAMING_IN_MESSAGE,
		FRAMING_SKIPPING,
	} state;
	bool in_string, escaped, after_stray;
	gsize depth;
};

void framing_init(struct framing *framing);
void framing_finish(struct framing *framing);
/* Takes bytes up to the next event, and moves *data and *size behind them. */
enum framing_event framing_next(struct framing *framing, const char **data, gsize *size);
/* Has a text begun that has not ended? */
bool framing_pending(const struct framing *framing);
