/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link-log.h"

#define LOST UINT32_MAX

struct link_log {
	GMutex mutex;
	uint32_t rtt_ns[LINK_LOG_PINGS]; /* a ring; LOST */
	unsigned n, next;
	char *error;
	int64_t error_ns;
	struct link_peer peer;
};

struct link_log *link_log_new(void)
{
	struct link_log *log = g_atomic_rc_box_new0(struct link_log);

	g_mutex_init(&log->mutex);
	return log;
}

struct link_log *link_log_ref(struct link_log *log)
{
	return g_atomic_rc_box_acquire(log);
}

static void clear(void *data)
{
	struct link_log *log = data;

	g_mutex_clear(&log->mutex);
	g_free(log->error);
}

void link_log_unref(struct link_log *log)
{
	if (log)
		g_atomic_rc_box_release_full(log, clear);
}

void link_log_ping(struct link_log *log, double rtt_us)
{
	uint32_t rtt_ns = rtt_us < 0 ? LOST : (uint32_t)MIN(rtt_us * 1e3, LOST - 1);

	g_mutex_lock(&log->mutex);
	log->rtt_ns[log->next] = rtt_ns;
	log->next = (log->next + 1) % LINK_LOG_PINGS;
	log->n = MIN(log->n + 1, LINK_LOG_PINGS);
	g_mutex_unlock(&log->mutex);
}

void link_log_fail(struct link_log *log, int64_t now_ns, const char *error)
{
	g_mutex_lock(&log->mutex);
	g_free(log->error);
	log->error = g_strdup(error);
	log->error_ns = now_ns;
	g_mutex_unlock(&log->mutex);
}

void link_log_peer(struct link_log *log, const struct link_peer *peer)
{
	g_mutex_lock(&log->mutex);
	log->peer = *peer;
	g_mutex_unlock(&log->mutex);
}

void link_log_summarise(struct link_log *log, struct link_summary *ret)
{
	struct link_summary summary = { 0 };
	uint32_t rtt_ns[LINK_LOG_PINGS];

	g_mutex_lock(&log->mutex);
	summary.sent = log->n;
	for (unsigned i = 0; i < log->n; i++)
		if (log->rtt_ns[i] != LOST)
			rtt_ns[summary.answered++] = log->rtt_ns[i];
	summary.error = g_strdup(log->error);
	summary.error_ns = log->error_ns;
	summary.peer = log->peer;
	g_mutex_unlock(&log->mutex);
	if (summary.answered > 0)
		latency_summarise(rtt_ns, summary.answered, &summary.rtt);
	*ret = summary;
}

void link_summary_finish(struct link_summary *summary)
{
	g_clear_pointer(&summary->error, g_free);
}
