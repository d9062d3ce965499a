/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LEAVING_NS INT64_C(200000000)

/* The endpoint has a clock of its own; between its ticks and the cycles of the graph is a ring that is
 * resampled, for each direction. */

/* --- JACK's process thread --- */

static void pass(struct bridge_seat *seat, int64_t now_ns, uint32_t n_frames)
{
	struct bridge_guest *guest = seat->guest;
	const float *played[NETJACK_CHANNELS_MAX];
	unsigned n_playback = atomic_load_explicit(&seat->n_playback, memory_order_acquire);
	unsigned n_capture = atomic_load_explicit(&seat->n_capture, memory_order_acquire);
	unsigned n_heard = guest->from_guest ? (unsigned)guest->session.return_audio : 0;

	for (int32_t i = 0; i < guest->session.send_audio; i++)
		played[i] = (unsigned)i < n_playback
				    ? jack_port_get_buffer(seat->playback[i], n_frames)
				    : guest->spare;
	if (guest->to_guest)
		resample_write(guest->to_guest, now_ns, played);
	if (guest->from_guest)
		resample_read(guest->from_guest, now_ns, guest->heard);
	for (unsigned i = 0; i < n_capture && i < n_heard; i++)
		memcpy(jack_port_get_buffer(seat->capture[i], n_frames), guest->heard[i],
			n_frames * sizeof(float));
	bridge_ports_silence(seat, n_frames, n_heard);
}

static void cycle(struct bridge *bridge, uint32_t n_frames)
{
	int64_t now_ns = bridge_now_ns();

	bridge_seats_adopt(bridge);
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (bridge_seat_is_playing(seat))
			pass(seat, now_ns, n_frames);
		else
			bridge_ports_silence(seat, n_frames, 0);
	}
}

/* --- the endpoint's threads --- */

static void send_period(void *audio, uint64_t tick, float *const *channels)
{
	struct bridge_guest *guest = audio;

	(void)tick;
	if (guest->to_guest)
		resample_read(guest->to_guest, bridge_now_ns(), channels);
}

static void receive_period(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
	struct bridge_guest *guest = audio;

	(void)tick;
	(void)sent;
	bridge_guest_returned(guest, verdict, channels);
	/* Not the time of the tick: what has been waited for is there that much later. */
	if (guest->from_guest)
		resample_write(
			guest->from_guest, bridge_now_ns(), (const float *const *)guest->returned);
}

static int new_rings(struct bridge *bridge, struct bridge_guest *guest)
{
	const struct netjack_session *session = &guest->session;
	uint32_t rate = atomic_load(&bridge->graph_rate);
	uint32_t period = atomic_load(&bridge->graph_period);
	const struct resample_config to_guest = {
		(unsigned)session->send_audio,
		rate,
		period,
		session->rate,
		session->period,
		bridge->margin_ms,
	};
	const struct resample_config from_guest = {
		(unsigned)session->return_audio,
		session->rate,
		session->period,
		rate,
		period,
		bridge->margin_ms,
	};
	int r = 0;

	if (session->send_audio > 0)
		r = resample_new(&to_guest, &guest->to_guest);
	if (r == 0 && session->return_audio > 0)
		r = resample_new(&from_guest, &guest->from_guest);
	return r;
}

/* Whoever starts again is to get its former seat, which JACK's process thread gives back in a cycle. */
static void wait_for_leaving(struct bridge *bridge)
{
	const struct timespec nap = { 0, 1000000 };
	int64_t end_ns = bridge_now_ns() + LEAVING_NS;

	while (bridge_seats_are_leaving(bridge) && bridge_now_ns() < end_ns)
		nanosleep(&nap, NULL);
}

static int seat_guest(struct bridge *bridge, struct bridge_guest *guest)
{
	wait_for_leaving(bridge);
	struct bridge_seat *seat = bridge_seat_find(bridge, guest->session.name);
	uint32_t rate = atomic_load(&bridge->graph_rate);
	double loop_s = (double)bridge_loop_frames(&guest->session) / guest->session.rate;
	double playback_s = loop_s / 2, capture_s = loop_s / 2;

	if (!seat)
		return -EBUSY;
	if (guest->to_guest)
		playback_s += resample_delay(guest->to_guest);
	/* The endpoint takes what is due at the end of its tick. */
	if (guest->from_guest)
		capture_s += resample_delay(guest->from_guest) +
			     (double)guest->session.period / guest->session.rate;
	return bridge_seat_take(bridge, seat, guest, capture_s * rate, playback_s * rate);
}

static int open_audio(void *user, const struct netjack_session *session, void **ret_audio)
{
	struct bridge *bridge = user;
	struct bridge_guest *guest;

	int r = bridge_guest_new(session, atomic_load(&bridge->graph_period), &guest);
	if (r < 0)
		return r;
	guest->bridge = bridge;
	r = new_rings(bridge, guest);
	if (r == 0)
		r = seat_guest(bridge, guest);
	if (r < 0) {
		bridge_guest_destroy(guest);
		return r;
	}
	*ret_audio = guest;
	return 0;
}

/* JACK's process thread may be using it: bridge_seats_clear() frees it when it has been given back. */
static void close_audio(void *audio)
{
	struct bridge_guest *guest = audio;
	struct bridge *bridge = guest->bridge;

	for (unsigned i = 0; i < BRIDGE_SEATS; i++)
		if (bridge->seats[i].guest == guest)
			atomic_store(&bridge->seats[i].leave, true);
	bridge_wake(bridge);
}

static const struct audio_ops audio = {
	.open = open_audio,
	.send = send_period,
	.receive = receive_period,
	.close = close_audio,
};

static void *run_endpoint(void *user)
{
	struct bridge *bridge = user;
	int r = endpoint_run(bridge->endpoint, 0);

	if (r < 0)
		atomic_store(&bridge->endpoint_failed, r);
	bridge_wake(bridge);
	return NULL;
}

/* --- the caller of bridge_run() --- */

static int start(struct bridge *bridge)
{
	struct endpoint_config config = {
		.door = bridge->config.door,
		.audio = &audio,
		.user = bridge,
		.skew_ppm = bridge->config.skew_ppm,
		.rt_priority = bridge->config.rt_priority,
	};

	config.door.rate = bridge->rate;
	config.door.period = bridge->period;
	atomic_store(&bridge->endpoint_failed, 0);
	int r = endpoint_new(&config, &bridge->endpoint);
	if (r < 0)
		return r;
	r = -pthread_create(&bridge->endpoint_thread, NULL, run_endpoint, bridge);
	if (r < 0) {
		endpoint_destroy(bridge->endpoint);
		bridge->endpoint = NULL;
	}
	return r;
}

static void stop(struct bridge *bridge)
{
	endpoint_stop(bridge->endpoint);
	pthread_join(bridge->endpoint_thread, NULL);
}

static void finish(struct bridge *bridge)
{
	endpoint_destroy(bridge->endpoint);
	bridge->endpoint = NULL;
}

static int64_t serve(struct bridge *bridge, int64_t now_ns)
{
	(void)bridge;
	(void)now_ns;
	return INT64_MAX;
}

static int fd(const struct bridge *bridge)
{
	(void)bridge;
	return -1;
}

static void add_slave(
	struct bridge *bridge, struct bridge_status *status, const struct slave_report *slave)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		const struct bridge_guest *guest = bridge->seats[i].guest;

		if (!guest || strcmp(guest->session.name, slave->session.name) != 0)
			continue;
		struct bridge_status_slave *row = bridge_status_add(status, i, slave);
		if (row && guest->to_guest)
			resample_report(guest->to_guest, &row->playback);
		if (row && guest->from_guest)
			resample_report(guest->from_guest, &row->capture);
		return;
	}
}

static void report(struct bridge *bridge, struct bridge_status *ret)
{
	struct endpoint_report report;

	endpoint_report(bridge->endpoint, &report);
	ret->port = endpoint_port(bridge->endpoint);
	ret->late_ticks = report.late_ticks;
	for (unsigned i = 0; i < report.n_slaves; i++)
		add_slave(bridge, ret, &report.slaves[i]);
}

static void free_guest(struct bridge *bridge, struct bridge_guest *guest)
{
	(void)bridge;
	bridge_guest_destroy(guest);
}

const struct bridge_drive bridge_own_drive = {
	.name = "own",
	.start = start,
	.stop = stop,
	.finish = finish,
	.cycle = cycle,
	.serve = serve,
	.fd = fd,
	.report = report,
	.free_guest = free_guest,
};
