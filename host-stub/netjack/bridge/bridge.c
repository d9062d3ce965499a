/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-internal.h"

#include "../advice.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S     1000000000
#define NS_PER_MS    1000000
#define RETRY_NS     NS_PER_S /* until JACK is looked for again */
#define STATUS_NS    NS_PER_S
#define ADVICE_NS    (4 * (int64_t)NS_PER_S)
#define LEAVE_NS     (500 * (int64_t)NS_PER_MS) /* for the process thread to give its guests back */
#define LEAVE_TRY_NS (5 * (int64_t)NS_PER_MS)

int64_t bridge_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

bool bridge_is_available(void)
{
	return true;
}

void bridge_wake(struct bridge *bridge)
{
	eventfd_write(bridge->wake_fd, 1);
}

void bridge_stop(struct bridge *bridge)
{
	atomic_store(&bridge->stop, true);
	bridge_wake(bridge);
}

static bool is_number_right(const struct bridge_config *config)
{
	for (size_t i = 0; config->connections && config->connections[i]; i++)
		if (bridge_connection_problem(config->connections[i]))
			return false;
	return config->wait_share >= 0 && config->wait_share <= 0.9 && config->margin_ms >= 0 &&
	       config->margin_ms <= 1000;
}

static size_t count_connections(const struct bridge_config *config)
{
	size_t n = 0;

	while (config->connections && config->connections[n])
		n++;
	return n;
}

int bridge_new(const struct bridge_config *config, struct bridge **ret)
{
	if (!is_number_right(config))
		return -EINVAL;
	struct bridge *bridge = calloc(1, sizeof *bridge);
	if (!bridge)
		return -ENOMEM;
	bridge->config = *config;
	if (!config->client)
		bridge->config.client = BRIDGE_CLIENT;
	bridge->wait_share = config->wait_share > 0 ? config->wait_share : BRIDGE_WAIT_SHARE;
	bridge->margin_ms = config->margin_ms > 0 ? config->margin_ms : BRIDGE_MARGIN_MS;
	pthread_mutex_init(&bridge->lock, NULL);
	pthread_mutex_init(&bridge->jack_lock, NULL);
	bridge->made = calloc(count_connections(config) + 1, sizeof *bridge->made);
	bridge->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!bridge->made || bridge->wake_fd < 0) {
		bridge_destroy(bridge);
		return -ENOMEM;
	}
	*ret = bridge;
	return 0;
}

void bridge_destroy(struct bridge *bridge)
{
	if (!bridge)
		return;
	if (bridge->wake_fd >= 0)
		close(bridge->wake_fd);
	pthread_mutex_destroy(&bridge->lock);
	pthread_mutex_destroy(&bridge->jack_lock);
	free(bridge->made);
	free(bridge);
}

/* --- status --- */

static void fill_status(struct bridge *bridge, struct bridge_status *status)
{
	const char *server = bridge->config.server;

	*status = (struct bridge_status){
		.updated_s = time(NULL),
		.pid = getpid(),
		.servers = bridge->n_servers,
	};
	snprintf(status->server, sizeof status->server, "%s", server ? server : "default");
	if (!bridge->client || !bridge->drive)
		return;
	status->has_jack = true;
	snprintf(status->client, sizeof status->client, "%s", jack_get_client_name(bridge->client));
	snprintf(status->clock, sizeof status->clock, "%s", bridge->drive->name);
	status->graph_rate = atomic_load(&bridge->graph_rate);
	status->graph_period = atomic_load(&bridge->graph_period);
	status->rate = bridge->rate;
	status->period = bridge->period;
	status->xruns = atomic_load(&bridge->n_xruns);
	bridge->drive->report(bridge, status);
	for (unsigned i = 0; i < status->n_slaves; i++)
		bridge_recent_update(&bridge->recent[status->slaves[i].seat], &status->slaves[i]);
}

static void write_status(struct bridge *bridge, int64_t now_ns)
{
	struct bridge_status status;

	if (!bridge->config.status_path || now_ns < bridge->status_ns)
		return;
	bridge->status_ns = now_ns + STATUS_NS;
	fill_status(bridge, &status);
	int r = bridge_status_write(bridge->config.status_path, &status);
	if (r < 0) {
		log_write(bridge->config.log, LOG_LEVEL_WARNING,
			"no status file from here on: %s: %s", bridge->config.status_path,
			strerror(-r));
		bridge->config.status_path = NULL;
	}
}

/* --- waiting --- */

static void wait_until(struct bridge *bridge, int64_t until_ns)
{
	struct pollfd fds[2] = {
		{ .fd = bridge->wake_fd, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	int64_t rest_ns = until_ns - bridge_now_ns();
	eventfd_t n;

	if (bridge->drive)
		fds[1].fd = bridge->drive->fd(bridge);
	if (bridge->config.status_path && bridge->status_ns < until_ns)
		rest_ns = bridge->status_ns - bridge_now_ns();
	if (rest_ns < 0)
		rest_ns = 0;
	if (rest_ns > NS_PER_S)
		rest_ns = NS_PER_S;
	struct timespec rest = { rest_ns / NS_PER_S, rest_ns % NS_PER_S };
	ppoll(fds, 2, &rest, NULL);
	eventfd_read(bridge->wake_fd, &n);
}

static bool is_over(const struct bridge *bridge)
{
	return atomic_load(&bridge->stop) || atomic_load(&bridge->is_dead);
}

/* --- a session of the drive --- */

/* JACK's slaves take no other period. */
static uint32_t power_of_two_up_to(uint32_t most)
{
	uint32_t n = 1;

	while (n <= most / 2)
		n *= 2;
	return n;
}

static int choose_drive(struct bridge *bridge)
{
	const struct bridge_config *config = &bridge->config;
	uint32_t rate = atomic_load(&bridge->graph_rate);
	uint32_t period = atomic_load(&bridge->graph_period);

	bridge->rate = config->door.rate > 0 ? config->door.rate : rate;
	bridge->period = config->door.period > 0 ? config->door.period : power_of_two_up_to(period);
	bool is_same = bridge->rate == rate && bridge->period == period;
	if (bridge->period < NETJACK_PERIOD_MIN || bridge->period > NETJACK_PERIOD_MAX ||
		bridge->rate < NETJACK_RATE_MIN || bridge->rate > NETJACK_RATE_MAX) {
		log_write(config->log, LOG_LEVEL_ERROR,
			"no session can have %u Hz and periods of %u frames", bridge->rate,
			bridge->period);
		return -EINVAL;
	}
	if (config->clock == BRIDGE_CLOCK_GRAPH && !is_same) {
		log_write(config->log, LOG_LEVEL_ERROR,
			"the graph has %u Hz and periods of %u frames, the session is to have %u "
			"and %u: it cannot be the clock",
			rate, period, bridge->rate, bridge->period);
		return -EINVAL;
	}
	bridge->drive = config->clock == BRIDGE_CLOCK_OWN || !is_same ? &bridge_own_drive
								      : &bridge_graph_drive;
	return 0;
}

static void end_drive(struct bridge *bridge)
{
	int64_t until_ns = bridge_now_ns() + LEAVE_NS;

	bridge->is_stopping = true;
	bridge->drive->stop(bridge);
	do {
		bridge_seats_clear(bridge, false);
		if (!bridge_seats_are_leaving(bridge))
			break;
		wait_until(bridge, bridge_now_ns() + LEAVE_TRY_NS);
	} while (!atomic_load(&bridge->is_dead) && bridge_now_ns() < until_ns);
	/* A graph that does not run gives nothing back: then without its thread. */
	if (bridge_seats_are_leaving(bridge))
		bridge_client_close(bridge);
	bridge_seats_clear(bridge, true);
	atomic_store(&bridge->playing, NULL);
	bridge->drive->finish(bridge);
	bridge->drive = NULL;
	bridge->is_stopping = false;
}

static void say_listening(struct bridge *bridge)
{
	struct bridge_status status = { 0 };

	bridge->drive->report(bridge, &status);
	log_write(bridge->config.log, LOG_LEVEL_INFO, "listening on UDP port %u", status.port);
	if (bridge->advice_ns == 0)
		bridge->advice_ns = bridge_now_ns() + ADVICE_NS;
}

static void advise(struct bridge *bridge)
{
	const struct door_config *door = &bridge->config.door;
	struct bridge_status status = { 0 };

	if (bridge->is_advised || bridge_now_ns() < bridge->advice_ns)
		return;
	bridge->is_advised = true;
	bridge->drive->report(bridge, &status);
	if (status.n_slaves > 0)
		return;
	g_autofree char *text = advice_no_slave(door->address, status.port, door->names != NULL);
	log_write(bridge->config.log, LOG_LEVEL_WARNING, "%s", text);
}

static void tend(struct bridge *bridge)
{
	bridge_seats_clear(bridge, false);
	int64_t next_ns = bridge->drive->serve(bridge, bridge_now_ns());

	if (atomic_exchange(&bridge->ports_changed, false))
		bridge_ports_connect(bridge);
	write_status(bridge, bridge_now_ns());
	advise(bridge);
	wait_until(bridge, next_ns);
}

static int run_drive(struct bridge *bridge)
{
	int r = choose_drive(bridge);
	if (r < 0)
		return r;
	log_write(bridge->config.log, LOG_LEVEL_INFO,
		"JACK has %u Hz, %u frames; slaves get %u Hz, %u frames, the clock is %s",
		atomic_load(&bridge->graph_rate), atomic_load(&bridge->graph_period), bridge->rate,
		bridge->period, bridge->drive == &bridge_own_drive ? "our own" : "the graph");
	r = bridge->drive->start(bridge);
	if (r < 0) {
		log_write(bridge->config.log, LOG_LEVEL_ERROR, "cannot let slaves in: %s",
			r == -EADDRINUSE ? "another NETJACK2 master has the port" : strerror(-r));
		bridge->drive = NULL;
		return r;
	}
	say_listening(bridge);
	bridge->status_ns = 0;
	atomic_store(&bridge->playing, bridge->drive);
	while (!is_over(bridge) && !atomic_load(&bridge->has_changed) &&
		atomic_load(&bridge->endpoint_failed) == 0)
		tend(bridge);
	r = atomic_load(&bridge->endpoint_failed);
	end_drive(bridge);
	return r;
}

/* --- a JACK server --- */

static int32_t channels_of_first(int32_t asked)
{
	return asked >= 0 ? asked : 2;
}

/* Ports of the first slave are there before it is, so that they can be connected. */
static int enter_graph(struct bridge *bridge)
{
	const struct door_config *door = &bridge->config.door;
	int r = bridge_ports_make(bridge, 0, channels_of_first(door->return_audio),
		channels_of_first(door->send_audio));

	if (r == 0 && jack_activate(bridge->client) != 0)
		r = -EIO;
	if (r == 0)
		atomic_store(&bridge->ports_changed, true);
	return r;
}

static int serve_graph(struct bridge *bridge)
{
	int r = 0;

	while (r == 0 && bridge->client && !is_over(bridge)) {
		bridge_graph_learn(bridge);
		r = run_drive(bridge);
	}
	return r;
}

static void say_waiting(struct bridge *bridge)
{
	const char *server = bridge->config.server;

	if (!bridge->has_waited)
		log_write(bridge->config.log, LOG_LEVEL_WARNING,
			"no JACK server '%s' for this user: start jackd, or PipeWire and this "
			"program in pw-jack; waiting",
			server ? server : "default");
	bridge->has_waited = true;
}

int bridge_run(struct bridge *bridge)
{
	int r = 0;

	while (r == 0 && !atomic_load(&bridge->stop)) {
		if (bridge_client_open(bridge) < 0) {
			say_waiting(bridge);
			write_status(bridge, bridge_now_ns());
			wait_until(bridge, bridge_now_ns() + RETRY_NS);
			continue;
		}
		bridge->has_waited = false;
		bridge->n_servers++;
		r = enter_graph(bridge);
		if (r == 0)
			r = serve_graph(bridge);
		if (atomic_load(&bridge->is_dead))
			log_write(bridge->config.log, LOG_LEVEL_WARNING,
				"the JACK server has ended: waiting for the next one");
		bridge_client_close(bridge);
	}
	if (bridge->config.status_path)
		unlink(bridge->config.status_path);
	return r;
}
