/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door-internal.h"

#include "door-socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000
#define JOIN_NS   (2 * (int64_t)NS_PER_S) /* between looks for interfaces that are new */
#define DRAIN_MAX                                                                                  \
	64u /* datagrams of the control port in one go: slaves on their way in have a turn */

enum { FD_ADDRESS, FD_GROUP };

static bool is_any(struct in_addr address)
{
	return address.s_addr == htonl(INADDR_ANY);
}

static int group_fd(const struct door *door)
{
	return door->fds[FD_GROUP] >= 0 ? door->fds[FD_GROUP] : door->fds[FD_ADDRESS];
}

/* Interfaces come and go: the tap device of a guest is there once the guest is. */
static void join(struct door *door, int64_t now_ns)
{
	bool joined = door->joined;
	int r;

	door->join_ns = now_ns + JOIN_NS;
	if (is_any(door->config.group))
		return;
	r = door_socket_join(group_fd(door), door->config.group, door->config.address);
	door->joined = r > 0;
	if (door->joined && !joined)
		log_write(door->config.log, LOG_LEVEL_INFO, "listening to the multicast group");
	else if (r < 0 && (joined || !door->warned))
		log_write(door->config.log, LOG_LEVEL_WARNING,
			"no interface is in the multicast group (%s): until one is, only slaves that are "
			"told this address come in (jackd -d net -a ADDRESS)",
			strerror(-r));
	door->warned = true;
}

static int watch(struct door *door, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	return epoll_ctl(door->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* A socket of one address does not get what is for a group, and one of a group nothing else. */
static int listen_all(struct door *door)
{
	const struct door_config *config = &door->config;
	int r = door_socket_listen(config->address, config->port, &door->fds[FD_ADDRESS]);

	if (r < 0)
		return r;
	door->port = door_socket_port(door->fds[FD_ADDRESS]);
	r = watch(door, door->fds[FD_ADDRESS]);
	if (r < 0 || is_any(config->group) || is_any(config->address))
		return r;
	r = door_socket_listen_group(config->group, door->port, &door->fds[FD_GROUP]);
	return r < 0 ? r : watch(door, door->fds[FD_GROUP]);
}

int door_open(const struct door_config *config, struct door **ret)
{
	struct door *door = calloc(1, sizeof(*door));
	int r;

	if (!door)
		return -ENOMEM;
	door->config = *config;
	door->fds[FD_ADDRESS] = door->fds[FD_GROUP] = -1;
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++)
		door->places[i].fd = -1;
	door->tokens = DOOR_RATE;
	door->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = door->epoll_fd < 0 ? -errno : listen_all(door);
	if (r < 0) {
		door_close(door);
		return r;
	}
	join(door, 0);
	*ret = door;
	return 0;
}

void door_close(struct door *door)
{
	if (!door)
		return;
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++)
		door_free(door, &door->places[i]);
	for (unsigned i = 0; i < 2; i++) {
		if (door->fds[i] >= 0)
			close(door->fds[i]);
	}
	if (door->epoll_fd >= 0)
		close(door->epoll_fd);
	free(door);
}

uint16_t door_port(const struct door *door)
{
	return door->port;
}

int door_fd(const struct door *door)
{
	return door->epoll_fd;
}

int64_t door_next_ns(const struct door *door)
{
	int64_t next = is_any(door->config.group) ? INT64_MAX : door->join_ns;

	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		const struct place *place = &door->places[i];
		int64_t end = place->since_ns + (int64_t)DOOR_SETUP_MS * NS_PER_MS;

		if (place->state == PLACE_PENDING && end < next)
			next = end;
	}
	return next;
}

static bool take_token(struct door *door, int64_t now_ns)
{
	door->tokens += (double)(now_ns - door->tokens_ns) / NS_PER_S * DOOR_RATE;
	door->tokens_ns = now_ns;
	if (door->tokens > DOOR_RATE)
		door->tokens = DOOR_RATE;
	if (door->tokens < 1)
		return false;
	door->tokens -= 1;
	return true;
}

static void killed(struct door *door, const struct netjack_session *session,
	const struct sockaddr_in *peer, struct door_event *ret)
{
	struct place *place = door_find(door, session->id, peer->sin_addr);

	if (!place) {
		door->counters.foreign++;
		return;
	}
	if (place->state == PLACE_PENDING) {
		door_free(door, place);
		return;
	}
	place->state = PLACE_LEAVING;
	log_write(door->config.log, LOG_LEVEL_INFO, "slave '%s' says goodbye", place->name);
	*ret = (struct door_event){ .type = DOOR_GONE, .id = place->session.id };
}

static void heard(struct door *door, const uint8_t *data, size_t size,
	const struct sockaddr_in *peer, int64_t now_ns, struct door_event *ret)
{
	struct netjack_session session;
	int r = netjack_session_decode(data, size, &session);

	if (r < 0) {
		door->counters.malformed++;
		if (r == -EPROTONOSUPPORT && !door->warned_of_version) {
			door->warned_of_version = true;
			log_write(door->config.log, LOG_LEVEL_WARNING,
				"a slave speaks another version of NETJACK2 than %u: its jackd is too old",
				NETJACK_PROTOCOL);
		}
		return;
	}
	if (session.kind == NETJACK_KILL_MASTER)
		killed(door, &session, peer, ret);
	else if (session.kind != NETJACK_AVAILABLE)
		door->counters.foreign++;
	else if (!take_token(door, now_ns))
		door->counters.throttled++;
	else
		door_announced(door, &session, peer, now_ns);
}

/* Up to the first event; false: nothing is left. */
static void drain(struct door *door, int fd, int64_t now_ns, struct door_event *ret)
{
	uint8_t data[NETJACK_SESSION_SIZE + 1];

	for (unsigned i = 0; i < DRAIN_MAX && fd >= 0 && ret->type == DOOR_NOTHING; i++) {
		struct sockaddr_in peer = { 0 };
		socklen_t peer_size = sizeof peer;
		ssize_t n = recvfrom(
			fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&peer, &peer_size);

		if (n < 0 && errno != EINTR)
			return;
		if (n >= 0 && peer.sin_family == AF_INET)
			heard(door, data, (size_t)n, &peer, now_ns, ret);
	}
}

/* Who was here from the same socket has started again. */
static struct place *predecessor(struct door *door, const struct place *place)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct place *other = &door->places[i];

		if (other->state == PLACE_TAKEN &&
			other->peer.sin_addr.s_addr == place->peer.sin_addr.s_addr &&
			other->peer.sin_port == place->peer.sin_port)
			return other;
	}
	return NULL;
}

static void receive_start(
	struct door *door, struct place *place, int64_t now_ns, struct door_event *ret)
{
	uint8_t data[NETJACK_SESSION_SIZE + 1];
	struct netjack_session session;
	struct place *old = predecessor(door, place);
	/* Looked at only, as long as the old one is to be sent away first. */
	ssize_t n = recv(place->fd, data, sizeof data, MSG_DONTWAIT | (old ? MSG_PEEK : 0));

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			door_free(door, place);
		return;
	}
	if (netjack_session_decode(data, (size_t)n, &session) < 0 ||
		session.kind != NETJACK_START_MASTER || session.id != place->session.id) {
		door->counters.malformed++;
		if (old)
			recv(place->fd, data, sizeof data, MSG_DONTWAIT);
		return;
	}
	if (!old) {
		door_started(door, place, now_ns, ret);
		return;
	}
	old->state = PLACE_LEAVING;
	log_write(door->config.log, LOG_LEVEL_INFO, "slave '%s' starts again", old->name);
	*ret = (struct door_event){ .type = DOOR_GONE, .id = old->session.id };
}

void door_dispatch(struct door *door, int64_t now_ns, struct door_event *ret)
{
	*ret = (struct door_event){ .type = DOOR_NOTHING };
	if (now_ns >= door->join_ns)
		join(door, now_ns);
	for (unsigned i = 0; i < 2; i++)
		drain(door, door->fds[i], now_ns, ret);
	for (unsigned i = 0; i < DOOR_SLAVES_MAX && ret->type == DOOR_NOTHING; i++) {
		struct place *place = &door->places[i];

		if (place->state != PLACE_PENDING)
			continue;
		receive_start(door, place, now_ns, ret);
		if (place->state == PLACE_PENDING && ret->type == DOOR_NOTHING &&
			now_ns - place->since_ns >= (int64_t)DOOR_SETUP_MS * NS_PER_MS)
			door_free(door, place);
	}
}

void door_forget(struct door *door, uint32_t id)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct place *place = &door->places[i];

		if ((place->state == PLACE_TAKEN || place->state == PLACE_LEAVING) &&
			place->session.id == id)
			door_free(door, place);
	}
}

const struct door_counters *door_counters(const struct door *door)
{
	return &door->counters;
}
