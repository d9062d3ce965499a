/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link-private.h"

#include <hxfr/error.h>

#include <errno.h>
#include <poll.h>

/* Dealing with an event for longer than the first makes the reader late; it may catch up for as
 * long as the second. */
#define BEHIND_NS   (10 * NS_PER_MS)
#define CATCH_UP_NS (100 * NS_PER_MS)

/* --- events --- */

/* Is this ERROR the answer of a host that can read no resource of this VM? */
static bool link_has_no_ids(struct link *link, int32_t code)
{
	bool tentative = false;

	if (code != HXFR_CODE_RESOURCE_NOT_FOUND && code != HXFR_CODE_RESOURCE_UNUSABLE &&
		code != HXFR_CODE_NO_SURFACE)
		return false;

	g_mutex_lock(&link->lock);
	for (unsigned i = 0; i < link->window.count && !link->ids_work; i++)
		tentative |= window_at(&link->window, i)->tentative;
	link->resuming |= tentative;
	g_mutex_unlock(&link->lock);
	return tentative;
}

static void link_on_error(struct link *link, struct link_event *ret)
{
	const struct hxfr_error *error = &link->message.error;
	bool no_ids = link_has_no_ids(link, error->code);

	link->failure.code = error->code;
	g_strlcpy(link->failure.text, error->message, sizeof(link->failure.text));
	link_fail(link, no_ids ? LINK_REASON_NO_IDS : LINK_REASON_REFUSED, 0, ret);
	if (no_ids)
		link->backoff_ms = 0; /* the host is there */
}

void link_give_up(struct link *link)
{
	g_mutex_lock(&link->lock);
	link->state = LINK_STATE_GIVEN_UP;
	link_changed(link);
	g_mutex_unlock(&link->lock);
}

/* Hands out the oldest flight. */
static void link_pop(struct link *link, struct link_event *ret)
{
	g_mutex_lock(&link->lock);
	window_pop(&link->window, &ret->flight);
	link->delivering = true;
	link_changed(link);
	g_mutex_unlock(&link->lock);
	link->pinged_ns = 0;
	link->ponged = false;
}

/* A new connection is used only once LINK_CONNECTED was dealt with: the first request over it has
 * to ask for an IDR. */
static void link_event_dealt_with(struct link *link)
{
	g_mutex_lock(&link->lock);
	link->delivering = false;
	if (link->state == LINK_STATE_DOWN && link->connection) {
		link->state = LINK_STATE_UP;
		link->resuming = false;
	}
	link_changed(link);
	g_mutex_unlock(&link->lock);
}

/* What was found out before and is not handed out yet: drops first, they are older. */
static bool link_pending_event(struct link *link, struct link_event *ret)
{
	if (link->to_drop > 0) {
		link->to_drop--;
		ret->type = LINK_DROPPED;
		ret->overdue = link->overdue;
		link_pop(link, ret);
		return true;
	}
	link->overdue = false;

	if (link->answered) {
		link->answered = false;
		ret->type = LINK_RESPONSE;
		ret->response = &link->message.frame_response;
		link_pop(link, ret);
		ret->latency_ns =
			link->answered_ns > 0 ? link->answered_ns - ret->flight.sent_ns : 0;
		return true;
	}
	return false;
}

static bool link_is_behind(const struct link *link)
{
	return link->behind_until_ns != 0 && now_ns() < link->behind_until_ns;
}

/* Where in the window the response belongs: -ENOENT when nowhere (its frame was given up), -EBADMSG
 * when the host answers a request that has not left yet, which would free its place while its
 * pixels pile up. */
static int link_find_answered(struct link *link)
{
	int index;

	g_mutex_lock(&link->lock);
	index = window_find(&link->window, link->message.frame_response.pts);
	if (index < 0)
		index = -ENOENT;
	else if (window_at(&link->window, (unsigned)index)->message >
		 link->messages - hxfr_connection_queued(link->connection))
		index = -EBADMSG;
	else
		link->ids_work |= window_at(&link->window, (unsigned)index)->tentative;
	g_mutex_unlock(&link->lock);
	return index;
}

/* true when that is the end of the connection. */
static bool link_on_response(struct link *link, struct link_event *ret)
{
	int index = link_find_answered(link);

	if (index == -EBADMSG) {
		link_fail(link, LINK_REASON_GARBAGE, index, ret);
		return true;
	}
	link->responded = true;
	if (index < 0)
		return false;

	link->outage_ns = 0;
	link->overdue_in_row = 0;
	link->answered_ns = link_is_behind(link) ? 0 : now_ns();
	link->to_drop = (unsigned)index;
	link->answered = true;
	return false;
}

static void link_send_simple(struct link *link, enum hxfr_type type, uint16_t session_id)
{
	struct hxfr_message m = { .header = { .type = (uint8_t)type, .session_id = session_id } };

	g_mutex_lock(&link->lock);
	link_send(link, &m);
	g_mutex_unlock(&link->lock);
}

/* Deals with link->message. true when that is the end of the connection. */
static bool link_on_message(struct link *link, struct link_event *ret)
{
	switch (link->message.header.type) {
	case HXFR_FRAME_RESPONSE:
		return link_on_response(link, ret);
	case HXFR_PING:
		link_send_simple(link, HXFR_PONG, link->message.header.session_id);
		return false;
	case HXFR_PONG:
		link->ponged = link->pinged_ns != 0;
		return false;
	case HXFR_ERROR:
		link_on_error(link, ret);
		return true;
	default: /* nothing else is for a client that sends frames */
		return false;
	}
}

/* The next message of those already received: 1 when there was one, 0 when not, -1 when the link
 * failed: *ret. */
static int link_read_buffered(struct link *link, struct link_event *ret)
{
	int r = hxfr_connection_next(link->connection, &link->message);

	if (r < 0) {
		link_fail(link, LINK_REASON_GARBAGE, r, ret);
		return -1;
	}
	if (r > 0 && link_on_message(link, ret))
		return -1;
	return r;
}

/* Flights that left before the PONG's PING did, and are as late as the oldest. */
static unsigned link_count_overdue(struct link *link)
{
	uint64_t timeout_ns = link->config.response_timeout_ms * NS_PER_MS, now = now_ns();
	unsigned n = 1;

	g_mutex_lock(&link->lock);
	while (n < link->window.count && now - window_at(&link->window, n)->sent_ns >= timeout_ns)
		n++;
	g_mutex_unlock(&link->lock);
	return n;
}

/* The oldest flight has no answer at its deadline. true when that is the end of the connection. */
static bool link_on_deadline(struct link *link, struct link_event *ret)
{
	if (!link->ponged) {
		link_fail(link, LINK_REASON_SILENT, -ETIMEDOUT, ret);
		return true;
	}
	if (!link->responded) {
		link_fail(link, LINK_REASON_SKIPS, -ETIMEDOUT, ret);
		return true;
	}
	if (++link->overdue_in_row >= LINK_OVERDUE_MAX) {
		link_fail(link, LINK_REASON_STALLED, -ETIMEDOUT, ret);
		return true;
	}
	link->to_drop = link_count_overdue(link);
	link->overdue = true;
	return false;
}

/* Keeps the deadlines of the oldest flight. true for an event; else *ret_timeout_ms is how long to
 * wait at most. */
static bool link_check_deadlines(struct link *link, int *ret_timeout_ms, struct link_event *ret)
{
	uint64_t timeout_ns = link->config.response_timeout_ms * NS_PER_MS,
		 half_ns = timeout_ns / 2;
	uint64_t now = now_ns(), sent = 0, wait_ns = half_ns;
	const struct flight *oldest;

	g_mutex_lock(&link->lock);
	oldest = window_oldest(&link->window);
	if (oldest)
		sent = oldest->sent_ns;
	g_mutex_unlock(&link->lock);

	if (sent != 0 && link->pinged_ns == 0 && now >= sent + half_ns) {
		link->pinged_ns = now;
		link_send_simple(link, HXFR_PING, HXFR_SESSION_MAIN);
	}
	if (sent != 0 && link->pinged_ns != 0) {
		uint64_t deadline = MAX(sent + timeout_ns, link->pinged_ns + half_ns);

		if (now >= deadline)
			return link_on_deadline(link, ret) || link_pending_event(link, ret);
		wait_ns = deadline - now;
	} else if (sent != 0) {
		wait_ns = sent + half_ns - now;
	}
	/* A flight that leaves during the wait needs nothing before half a timeout from now. */
	*ret_timeout_ms = (int)(MIN(wait_ns, half_ns) / NS_PER_MS) + 1;
	return false;
}

/* What the reader has to poll for. */
static short link_reader_events(struct link *link)
{
	short events;

	g_mutex_lock(&link->lock);
	events = hxfr_connection_events(link->connection);
	if (link->pushing)
		events &= (short)~POLLOUT;
	g_mutex_unlock(&link->lock);
	return events;
}

static void link_flush(struct link *link)
{
	struct link_body *done;

	g_mutex_lock(&link->lock);
	hxfr_connection_flush(link->connection); /* its failure is the receiver's to see */
	done = link_take_done(link);
	g_mutex_unlock(&link->lock);
	link_release_done(done);
}

/* Waits for the socket, a kick, the end or a deadline. true for an event. */
static bool link_wait_for_network(struct link *link, int timeout_ms, struct link_event *ret)
{
	struct pollfd fds[] = {
		{ .fd = link->cancel_fd, .events = POLLIN },
		{ .fd = link->kick_fd, .events = POLLIN },
		{ .fd = hxfr_connection_fd(link->connection), .events = link_reader_events(link) },
	};
	int n = poll(fds, G_N_ELEMENTS(fds), timeout_ms), r = 0;

	if (n == 0)
		link->behind_until_ns = 0;
	if (n <= 0)
		return false;

	if (fds[0].revents) {
		ret->type = LINK_CANCELLED;
		return true;
	}
	if (fds[1].revents)
		event_clear(link->kick_fd);
	if (fds[2].revents & (POLLIN | POLLERR | POLLHUP))
		r = hxfr_connection_receive(link->connection);
	if (fds[2].revents & POLLOUT)
		link_flush(link);
	if (r < 0 && r != -EAGAIN) {
		link_fail(link, LINK_REASON_CLOSED, r, ret);
		return true;
	}
	return false;
}

static bool link_next_while_up(struct link *link, struct link_event *ret)
{
	int timeout_ms = 0, r = link_read_buffered(link, ret);

	if (r != 0)
		return r < 0;
	if (link_is_behind(link))
		return link_wait_for_network(link, 0, ret);
	return link_check_deadlines(link, &timeout_ms, ret) ||
	       link_wait_for_network(link, timeout_ms, ret);
}

static bool link_next_while_given_up(struct link *link, struct link_event *ret)
{
	ret->type = LINK_CANCELLED;
	return link_is_cancelled_within(link, -1);
}

/* While downstream takes its time over a frame, responses wait unread: they are neither late, nor
 * is it known when they came. Not for longer than it takes to read them, though: a host could send
 * without end. */
static void link_look_at_the_time(struct link *link)
{
	uint64_t now = now_ns();

	if (link->returned_ns != 0 && now - link->returned_ns > BEHIND_NS)
		link->behind_until_ns = now + CATCH_UP_NS;
}

void link_next(struct link *link, struct link_event *ret)
{
	bool done = false;

	*ret = (struct link_event){ 0 };
	link_event_dealt_with(link);
	link_look_at_the_time(link);
	while (!done) {
		/* Only this thread moves the state on, so that reading it needs no lock. */
		if (link_pending_event(link, ret))
			done = true;
		else if (link->state == LINK_STATE_UP)
			done = link_next_while_up(link, ret);
		else if (link->state == LINK_STATE_DOWN)
			done = link_reconnect(link, ret);
		else
			done = link_next_while_given_up(link, ret);
	}
	link->returned_ns = now_ns();
}
