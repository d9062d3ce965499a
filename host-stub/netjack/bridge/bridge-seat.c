/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum bridge_seat_state state_of(const struct bridge_seat *seat)
{
	return atomic_load_explicit(&seat->state, memory_order_acquire);
}

static void set_state(struct bridge_seat *seat, enum bridge_seat_state state)
{
	atomic_store_explicit(&seat->state, state, memory_order_release);
}

bool bridge_seat_is_playing(const struct bridge_seat *seat)
{
	return state_of(seat) == BRIDGE_SEAT_PLAYING;
}

struct bridge_seat *bridge_seat_find(struct bridge *bridge, const char *name)
{
	struct bridge_seat *found = NULL;

	for (unsigned i = BRIDGE_SEATS; i-- > 0;) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (state_of(seat) != BRIDGE_SEAT_FREE)
			continue;
		if (strcmp(seat->name, name) == 0)
			return seat;
		found = seat;
	}
	return found;
}

int bridge_seat_take(struct bridge *bridge, struct bridge_seat *seat, struct bridge_guest *guest,
	double capture, double playback)
{
	unsigned number = (unsigned)(seat - bridge->seats);

	snprintf(seat->name, sizeof seat->name, "%s", guest->session.name);
	int r = bridge_ports_make(
		bridge, number, guest->session.return_audio, guest->session.send_audio);
	if (r < 0)
		return r;
	seat->guest = guest;
	atomic_store(&seat->leave, false);
	atomic_store(&seat->capture_latency, (unsigned)(capture + 0.5));
	atomic_store(&seat->playback_latency, (unsigned)(playback + 0.5));
	set_state(seat, BRIDGE_SEAT_NEW);
	pthread_mutex_lock(&bridge->jack_lock);
	jack_recompute_total_latencies(bridge->client);
	pthread_mutex_unlock(&bridge->jack_lock);
	bridge_ports_connect(bridge);
	return 0;
}

void bridge_seats_adopt(struct bridge *bridge)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];
		enum bridge_seat_state state = state_of(seat);

		if (state == BRIDGE_SEAT_NEW)
			set_state(seat, BRIDGE_SEAT_PLAYING);
		else if (state != BRIDGE_SEAT_PLAYING)
			continue;
		if (atomic_load_explicit(&seat->leave, memory_order_relaxed))
			bridge_seat_leave(bridge, seat);
	}
}

void bridge_seat_leave(struct bridge *bridge, struct bridge_seat *seat)
{
	set_state(seat, BRIDGE_SEAT_DONE);
	bridge_wake(bridge);
}

void bridge_seats_clear(struct bridge *bridge, bool all)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];
		enum bridge_seat_state state = state_of(seat);

		if (state == BRIDGE_SEAT_FREE || (state != BRIDGE_SEAT_DONE && !all))
			continue;
		pthread_mutex_lock(&bridge->lock);
		seat->reported = false;
		pthread_mutex_unlock(&bridge->lock);
		bridge->drive->free_guest(bridge, seat->guest);
		seat->guest = NULL;
		set_state(seat, BRIDGE_SEAT_FREE);
	}
}

bool bridge_seats_are_leaving(struct bridge *bridge)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		const struct bridge_seat *seat = &bridge->seats[i];

		if (state_of(seat) != BRIDGE_SEAT_FREE && atomic_load(&seat->leave))
			return true;
	}
	return false;
}

int bridge_guest_new(
	const struct netjack_session *session, uint32_t graph_period, struct bridge_guest **ret)
{
	struct bridge_guest *guest = calloc(1, sizeof *guest);
	uint32_t n = (uint32_t)session->return_audio, period = session->period;
	uint32_t spare = period > graph_period ? period : graph_period;

	if (!guest)
		return -ENOMEM;
	guest->session = *session;
	guest->samples = calloc((size_t)n * (period + graph_period) + spare, sizeof(float));
	if (!guest->samples || conceal_new(n, session->rate, period, &guest->conceal) < 0) {
		bridge_guest_destroy(guest);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++) {
		guest->returned[i] = guest->samples + (size_t)i * period;
		guest->heard[i] = guest->samples + (size_t)n * period + (size_t)i * graph_period;
	}
	guest->spare = guest->samples + (size_t)n * (period + graph_period);
	*ret = guest;
	return 0;
}

void bridge_guest_destroy(struct bridge_guest *guest)
{
	if (!guest)
		return;
	slave_destroy(guest->slave);
	resample_destroy(guest->to_guest);
	resample_destroy(guest->from_guest);
	conceal_destroy(guest->conceal);
	free(guest->samples);
	free(guest);
}

void bridge_guest_returned(
	struct bridge_guest *guest, enum verdict verdict, const float *const *channels)
{
	bool is_here = verdict == VERDICT_OK;

	for (int32_t i = 0; is_here && i < guest->session.return_audio; i++)
		memcpy(guest->returned[i], channels[i], guest->session.period * sizeof(float));
	conceal_run(guest->conceal, !is_here, guest->returned);
	if (!is_here && verdict != VERDICT_EARLY)
		atomic_fetch_add_explicit(&guest->concealed, 1, memory_order_relaxed);
}

uint32_t bridge_loop_frames(const struct netjack_session *session)
{
	/* A slave that is not in sync mode, with a client in its graph: the usual case. */
	return session->period * (session->latency + !session->sync);
}
