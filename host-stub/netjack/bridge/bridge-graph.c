/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_S   1000000000
#define NS_PER_MS  1000000
#define LEAVING_NS (20 * (int64_t)NS_PER_MS)
#define REPORT_NS  (100 * (int64_t)NS_PER_MS)

/* The graph is the clock: a cycle sends a period to each slave and takes what is due. */

static void leave(struct bridge *bridge, struct bridge_seat *seat, int failure)
{
	seat->guest->failure = failure;
	bridge_seat_leave(bridge, seat);
}

static void send_period(struct bridge *bridge, struct bridge_seat *seat, uint32_t n_frames)
{
	struct bridge_guest *guest = seat->guest;
	const float *channels[NETJACK_CHANNELS_MAX];
	unsigned n = atomic_load_explicit(&seat->n_playback, memory_order_acquire);
	uint64_t tick;
	int r = 0;

	/* What is due came since the last cycle, unless it is due in this one. */
	if (guest->session.latency > 0)
		r = slave_receive(guest->slave);
	for (int32_t i = 0; i < guest->session.send_audio; i++)
		channels[i] = (unsigned)i < n ? jack_port_get_buffer(seat->playback[i], n_frames)
					      : guest->spare;
	if (r == 0)
		r = slave_send(guest->slave, channels, &tick);
	guest->taken = false;
	if (r < 0)
		leave(bridge, seat, r);
	else if (slave_silent_ns(guest->slave) > BRIDGE_SILENT_MS * (int64_t)NS_PER_MS)
		leave(bridge, seat, -ETIMEDOUT);
}

static void take_period(struct bridge_seat *seat, uint32_t n_frames)
{
	struct bridge_guest *guest = seat->guest;
	const float *const *channels = NULL;
	unsigned n = atomic_load_explicit(&seat->n_capture, memory_order_acquire);
	uint64_t sent;
	enum verdict verdict = slave_take(guest->slave, &sent, &channels);

	guest->taken = true;
	bridge_guest_returned(guest, verdict, channels);
	for (unsigned i = 0; i < n && i < (unsigned)guest->session.return_audio; i++)
		memcpy(jack_port_get_buffer(seat->capture[i], n_frames), guest->returned[i],
			n_frames * sizeof(float));
	bridge_ports_silence(seat, n_frames, (unsigned)guest->session.return_audio);
}

static bool is_waited_for(const struct bridge_seat *seat)
{
	const struct bridge_guest *guest = seat->guest;

	return guest->session.latency == 0 && !guest->taken && !slave_ready(guest->slave);
}

/* Takes what is complete, or is not waited for; returns for how many to wait, and until when. */
static nfds_t look(struct bridge *bridge, uint32_t n_frames, bool receive, int64_t *until_ns)
{
	nfds_t n = 0;

	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];
		int r;

		if (!bridge_seat_is_playing(seat) || seat->guest->taken)
			continue;
		struct slave *slave = seat->guest->slave;
		r = receive ? slave_receive(slave) : 0;
		if (r < 0) {
			leave(bridge, seat, r);
			continue;
		}
		if (!is_waited_for(seat)) {
			take_period(seat, n_frames);
			continue;
		}
		bridge->pollfds[n++] = (struct pollfd){
			.fd = slave_may_receive(slave) ? slave_fd(slave) : -1,
			.events = POLLIN,
		};
		if (slave_next_ns(slave) < *until_ns)
			*until_ns = slave_next_ns(slave);
	}
	return n;
}

static void collect(struct bridge *bridge, uint32_t n_frames, int64_t end_ns)
{
	bool receive = false;

	for (;;) {
		int64_t until_ns = end_ns;
		nfds_t n = look(bridge, n_frames, receive, &until_ns);
		int64_t rest_ns = until_ns - bridge_now_ns();

		if (n == 0 || bridge_now_ns() >= end_ns)
			break;
		struct timespec rest = { 0, rest_ns > 0 ? rest_ns : 0 };
		ppoll(bridge->pollfds, n, &rest, NULL);
		receive = true;
	}
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (!bridge_seat_is_playing(seat))
			bridge_ports_silence(seat, n_frames, 0);
		else if (!seat->guest->taken)
			take_period(seat, n_frames);
	}
}

static void publish(struct bridge *bridge, int64_t now_ns)
{
	if (now_ns - bridge->published_ns < REPORT_NS || pthread_mutex_trylock(&bridge->lock) != 0)
		return;
	bridge->published_ns = now_ns;
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (!bridge_seat_is_playing(seat))
			continue;
		slave_report(seat->guest->slave, &seat->report);
		seat->reported = true;
	}
	pthread_mutex_unlock(&bridge->lock);
}

static void cycle(struct bridge *bridge, uint32_t n_frames)
{
	int64_t start_ns = bridge_now_ns();
	double wait_ns = bridge->wait_share * n_frames / bridge->rate * NS_PER_S;

	bridge_seats_adopt(bridge);
	for (unsigned i = 0; i < BRIDGE_SEATS; i++)
		if (bridge_seat_is_playing(&bridge->seats[i]))
			send_period(bridge, &bridge->seats[i], n_frames);
	collect(bridge, n_frames, start_ns + (int64_t)wait_ns);
	publish(bridge, start_ns);
}

static int seat_slave(struct bridge *bridge, struct slave *slave, uint32_t id)
{
	const struct netjack_session *session = slave_session(slave);
	struct bridge_seat *seat = bridge_seat_find(bridge, session->name);
	struct bridge_guest *guest;

	if (!seat)
		return -EBUSY;
	int r = bridge_guest_new(session, session->period, &guest);
	if (r < 0)
		return r;
	guest->id = id;
	uint32_t loop = bridge_loop_frames(session), there = loop / 2;
	guest->slave = slave;
	r = bridge_seat_take(bridge, seat, guest, loop - there, there);
	if (r < 0) {
		guest->slave = NULL;
		bridge_guest_destroy(guest);
	}
	return r;
}

static void arrived(struct bridge *bridge, struct slave *slave, uint32_t id)
{
	int r = seat_slave(bridge, slave, id);

	if (r == 0)
		return;
	log_write(bridge->config.log, LOG_LEVEL_ERROR, "slave '%s' cannot be served: %s",
		slave_session(slave)->name, strerror(-r));
	slave_goodbye(slave);
	slave_destroy(slave);
	door_forget(bridge->door, id);
}

static void gone(struct bridge *bridge, uint32_t id)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (seat->guest && seat->guest->id == id)
			atomic_store(&seat->leave, true);
	}
}

/* Whoever comes waits until those that go have left: it may be the same one, for its seat. */
static int64_t serve(struct bridge *bridge, int64_t now_ns)
{
	struct door_event event;

	while (!bridge_seats_are_leaving(bridge)) {
		door_dispatch(bridge->door, now_ns, &event);
		if (event.type == DOOR_NOTHING)
			return door_next_ns(bridge->door);
		if (event.type == DOOR_ARRIVED)
			arrived(bridge, event.slave, event.id);
		else
			gone(bridge, event.id);
	}
	return now_ns + LEAVING_NS;
}

static int start(struct bridge *bridge)
{
	struct door_config config = bridge->config.door;

	config.rate = bridge->rate;
	config.period = bridge->period;
	return door_open(&config, &bridge->door);
}

static void stop(struct bridge *bridge)
{
	for (unsigned i = 0; i < BRIDGE_SEATS; i++)
		if (bridge->seats[i].guest)
			atomic_store(&bridge->seats[i].leave, true);
}

static void finish(struct bridge *bridge)
{
	door_close(bridge->door);
	bridge->door = NULL;
}

static int fd(const struct bridge *bridge)
{
	/* Not while somebody leaves: it would be readable all the time. */
	return bridge_seats_are_leaving((struct bridge *)bridge) ? -1 : door_fd(bridge->door);
}

static void report(struct bridge *bridge, struct bridge_status *ret)
{
	ret->port = door_port(bridge->door);
	pthread_mutex_lock(&bridge->lock);
	for (unsigned i = 0; i < BRIDGE_SEATS; i++)
		if (bridge->seats[i].reported)
			bridge_status_add(ret, i, &bridge->seats[i].report);
	pthread_mutex_unlock(&bridge->lock);
}

static void free_guest(struct bridge *bridge, struct bridge_guest *guest)
{
	const struct log_sink *log = bridge->config.log;
	const char *name = guest->session.name;

	if (guest->failure == -ECONNREFUSED)
		log_write(log, LOG_LEVEL_WARNING, "slave '%s' is gone: its port is closed", name);
	else if (guest->failure == -ETIMEDOUT)
		log_write(log, LOG_LEVEL_WARNING, "slave '%s' is gone: silent for %d ms", name,
			BRIDGE_SILENT_MS);
	else if (guest->failure < 0)
		log_write(log, LOG_LEVEL_INFO, "slave '%s' says goodbye", name);
	if (bridge->is_stopping)
		slave_goodbye(guest->slave);
	door_forget(bridge->door, guest->id);
	bridge_guest_destroy(guest);
}

const struct bridge_drive bridge_graph_drive = {
	.name = "graph",
	.start = start,
	.stop = stop,
	.finish = finish,
	.cycle = cycle,
	.serve = serve,
	.fd = fd,
	.report = report,
	.free_guest = free_guest,
};
