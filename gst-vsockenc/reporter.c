/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reporter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct reporter {
	struct sockaddr_un address;
	int fd; /* -1: not open */
	uint64_t stream;
	gint64 due_us; /* G_MAXINT64: nobody is told */
	bool told;
};

struct reporter *reporter_new(void)
{
	struct reporter *reporter = g_new0(struct reporter, 1);
	const char *path = g_getenv(REPORTER_VARIABLE);
	size_t size = sizeof(reporter->address.sun_path);

	if (!path)
		path = HXFR_REPORT_PATH;
	reporter->fd = -1;
	reporter->stream = (uint64_t)g_random_int() << 32 | g_random_int();
	reporter->address.sun_family = AF_UNIX;
	if (!*path || g_strlcpy(reporter->address.sun_path, path, size) >= size)
		reporter->due_us = G_MAXINT64;
	return reporter;
}

void reporter_free(struct reporter *reporter)
{
	if (!reporter)
		return;
	if (reporter->fd >= 0)
		close(reporter->fd);
	g_free(reporter);
}

bool reporter_is_due(const struct reporter *reporter)
{
	return g_get_monotonic_time() >= reporter->due_us;
}

static bool send_bytes(struct reporter *reporter, const uint8_t *bytes, size_t size)
{
	if (reporter->fd < 0)
		reporter->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (reporter->fd < 0)
		return false;
	return sendto(reporter->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT,
		       (const struct sockaddr *)&reporter->address,
		       sizeof(reporter->address)) >= 0 ||
	       errno == EAGAIN; /* it is there, and busy */
}

void reporter_send(struct reporter *reporter, const struct hxfr_report *report)
{
	struct hxfr_report complete = *report;
	uint8_t bytes[HXFR_REPORT_SIZE];
	gint64 pause_us = REPORTER_INTERVAL_MS * G_TIME_SPAN_MILLISECOND;

	if (reporter->due_us == G_MAXINT64 || (report->ended && !reporter->told))
		return;
	complete.stream = reporter->stream;
	hxfr_report_encode(&complete, bytes);
	reporter->told = send_bytes(reporter, bytes, sizeof(bytes));
	if (!reporter->told) {
		pause_us = REPORTER_PAUSE_S * G_TIME_SPAN_SECOND;
		/* An element of a guest without an agent holds no descriptor for one. */
		if (reporter->fd >= 0)
			close(reporter->fd);
		reporter->fd = -1;
	}
	reporter->due_us = g_get_monotonic_time() + pause_us;
}
