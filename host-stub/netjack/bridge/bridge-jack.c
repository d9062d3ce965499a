/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_NAME_SIZE (NETJACK_NAME_SIZE + 32)

static int on_process(jack_nframes_t n_frames, void *user)
{
	struct bridge *bridge = user;
	const struct bridge_drive *drive = atomic_load(&bridge->playing);

	/* Another period than the one that is played for: nothing until the bridge knows. */
	if (!drive || n_frames != atomic_load(&bridge->graph_period) ||
		atomic_load(&bridge->is_freewheeling) || atomic_load(&bridge->has_changed)) {
		bridge_seats_adopt(bridge);
		for (unsigned i = 0; i < BRIDGE_SEATS; i++)
			bridge_ports_silence(&bridge->seats[i], n_frames, 0);
		return 0;
	}
	drive->cycle(bridge, n_frames);
	return 0;
}

static void on_shutdown(void *user)
{
	struct bridge *bridge = user;

	atomic_store(&bridge->is_dead, true);
	bridge_wake(bridge);
}

static int note_change(struct bridge *bridge, bool has_changed)
{
	if (has_changed) {
		atomic_store(&bridge->has_changed, true);
		bridge_wake(bridge);
	}
	return 0;
}

static int on_period(jack_nframes_t n_frames, void *user)
{
	struct bridge *bridge = user;

	return note_change(bridge, n_frames != atomic_load(&bridge->graph_period));
}

static int on_rate(jack_nframes_t rate, void *user)
{
	struct bridge *bridge = user;

	return note_change(bridge, rate != atomic_load(&bridge->graph_rate));
}

static int on_xrun(void *user)
{
	struct bridge *bridge = user;

	atomic_fetch_add(&bridge->n_xruns, 1);
	return 0;
}

static void on_freewheel(int starts, void *user)
{
	struct bridge *bridge = user;

	atomic_store(&bridge->is_freewheeling, starts != 0);
}

static void on_port(jack_port_id_t port, int registered, void *user)
{
	struct bridge *bridge = user;

	(void)port;
	(void)registered;
	atomic_store(&bridge->ports_changed, true);
	bridge_wake(bridge);
}

static void set_latency(
	jack_port_t *const *ports, unsigned n, jack_latency_callback_mode_t mode, unsigned frames)
{
	jack_latency_range_t range = { frames, frames };

	for (unsigned i = 0; i < n; i++)
		jack_port_set_latency_range(ports[i], mode, &range);
}

static void on_latency(jack_latency_callback_mode_t mode, void *user)
{
	struct bridge *bridge = user;

	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		struct bridge_seat *seat = &bridge->seats[i];

		if (mode == JackCaptureLatency)
			set_latency(seat->capture, atomic_load(&seat->n_capture), mode,
				atomic_load(&seat->capture_latency));
		else
			set_latency(seat->playback, atomic_load(&seat->n_playback), mode,
				atomic_load(&seat->playback_latency));
	}
}

/* libjack writes to stderr whenever there is no server; the bridge says it once, and what to do. */
static void keep_quiet(const char *text)
{
	(void)text;
}

static int set_callbacks(struct bridge *bridge)
{
	jack_client_t *client = bridge->client;

	jack_on_shutdown(client, on_shutdown, bridge);
	return jack_set_process_callback(client, on_process, bridge) ||
			       jack_set_buffer_size_callback(client, on_period, bridge) ||
			       jack_set_sample_rate_callback(client, on_rate, bridge) ||
			       jack_set_xrun_callback(client, on_xrun, bridge) ||
			       jack_set_freewheel_callback(client, on_freewheel, bridge) ||
			       jack_set_port_registration_callback(client, on_port, bridge) ||
			       jack_set_latency_callback(client, on_latency, bridge)
		       ? -EIO
		       : 0;
}

void bridge_graph_learn(struct bridge *bridge)
{
	atomic_store(&bridge->has_changed, false);
	atomic_store(&bridge->graph_rate, jack_get_sample_rate(bridge->client));
	atomic_store(&bridge->graph_period, jack_get_buffer_size(bridge->client));
}

int bridge_client_open(struct bridge *bridge)
{
	const char *name = bridge->config.client, *server = bridge->config.server;
	jack_options_t options = JackNoStartServer | (server ? JackServerName : 0);

	jack_set_error_function(keep_quiet);
	jack_set_info_function(keep_quiet);
	bridge->client = jack_client_open(name, options, NULL, server);
	if (!bridge->client)
		return -ENOTCONN;
	atomic_store(&bridge->is_dead, false);
	atomic_store(&bridge->is_freewheeling, false);
	bridge_graph_learn(bridge);
	int r = set_callbacks(bridge);
	if (r < 0)
		bridge_client_close(bridge);
	return r;
}

static void forget_connections(struct bridge *bridge)
{
	const char *const *connections = bridge->config.connections;

	for (size_t i = 0; connections && connections[i]; i++)
		bridge->made[i] = false;
	memset(bridge->made_physical, 0, sizeof bridge->made_physical);
}

void bridge_client_close(struct bridge *bridge)
{
	/* libjack cancels its thread, wherever that is: it must not have the lock then. */
	pthread_mutex_lock(&bridge->lock);
	if (bridge->client)
		jack_client_close(bridge->client);
	pthread_mutex_unlock(&bridge->lock);
	bridge->client = NULL;
	forget_connections(bridge);
	for (unsigned i = 0; i < BRIDGE_SEATS; i++) {
		atomic_store(&bridge->seats[i].n_capture, 0);
		atomic_store(&bridge->seats[i].n_playback, 0);
	}
}

/* Names have no colon: it parts the client's name from the port's. */
static void port_name(const struct bridge *bridge, unsigned seat, const char *kind, unsigned number,
	char ret[PORT_NAME_SIZE])
{
	if (seat == 0) {
		snprintf(ret, PORT_NAME_SIZE, "%s_%u", kind, number);
		return;
	}
	snprintf(ret, PORT_NAME_SIZE, "%s_%s_%u", bridge->seats[seat].name, kind, number);
	for (char *p = ret; *p; p++)
		if (*p == ':')
			*p = '-';
}

static int make_ports(struct bridge *bridge, unsigned seat, bool is_capture, unsigned n)
{
	struct bridge_seat *s = &bridge->seats[seat];
	jack_port_t **ports = is_capture ? s->capture : s->playback;
	atomic_uint *count = is_capture ? &s->n_capture : &s->n_playback;
	unsigned there = atomic_load(count);
	char name[PORT_NAME_SIZE];

	for (unsigned i = 0; i < there; i++) {
		port_name(bridge, seat, is_capture ? "capture" : "playback", i + 1, name);
		if (strcmp(jack_port_short_name(ports[i]), name) != 0)
			jack_port_rename(bridge->client, ports[i], name);
	}
	for (unsigned i = there; i < n; i++) {
		port_name(bridge, seat, is_capture ? "capture" : "playback", i + 1, name);
		ports[i] = jack_port_register(bridge->client, name, JACK_DEFAULT_AUDIO_TYPE,
			(is_capture ? JackPortIsOutput : JackPortIsInput) | JackPortIsTerminal, 0);
		if (!ports[i])
			return -ENOSPC;
		atomic_store(count, i + 1);
	}
	return 0;
}

int bridge_ports_make(struct bridge *bridge, unsigned seat, int32_t n_capture, int32_t n_playback)
{
	pthread_mutex_lock(&bridge->jack_lock);
	int r = make_ports(bridge, seat, true, (unsigned)n_capture);
	if (r == 0)
		r = make_ports(bridge, seat, false, (unsigned)n_playback);
	pthread_mutex_unlock(&bridge->jack_lock);
	return r;
}

/* A connection that was made and is gone was undone by somebody: left alone until a port of it is. */
static void connect_ports(struct bridge *bridge, const char *from, const char *to, bool *made)
{
	if (!jack_port_by_name(bridge->client, from) || !jack_port_by_name(bridge->client, to)) {
		*made = false;
		return;
	}
	if (*made)
		return;
	int r = jack_connect(bridge->client, from, to);
	*made = true;
	if (r != 0 && r != EEXIST)
		log_write(bridge->config.log, LOG_LEVEL_WARNING,
			"%s cannot be connected to %s: an output goes to an input", from, to);
}

static void full_name(const struct bridge *bridge, const char *name, size_t size, char *ret)
{
	const char *client = jack_get_client_name(bridge->client);

	if (memchr(name, ':', size))
		snprintf(ret, BRIDGE_PORT_NAME_SIZE, "%.*s", (int)size, name);
	else
		snprintf(ret, BRIDGE_PORT_NAME_SIZE, "%s:%.*s", client, (int)size, name);
}

static void connect_asked(struct bridge *bridge)
{
	const char *const *connections = bridge->config.connections;

	for (size_t i = 0; connections && connections[i]; i++) {
		char from[BRIDGE_PORT_NAME_SIZE], to[BRIDGE_PORT_NAME_SIZE];
		const char *middle = strchr(connections[i], '=');

		full_name(bridge, connections[i], (size_t)(middle - connections[i]), from);
		full_name(bridge, middle + 1, strlen(middle + 1), to);
		connect_ports(bridge, from, to, &bridge->made[i]);
	}
}

static void connect_physical(struct bridge *bridge, bool is_capture)
{
	const struct bridge_seat *seat = &bridge->seats[0];
	unsigned n = atomic_load(is_capture ? &seat->n_capture : &seat->n_playback);
	const char **names = jack_get_ports(bridge->client, NULL, JACK_DEFAULT_AUDIO_TYPE,
		JackPortIsPhysical | (is_capture ? JackPortIsInput : JackPortIsOutput));

	for (unsigned i = 0; names && names[i] && i < n; i++) {
		const char *ours =
			jack_port_name(is_capture ? seat->capture[i] : seat->playback[i]);

		connect_ports(bridge, is_capture ? ours : names[i], is_capture ? names[i] : ours,
			&bridge->made_physical[is_capture][i]);
	}
	jack_free((void *)names);
}

void bridge_ports_connect(struct bridge *bridge)
{
	pthread_mutex_lock(&bridge->jack_lock);
	connect_asked(bridge);
	if (bridge->config.connect_physical) {
		connect_physical(bridge, true);
		connect_physical(bridge, false);
	}
	pthread_mutex_unlock(&bridge->jack_lock);
}

void bridge_ports_silence(const struct bridge_seat *seat, uint32_t n_frames, unsigned from)
{
	unsigned n = atomic_load_explicit(&seat->n_capture, memory_order_acquire);

	for (unsigned i = from; i < n; i++)
		memset(jack_port_get_buffer(seat->capture[i], n_frames), 0,
			n_frames * sizeof(float));
}
