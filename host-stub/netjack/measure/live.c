/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "live.h"

#include <glib.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR "\r\033[K"

void live_init(struct live *live, int fd)
{
	*live = (struct live){ .fd = fd, .terminal = isatty(fd) == 1 };
	pthread_mutex_init(&live->lock, NULL);
}

static glong width_of(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void show_on_terminal(struct live *live, const char *line)
{
	g_autofree char *valid = g_utf8_make_valid(line, -1);
	g_autofree char *cut =
		g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), width_of(live->fd)));

	dprintf(live->fd, CLEAR "%s", cut);
	live->shown = true;
}

void live_show(struct live *live, const char *line, int64_t now_ns)
{
	pthread_mutex_lock(&live->lock);
	if (live->terminal) {
		show_on_terminal(live, line);
	} else if (now_ns >= live->next_ns) {
		if (live->next_ns != 0)
			dprintf(live->fd, "helix-host-stub: %s\n", line);
		live->next_ns = now_ns + LIVE_PLAIN_MS * INT64_C(1000000);
	}
	pthread_mutex_unlock(&live->lock);
}

static void clear(struct live *live)
{
	if (live->shown)
		dprintf(live->fd, CLEAR);
	live->shown = false;
}

void live_finish(struct live *live)
{
	clear(live);
	pthread_mutex_destroy(&live->lock);
}

void live_log(void *user, enum log_level level, const char *text)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "", "" };
	struct live *live = user;

	pthread_mutex_lock(&live->lock);
	clear(live);
	dprintf(live->fd, "helix-host-stub: %s%s\n", prefixes[level], text);
	pthread_mutex_unlock(&live->lock);
}
