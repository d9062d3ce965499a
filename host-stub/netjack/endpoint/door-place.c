/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door-internal.h"

#include "door-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S        1000000000
#define NS_PER_MS       1000000
#define AUDIO_DEFAULT   2 /* channels, when nobody says */
#define PLACE_NAMES_MAX (DOOR_SLAVES_MAX + 1)

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool same_peer(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static struct place *find_peer(
	struct door *door, const struct sockaddr_in *peer, enum place_state state)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct place *place = &door->places[i];

		if (place->state == state && same_peer(&place->peer, peer))
			return place;
	}
	return NULL;
}

struct place *door_find(struct door *door, uint32_t id, struct in_addr address)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct place *place = &door->places[i];

		if ((place->state == PLACE_TAKEN || place->state == PLACE_PENDING) &&
			place->session.id == id && place->peer.sin_addr.s_addr == address.s_addr)
			return place;
	}
	return NULL;
}

void door_free(struct door *door, struct place *place)
{
	if (place->state == PLACE_PENDING) {
		epoll_ctl(door->epoll_fd, EPOLL_CTL_DEL, place->fd, NULL);
		close(place->fd);
	}
	place->fd = -1;
	place->state = PLACE_FREE;
}

void door_tell(struct door *door, enum log_level level, const struct netjack_session *session,
	const struct sockaddr_in *peer, const char *problem)
{
	struct refusal *refusal;
	char address[INET_ADDRSTRLEN];

	for (unsigned i = 0; i < door->n_refusals; i++) {
		if (door->refusals[i].address.s_addr == peer->sin_addr.s_addr &&
			strcmp(door->refusals[i].name, session->name) == 0)
			return;
	}
	if (door->n_refusals == DOOR_REFUSALS_MAX)
		return;
	refusal = &door->refusals[door->n_refusals++];
	refusal->address = peer->sin_addr;
	memcpy(refusal->name, session->name, sizeof refusal->name);
	inet_ntop(AF_INET, &peer->sin_addr, address, sizeof address);
	log_write(door->config.log, level, "slave '%s' of %s is not let in: %s", session->name,
		address, problem);
}

static void refuse(struct door *door, enum log_level level, const struct netjack_session *session,
	const struct sockaddr_in *peer, const char *problem)
{
	door->counters.refused++;
	door_tell(door, level, session, peer, problem);
}

static const char *encoder_problem(enum netjack_encoder encoder)
{
	switch (encoder) {
	case NETJACK_FLOAT:
		return NULL;
	case NETJACK_INT16:
		return "it wants 16-bit samples, only float is spoken here";
	case NETJACK_CELT:
		return "it wants CELT, only float is spoken here: start jackd -d net without -c";
	case NETJACK_OPUS:
		return "it wants Opus, only float is spoken here: start jackd -d net without -O";
	}
	return "it wants an encoding that is not known here";
}

static bool is_expected(const struct door *door, const char *name)
{
	const char *const *names = door->config.names;

	if (!names)
		return true;
	for (; *names; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

static int32_t count(int32_t ours, int32_t theirs, int32_t otherwise)
{
	return ours >= 0 ? ours : theirs >= 0 ? theirs : otherwise;
}

/* What is agreed on: PipeWire's slave leaves all counts of channels to the master, and refuses a SETUP
 * that has one of -1. */
static void agree(const struct door *door, struct netjack_session *session)
{
	const struct door_config *config = &door->config;

	session->kind = NETJACK_SETUP;
	session->transport_sync = 0;
	session->rate = config->rate;
	session->period = config->period;
	session->send_audio = count(config->send_audio, session->send_audio, AUDIO_DEFAULT);
	session->return_audio = count(config->return_audio, session->return_audio, AUDIO_DEFAULT);
	session->send_midi = count(config->send_midi, session->send_midi, 0);
	session->return_midi = count(config->return_midi, session->return_midi, 0);
	if (config->latency >= 0)
		session->latency = (uint32_t)config->latency;
	snprintf(session->master_host, sizeof session->master_host, "%s", config->host);
}

static bool fits(const struct netjack_session *session, int32_t channels)
{
	struct netjack_stream stream = {
		.mtu = session->mtu, .period = session->period, .channels = (uint32_t)channels
	};
	netjack_ports ports = channels < 64 ? ((netjack_ports)1 << channels) - 1 : UINT64_MAX;

	uint64_t packets = netjack_audio_packets(&stream, ports);

	return packets > 0 && packets * session->rate / session->period <= DOOR_PACKETS_S_MAX;
}

static bool midi_fits(const struct netjack_session *session, int32_t ports)
{
	struct netjack_stream stream = {
		.mtu = session->mtu, .period = session->period, .midi = (uint32_t)ports
	};
	struct netjack_header header = { 0 };
	uint8_t data[NETJACK_PACKET_MAX];

	return ports == 0 || netjack_midi_encode(&header, &stream, NULL, 0, data) > 0;
}

static const char *session_problem(const struct netjack_session *session)
{
	const char *problem = encoder_problem(session->encoder);

	if (problem)
		return problem;
	if (!fits(session, session->send_audio) || !fits(session, session->return_audio))
		return "its MTU and so many channels do not divide the period, or make too many "
		       "packets: use a period that is a power of two, or a larger MTU (jackd -d "
		       "net -M)";
	if (!midi_fits(session, session->send_midi) || !midi_fits(session, session->return_midi))
		return "its MTU does not take so many MIDI ports: use fewer (jackd -d net -i -o), or "
		       "a larger MTU (-M)";
	return NULL;
}

static bool id_is_used(const struct door *door, uint32_t id)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		if (door->places[i].state != PLACE_FREE && door->places[i].session.id == id)
			return true;
	}
	return id == 0;
}

/* Not to be guessed: it is what a stranger would need to end or begin a session. Below 2^31, as others
 * may print it as a number with a sign. */
static uint32_t new_id(const struct door *door)
{
	uint32_t id;

	do {
		if (getrandom(&id, sizeof id, 0) != sizeof id)
			id = 0;
		id &= INT32_MAX;
	} while (id_is_used(door, id));
	return id;
}

/* A free place, or that of the slave which has not answered for the longest; NULL: all are here. */
static struct place *take_place(struct door *door)
{
	struct place *oldest = NULL;

	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct place *place = &door->places[i];

		if (place->state == PLACE_FREE)
			return place;
		if (place->state == PLACE_PENDING &&
			(!oldest || place->since_ns < oldest->since_ns))
			oldest = place;
	}
	if (oldest)
		door_free(door, oldest);
	return oldest;
}

static struct place *new_pending(
	struct door *door, const struct netjack_session *announced, const struct sockaddr_in *peer)
{
	struct place *place = take_place(door);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = place };
	int r;

	if (!place) {
		door->counters.throttled++;
		door_tell(door, LOG_LEVEL_WARNING, announced, peer, "all places are taken");
		return NULL;
	}
	r = door_socket_connect(door->config.address, peer, &place->fd);
	if (r == 0 && epoll_ctl(door->epoll_fd, EPOLL_CTL_ADD, place->fd, &event) < 0) {
		r = -errno;
		close(place->fd);
	}
	if (r < 0) {
		place->fd = -1;
		log_write(door->config.log, LOG_LEVEL_DEBUG,
			"no way back to who announces itself: %s", strerror(-r));
		return NULL;
	}
	place->state = PLACE_PENDING;
	place->peer = *peer;
	place->session.id = new_id(door);
	return place;
}

void door_announced(struct door *door, const struct netjack_session *announced,
	const struct sockaddr_in *peer, int64_t now_ns)
{
	struct place *place = find_peer(door, peer, PLACE_TAKEN);
	struct netjack_session session = *announced;
	uint8_t data[NETJACK_SESSION_SIZE];
	const char *problem;

	if (place && now_ns - place->since_ns < (int64_t)DOOR_FRESH_MS * NS_PER_MS)
		return;
	if (!is_expected(door, announced->name)) {
		refuse(door, LOG_LEVEL_INFO, announced, peer, "it is not one of those asked for");
		return;
	}
	agree(door, &session);
	problem = session_problem(&session);
	if (problem) {
		refuse(door, LOG_LEVEL_WARNING, announced, peer, problem);
		return;
	}
	place = find_peer(door, peer, PLACE_PENDING);
	if (!place)
		place = new_pending(door, announced, peer);
	if (!place)
		return;
	session.id = place->session.id;
	place->session = session;
	place->since_ns = now_ns;
	place->setup_ns = monotonic_ns();
	netjack_session_encode(&session, data);
	if (send(place->fd, data, sizeof data, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		door_free(door, place);
	else
		door->counters.announced++;
}

static bool name_is_used(const struct door *door, const char *name)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		if (door->places[i].state == PLACE_TAKEN && strcmp(door->places[i].name, name) == 0)
			return true;
	}
	return false;
}

static void make_name(const struct door *door, struct place *place)
{
	char name[NETJACK_NAME_SIZE];

	memcpy(name, place->session.name, sizeof name);
	for (unsigned i = 2; i <= PLACE_NAMES_MAX && name_is_used(door, name); i++)
		snprintf(
			name, sizeof name, "%.*s-%u", (int)sizeof name - 4, place->session.name, i);
	memcpy(place->name, name, sizeof name);
}

static void say_arrived(const struct door *door, const struct place *place)
{
	const struct netjack_session *session = &place->session;
	uint32_t frames = session->period * session->latency;
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &place->peer.sin_addr, address, sizeof address);
	log_write(door->config.log, LOG_LEVEL_INFO,
		"slave '%s' of %s is here: %d channels there, %d back, %u Hz, %u frames, %s, latency "
		"%u (%u samples, %.3f ms)",
		place->name, address, session->send_audio, session->return_audio, session->rate,
		session->period, session->sync ? "sync" : "async (a client costs it a period more)",
		session->latency, frames, frames * 1000.0 / session->rate);
}

void door_started(struct door *door, struct place *place, int64_t now_ns, struct door_event *ret)
{
	struct slave_config config = {
		.session = place->session,
		.peer = place->peer,
		.fd = place->fd,
		.handshake_ns = monotonic_ns() - place->setup_ns,
		.inject = door->config.inject,
	};
	struct slave *slave;
	int r;

	make_name(door, place);
	memcpy(config.session.name, place->name, sizeof place->name);
	r = slave_new(&config, &slave);
	if (r < 0) {
		refuse(door, LOG_LEVEL_ERROR, &place->session, &place->peer, strerror(-r));
		door_free(door, place);
		return;
	}
	epoll_ctl(door->epoll_fd, EPOLL_CTL_DEL, place->fd, NULL);
	place->fd = -1;
	place->state = PLACE_TAKEN;
	place->since_ns = now_ns;
	say_arrived(door, place);
	*ret = (struct door_event){ .type = DOOR_ARRIVED, .slave = slave, .id = place->session.id };
}
