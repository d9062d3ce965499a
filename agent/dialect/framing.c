/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framing.h"

#include "dialect.h"

#include <string.h>

#define TEXT_KEEP 4096u /* bytes of memory a client may hold between messages */

void framing_init(struct framing *framing)
{
	*framing = (struct framing){ .text = g_string_new(NULL) };
}

void framing_finish(struct framing *framing)
{
	g_string_free(framing->text, TRUE);
}

bool framing_pending(const struct framing *framing)
{
	return framing->state != FRAMING_BETWEEN;
}

static bool is_stray(unsigned char byte)
{
	return byte >= 0xfe;
}

static void begin(struct framing *framing, enum framing_state state)
{
	framing->state = state;
	framing->in_string = framing->escaped = framing->after_stray = false;
	framing->depth = 0;
	if (framing->text->allocated_len > TEXT_KEEP) {
		g_string_free(framing->text, TRUE);
		framing->text = g_string_new(NULL);
	}
	g_string_truncate(framing->text, 0);
}

static enum framing_event end(struct framing *framing, enum framing_event event)
{
	bool silent = framing->state == FRAMING_SKIPPING && event != FRAMING_STRAY;

	framing->state = FRAMING_BETWEEN;
	framing->after_stray = event == FRAMING_STRAY;
	return silent ? FRAMING_NONE : event;
}

/* Ends the text with this byte, or FRAMING_NONE. */
static enum framing_event follow(struct framing *framing, unsigned char byte)
{
	if (is_stray(byte))
		return end(framing, FRAMING_STRAY);
	if (framing->in_string) {
		if (byte < ' ')
			return end(framing, FRAMING_BROKEN);
		framing->in_string = framing->escaped || byte != '"';
		framing->escaped = !framing->escaped && byte == '\\';
	} else if (byte == '"') {
		framing->in_string = true;
	} else if (byte == '{' || byte == '[') {
		framing->depth++;
	} else if (byte == '}' || byte == ']') {
		framing->depth--;
	}
	if (framing->depth == 0 && !framing->in_string)
		return end(framing, FRAMING_MESSAGE);
	return FRAMING_NONE;
}

static enum framing_event skip(struct framing *framing, enum framing_event event)
{
	framing->state = FRAMING_SKIPPING;
	return event;
}

static enum framing_event in_message(struct framing *framing, unsigned char byte)
{
	if (framing->text->len == DIALECT_MESSAGE_MAX && !is_stray(byte)) {
		enum framing_event ended = follow(framing, byte);

		framing->state = ended ? FRAMING_BETWEEN : FRAMING_SKIPPING;
		return FRAMING_TOO_LONG;
	}
	g_string_append_c(framing->text, (char)byte);
	enum framing_event event = follow(framing, byte);
	if (event == FRAMING_NONE && framing->depth > DIALECT_DEPTH_MAX)
		return skip(framing, FRAMING_TOO_DEEP);
	return event;
}

/* False: the byte belongs to what comes next. */
static bool in_garbage(struct framing *framing, unsigned char byte)
{
	if (is_stray(byte) || byte == '{' || byte == '[' || (byte < ' ' && byte != '\t'))
		return false;
	if (framing->text->len < FRAMING_GARBAGE_MAX)
		g_string_append_c(framing->text, (char)byte);
	return true;
}

static enum framing_event between(struct framing *framing, unsigned char byte)
{
	if (is_stray(byte)) {
		bool first = !framing->after_stray;

		framing->after_stray = true;
		return first ? FRAMING_STRAY : FRAMING_NONE;
	}
	if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')
		return FRAMING_NONE;
	if (byte == '{' || byte == '[' || byte == '"') {
		begin(framing, FRAMING_IN_MESSAGE);
		return in_message(framing, byte);
	}
	begin(framing, FRAMING_IN_GARBAGE);
	g_string_append_c(framing->text, (char)byte);
	return FRAMING_NONE;
}

enum framing_event framing_next(struct framing *framing, const char **data, gsize *size)
{
	enum framing_event event = FRAMING_NONE;

	while (*size > 0 && event == FRAMING_NONE) {
		unsigned char byte = (unsigned char)**data;

		if (framing->state == FRAMING_IN_GARBAGE && !in_garbage(framing, byte))
			return end(framing, FRAMING_GARBAGE);
		if (framing->state == FRAMING_BETWEEN)
			event = between(framing, byte);
		else if (framing->state == FRAMING_IN_MESSAGE)
			event = in_message(framing, byte);
		else if (framing->state == FRAMING_SKIPPING)
			event = follow(framing, byte);
		(*data)++, (*size)--;
	}
	return event;
}
