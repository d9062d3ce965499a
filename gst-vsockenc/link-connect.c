/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link-private.h"

#include <hxfr/socket.h>

#include <poll.h>
#include <sys/socket.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS   2000u

static int link_connect(struct link *link, unsigned timeout_ms)
{
	struct hxfr_connection *connection;
	int fd, r;

	r = hxfr_socket_connect(&link->config.endpoint, timeout_ms, link->cancel_fd, &fd);
	if (r < 0)
		return r;
	r = hxfr_connection_new(fd, HXFR_FRAME_RESPONSE_SIZE + HXFR_ACCESS_UNIT_MAX, &connection);
	if (r < 0)
		return r;

	link->responded = false;
	link->overdue_in_row = 0;
	link->up_ns = now_ns();
	g_mutex_lock(&link->lock);
	link->connection = connection;
	link->messages = 0;
	link->to_drop = link->window.count; /* submitted when there was nothing to send them over */
	if (link->configured)
		link_send_config(link);
	g_mutex_unlock(&link->lock);
	return 0;
}

/* Everything in flight is lost with its connection. */
static void link_disconnect(struct link *link)
{
	struct link_body *done;

	g_mutex_lock(&link->lock);
	/* The streaming thread may be polling it: closing alone would not wake that. */
	shutdown(hxfr_connection_fd(link->connection), SHUT_RDWR);
	hxfr_connection_destroy(link->connection);
	link->connection = NULL;
	link->state = LINK_STATE_DOWN;
	link->to_drop = link->window.count;
	done = link_take_done(link);
	g_mutex_unlock(&link->lock);
	link_release_done(done);
	link->answered = link->overdue = false;
	link->pinged_ns = 0;
	link->ponged = false;
}

/* How long an outage may last. Without reconnect there is one only after ids were refused. */
static unsigned link_outage_max_ms(const struct link *link)
{
	return link->config.reconnect ? link->config.reconnect_timeout_ms
				      : link->config.connect_timeout_ms;
}

/* How much longer this one may. */
static unsigned link_budget_ms(const struct link *link)
{
	uint64_t lasted_ms = (now_ns() - link->outage_ns) / NS_PER_MS;
	unsigned max_ms = link_outage_max_ms(link);

	return lasted_ms < max_ms ? max_ms - (unsigned)lasted_ms : 0;
}

/* An outage ends with the first response, or with a connection that lasted as long as an outage
 * may. */
static void link_begin_outage(struct link *link)
{
	uint64_t now = now_ns();

	if (link->outage_ns != 0 && now - link->up_ns < link_outage_max_ms(link) * NS_PER_MS)
		return;

	link->outage_ns = now;
	link->backoff_ms = BACKOFF_FIRST_MS;
}

int link_open(struct link *link)
{
	int r = link_connect(link, link->config.connect_timeout_ms);

	if (r == 0) {
		link->state = LINK_STATE_UP;
	} else {
		link->failure = (struct link_failure){ .reason = LINK_REASON_CONNECT, .error = r };
		link_begin_outage(link);
	}
	return r;
}

void link_fail(struct link *link, enum link_reason reason, int error, struct link_event *ret)
{
	bool again = link->config.reconnect || reason == LINK_REASON_NO_IDS;

	link->failure.reason = reason;
	link->failure.error = error;
	link_disconnect(link);
	link_begin_outage(link);
	ret->type = again && link_budget_ms(link) > 0 ? LINK_LOST : LINK_FAILED;
	ret->failure = &link->failure;
}

bool link_is_cancelled_within(struct link *link, int timeout_ms)
{
	struct pollfd fd = { .fd = link->cancel_fd, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) > 0;
}

/* What the streaming thread submitted after the connection was lost joins what was lost with it. */
static bool link_drop_strays(struct link *link)
{
	g_mutex_lock(&link->lock);
	link->to_drop = link->window.count;
	g_mutex_unlock(&link->lock);
	return link->to_drop > 0;
}

bool link_reconnect(struct link *link, struct link_event *ret)
{
	unsigned budget_ms = link_budget_ms(link);
	int r;

	if (link_drop_strays(link))
		return false;
	if (link_is_cancelled_within(link, (int)MIN(link->backoff_ms, budget_ms))) {
		ret->type = LINK_CANCELLED;
		return true;
	}
	link->backoff_ms = CLAMP(link->backoff_ms * 2, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);

	r = link_connect(link, CLAMP(budget_ms, 1, link->config.connect_timeout_ms));
	if (r == 0) {
		ret->type = LINK_CONNECTED;
		return true;
	}
	if (r == -ECANCELED || link_budget_ms(link) > 0)
		return false;

	link->failure = (struct link_failure){ .reason = LINK_REASON_CONNECT, .error = r };
	ret->type = LINK_FAILED;
	ret->failure = &link->failure;
	return true;
}
