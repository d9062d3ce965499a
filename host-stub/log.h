/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the code below a main sends what a user may want to know; the main decides what becomes of
 * it. */

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG, /* every message on the wire */
};

struct log_sink {
	enum log_level level; /* the most talkative one wanted */
	/* One line without newline. Called from any thread, several at a time. NULL: silence. */
	void (*write)(void *user, enum log_level level, const char *text);
	void *user;
};

#define LOG_TEXT_SIZE 1024u /* longer lines are cut */

/* sink may be NULL. */
void log_write(const struct log_sink *sink, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Would a line of this level be written? */
int log_wants(const struct log_sink *sink, enum log_level level);
/* 0 and the level that "error", "warning", "info" or "debug" names; -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret);
