/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "endpoint-internal.h"

#include "realtime.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000

int64_t endpoint_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

static void sleep_until(int64_t ns)
{
	struct timespec end = timespec_of(ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

static enum seat_state state_of(const struct seat *seat)
{
	return atomic_load_explicit(&seat->state, memory_order_acquire);
}

static void leave(struct endpoint *endpoint, struct seat *seat, enum seat_end end)
{
	seat->end = end;
	atomic_store_explicit(&seat->state, SEAT_DONE, memory_order_release);
	eventfd_write(endpoint->door_wake_fd, 1);
}

static void leave_if_failed(struct endpoint *endpoint, struct seat *seat, int r)
{
	if (r < 0)
		leave(endpoint, seat, r == -ESHUTDOWN ? SEAT_KILLED : SEAT_REFUSED);
}

/* Takes in; returns how many play. */
static unsigned adopt(struct endpoint *endpoint)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];
		enum seat_state state = state_of(seat);

		if (state == SEAT_NEW)
			atomic_store_explicit(&seat->state, SEAT_PLAYING, memory_order_relaxed);
		n += state == SEAT_NEW || state == SEAT_PLAYING;
	}
	return n;
}

static void take(struct endpoint *endpoint, struct seat *seat)
{
	const float *const *channels = NULL;
	uint64_t sent = 0;
	enum verdict verdict = slave_take(seat->slave, &sent, &channels);

	seat->pending = false;
	endpoint->config.audio->receive(seat->audio, seat->tick, sent, verdict, channels);
}

/* The period that ends: what came of it lies in the socket, with the time at which it came. Nobody had
 * to wake up for it. */
static void finish(struct endpoint *endpoint, struct seat *seat)
{
	int r = slave_receive(seat->slave);

	if (r < 0)
		leave_if_failed(endpoint, seat, r);
	else
		take(endpoint, seat);
}

static void begin(struct endpoint *endpoint, struct seat *seat)
{
	int r;

	endpoint->config.audio->send(seat->audio, seat->n_sent, seat->channels);
	r = slave_send(seat->slave, (const float *const *)seat->channels, &seat->tick);
	seat->n_sent = seat->tick + 1;
	seat->pending = true;
	leave_if_failed(endpoint, seat, r);
}

static void let_go(struct endpoint *endpoint, struct seat *seat)
{
	if (atomic_load_explicit(&seat->leave, memory_order_relaxed))
		leave(endpoint, seat, SEAT_ASKED);
	else if (slave_silent_ns(seat->slave) > (int64_t)ENDPOINT_SILENT_MS * NS_PER_MS)
		leave(endpoint, seat, SEAT_SILENT);
}

/* Ends the period before, begins the next one unless it was the last. */
static void turn(struct endpoint *endpoint, bool last)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];

		if (state_of(seat) == SEAT_PLAYING && seat->pending)
			finish(endpoint, seat);
		if (state_of(seat) == SEAT_PLAYING)
			let_go(endpoint, seat);
		if (state_of(seat) == SEAT_PLAYING && !last)
			begin(endpoint, seat);
	}
}

/* Those whose datagrams are held back on purpose; returns how many, and until when to wait at most. */
static nfds_t look(struct endpoint *endpoint, bool receive, int64_t *until_ns)
{
	nfds_t n = 0;

	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];
		int r;

		if (state_of(seat) != SEAT_PLAYING || !slave_is_injected(seat->slave))
			continue;
		r = receive ? slave_receive(seat->slave) : 0;
		if (r < 0) {
			leave_if_failed(endpoint, seat, r);
			continue;
		}
		endpoint->pollfds[n++] = (struct pollfd){
			.fd = slave_may_receive(seat->slave) ? slave_fd(seat->slave) : -1,
			.events = POLLIN,
		};
		if (slave_next_ns(seat->slave) < *until_ns)
			*until_ns = slave_next_ns(seat->slave);
	}
	return n;
}

/* Passes on what is held back when it is due, until the guard before the next tick. */
static void pass_on(struct endpoint *endpoint, int64_t end_ns)
{
	for (bool receive = false;; receive = true) {
		int64_t until_ns = end_ns, now_ns;
		nfds_t n = look(endpoint, receive, &until_ns);
		struct timespec rest;

		if (n == 0)
			break;
		now_ns = endpoint_now_ns();
		if (now_ns >= end_ns)
			break;
		rest = timespec_of(until_ns > now_ns ? until_ns - now_ns : 0);
		ppoll(endpoint->pollfds, n, &rest, NULL);
	}
}

void endpoint_publish(struct endpoint *endpoint, bool force)
{
	if (force)
		pthread_mutex_lock(&endpoint->lock);
	else if (pthread_mutex_trylock(&endpoint->lock) != 0)
		return;
	endpoint->report.ticks = endpoint->n_ticks;
	endpoint->report.late_ticks = endpoint->late_ticks;
	endpoint->report.wakeup = endpoint->wakeup;
	endpoint->report.realtime = endpoint->realtime;
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];

		if (state_of(seat) == SEAT_PLAYING)
			slave_report(seat->slave, &seat->report);
	}
	pthread_mutex_unlock(&endpoint->lock);
}

static void publish_sometimes(struct endpoint *endpoint, int64_t now_ns)
{
	if (now_ns - endpoint->published_ns < (int64_t)ENDPOINT_REPORT_MS * NS_PER_MS)
		return;
	endpoint->published_ns = now_ns;
	endpoint_publish(endpoint, false);
}

/* Nobody is here: until somebody is, or the end. */
static void idle(struct endpoint *endpoint)
{
	struct pollfd wake = { .fd = endpoint->process_wake_fd, .events = POLLIN };
	eventfd_t n;

	endpoint_publish(endpoint, false);
	ppoll(&wake, 1, NULL, NULL);
	eventfd_read(endpoint->process_wake_fd, &n);
}

/* Sleeps until tick *k, or skips to the one that it is meanwhile. */
static void wait_for_tick(struct endpoint *endpoint, uint64_t *k)
{
	int64_t tick_ns = ticker_time(&endpoint->ticker, *k), now_ns;
	uint64_t now_k;

	sleep_until(tick_ns);
	now_ns = endpoint_now_ns();
	histogram_add(&endpoint->wakeup, now_ns - tick_ns);
	now_k = ticker_at(&endpoint->ticker, now_ns);
	if (now_k > *k) {
		endpoint->late_ticks += now_k - *k;
		*k = now_k;
	}
}

/* False: that was the end. */
static bool run_tick(struct endpoint *endpoint, uint64_t k)
{
	bool last = atomic_load(&endpoint->stop) ||
		    (endpoint->n_ticks_max > 0 && endpoint->n_ticks == endpoint->n_ticks_max);

	turn(endpoint, last);
	if (last)
		return false;
	endpoint->n_ticks++;
	publish_sometimes(endpoint, endpoint_now_ns());
	pass_on(endpoint, ticker_time(&endpoint->ticker, k + 1) - ENDPOINT_GUARD_NS);
	return true;
}

static void run(struct endpoint *endpoint)
{
	bool playing = false;
	uint64_t k = 0;

	for (;;) {
		if (adopt(endpoint) == 0) {
			if (atomic_load(&endpoint->stop))
				break;
			playing = false;
			idle(endpoint);
			continue;
		}
		k = playing ? k + 1 : ticker_at(&endpoint->ticker, endpoint_now_ns()) + 1;
		playing = true;
		wait_for_tick(endpoint, &k);
		if (!run_tick(endpoint, k))
			break;
	}
}

void *endpoint_process(void *user)
{
	struct endpoint *endpoint = user;

	/* Timers of normal threads are late on purpose, by 50 us, so that wake-ups fall together. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (endpoint->config.rt_priority > 0)
		endpoint->realtime =
			realtime_schedule(endpoint->config.rt_priority, endpoint->config.door.log);
	run(endpoint);
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		if (state_of(&endpoint->seats[i]) == SEAT_NEW ||
			state_of(&endpoint->seats[i]) == SEAT_PLAYING)
			leave(endpoint, &endpoint->seats[i], SEAT_ASKED);
	}
	atomic_store(&endpoint->stop, true);
	eventfd_write(endpoint->door_wake_fd, 1);
	return NULL;
}
