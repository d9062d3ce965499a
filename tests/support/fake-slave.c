/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-slave.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define ANNOUNCE_MS 100

#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fake slave: %s:%d: %s\n", __FILE__, __LINE__,             \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void open_socket(struct fake_slave *slave)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	slave->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	check(slave->fd >= 0);
	check(setsockopt(slave->fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof one) == 0);
	check(bind(slave->fd, (struct sockaddr *)&name, sizeof name) == 0);
}

void fake_slave_init(struct fake_slave *slave, const char *name, uint16_t door_port)
{
	memset(slave, 0, sizeof(*slave));
	slave->announced = (struct netjack_session){
		.kind = NETJACK_AVAILABLE,
		.slave_host = "guest",
		.mtu = NETJACK_MTU_DEFAULT,
		.send_audio = 2,
		.return_audio = 2,
		.sync = true,
	};
	snprintf(slave->announced.name, sizeof slave->announced.name, "%s", name);
	slave->door = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(door_port) };
	for (unsigned i = 0; i < NETJACK_CHANNELS_MAX; i++) {
		slave->channels[i] = calloc(NETJACK_PERIOD_MAX, sizeof(float));
		check(slave->channels[i]);
	}
	open_socket(slave);
}

void fake_slave_die(struct fake_slave *slave)
{
	if (slave->fd >= 0)
		close(slave->fd);
	slave->fd = -1;
}

void fake_slave_finish(struct fake_slave *slave)
{
	atomic_store(&slave->stop, true);
	if (slave->has_thread)
		pthread_join(slave->thread, NULL);
	fake_slave_die(slave);
	for (unsigned i = 0; i < NETJACK_CHANNELS_MAX; i++)
		free(slave->channels[i]);
}

void fake_slave_say(struct fake_slave *slave, const void *data, size_t size)
{
	check(sendto(slave->fd, data, size, 0, (struct sockaddr *)&slave->door,
		      sizeof slave->door) == (ssize_t)size);
}

void fake_slave_announce(struct fake_slave *slave)
{
	uint8_t data[NETJACK_SESSION_SIZE];

	netjack_session_encode(&slave->announced, data);
	fake_slave_say(slave, data, sizeof data);
}

void fake_slave_kill_master(struct fake_slave *slave, uint32_t id)
{
	struct netjack_session session = slave->announced;
	uint8_t data[NETJACK_SESSION_SIZE];

	session.kind = NETJACK_KILL_MASTER;
	session.id = id;
	netjack_session_encode(&session, data);
	fake_slave_say(slave, data, sizeof data);
}

static void note_tos(struct fake_slave *slave, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			slave->tos = *CMSG_DATA(c);
	}
}

/* 0: none came in time. */
static size_t receive(struct fake_slave *slave, uint8_t *data, size_t size, int timeout_ms)
{
	_Alignas(struct cmsghdr) uint8_t control[64];
	struct iovec iovec = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_name = &slave->from,
		.msg_namelen = sizeof slave->from,
		.msg_iov = &iovec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	struct pollfd pollfd = { .fd = slave->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&pollfd, 1, timeout_ms) <= 0)
		return 0;
	n = recvmsg(slave->fd, &message, 0);
	if (n <= 0)
		return 0;
	note_tos(slave, &message);
	return (size_t)n;
}

static bool take_setup(struct fake_slave *slave, const uint8_t *data, size_t size)
{
	struct netjack_session session;

	if (netjack_session_decode(data, size, &session) < 0 || session.kind != NETJACK_SETUP)
		return false;
	slave->session = session;
	slave->master = slave->from;
	slave->wants = UINT64_MAX >> (64 - (session.send_audio > 0 ? session.send_audio : 1));
	return true;
}

void fake_slave_await_setup(struct fake_slave *slave)
{
	uint8_t data[NETJACK_PACKET_MAX];
	size_t size = receive(slave, data, sizeof data, DEADLINE_MS);

	check(size > 0 && take_setup(slave, data, size));
}

bool fake_slave_heard_more(struct fake_slave *slave)
{
	uint8_t data[NETJACK_PACKET_MAX];

	return recv(slave->fd, data, sizeof data, MSG_DONTWAIT) >= 0;
}

void fake_slave_start(struct fake_slave *slave)
{
	struct netjack_session session = slave->session;
	uint8_t data[NETJACK_SESSION_SIZE];

	session.kind = NETJACK_START_MASTER;
	netjack_session_encode(&session, data);
	check(sendto(slave->fd, data, sizeof data, 0, (struct sockaddr *)&slave->master,
		      sizeof slave->master) == sizeof data);
}

static struct netjack_stream stream_of(const struct netjack_session *session, bool is_return)
{
	return (struct netjack_stream){
		.mtu = session->mtu,
		.period = session->period,
		.channels = (uint32_t)(is_return ? session->return_audio : session->send_audio),
		.back = (uint32_t)(is_return ? session->send_audio : session->return_audio),
		.midi = (uint32_t)(is_return ? session->return_midi : session->send_midi),
	};
}

/* True: it was the last one of a period. */
static bool take_packet(struct fake_slave *slave, const uint8_t *data, size_t size)
{
	struct netjack_stream stream = stream_of(&slave->session, false);
	struct netjack_header header;
	netjack_ports ports = 0;

	if (netjack_header_decode(data, size, &stream, &header) < 0)
		return false;
	check(!header.is_return);
	/* Of a session that is forgotten. */
	if (header.id != slave->session.id)
		return false;
	slave->cycle = header.cycle;
	slave->n_datagrams++;
	if (header.data == NETJACK_SYNC) {
		slave->brought = 0;
		slave->n_datagrams = 1;
		check(netjack_sync_decode(&header, data, &stream, &slave->asked) == 0);
	} else {
		check(netjack_audio_decode(&header, data, &stream, slave->channels, &ports) == 0);
		slave->brought |= ports;
	}
	return header.last;
}

static bool is_kill(const struct fake_slave *slave, const uint8_t *data, size_t size)
{
	struct netjack_session session;

	return netjack_session_decode(data, size, &session) == 0 &&
	       session.kind == NETJACK_KILL_MASTER && session.id == slave->session.id;
}

bool fake_slave_await_period(struct fake_slave *slave)
{
	uint8_t data[NETJACK_PACKET_MAX];

	for (;;) {
		size_t size = receive(slave, data, sizeof data, DEADLINE_MS);

		check(size > 0);
		if (is_kill(slave, data, size))
			return false;
		if (take_packet(slave, data, size))
			break;
	}
	slave->n_periods++;
	return true;
}

static void answer_with(struct fake_slave *slave, const void *data, size_t size)
{
	/* The master may be gone. */
	sendto(slave->fd, data, size, MSG_NOSIGNAL, (struct sockaddr *)&slave->master,
		sizeof slave->master);
}

void fake_slave_answer(struct fake_slave *slave)
{
	struct netjack_stream stream = stream_of(&slave->session, true);
	netjack_ports ports = slave->asked & slave->brought;
	struct netjack_header header = {
		.data = NETJACK_SYNC,
		.is_return = true,
		.id = slave->session.id,
		.cycle = slave->faults.cycle_zero ? 0 : slave->cycle,
		.frames = -1,
		.last = stream.channels == 0,
	};
	uint8_t data[NETJACK_PACKET_MAX];
	uint32_t n = stream.channels > 0 ? netjack_audio_packets(&stream, ports) : 0;

	for (unsigned i = 0; i < slave->faults.garbage; i++)
		answer_with(slave, "header\0\0nonsense", 16);
	answer_with(slave, data, netjack_sync_encode(&header, slave->wants, data));
	for (uint32_t i = 0; i < n; i++)
		answer_with(slave, data,
			netjack_audio_encode(&header, &stream, ports,
				(const float *const *)slave->channels, i, data));
}

/* False: the socket is closed, or nobody is there any more. */
static bool live_a_period(struct fake_slave *slave)
{
	const struct fake_slave_faults *faults = &slave->faults;
	uint64_t n = ++slave->n_periods;

	if (faults->dies_after > 0 && n > faults->dies_after)
		return false;
	if (faults->leaves_after > 0 && n == faults->leaves_after + 1)
		fake_slave_kill_master(slave, slave->session.id);
	if ((faults->leaves_after > 0 && n > faults->leaves_after) ||
		(faults->silent_after > 0 && n > faults->silent_after) ||
		(faults->drops_every > 0 && n % faults->drops_every == 0))
		return true;
	fake_slave_answer(slave);
	atomic_fetch_add(&slave->n_answered, 1);
	return true;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Not looking for a master: in a session. */
static bool live_in_session(struct fake_slave *slave, const uint8_t *data, size_t size)
{
	if (is_kill(slave, data, size)) {
		atomic_store(&slave->killed, true);
		return false;
	}
	if (!take_packet(slave, data, size))
		return true;
	if (slave->faults.forgets_after > 0 && slave->n_periods == slave->faults.forgets_after) {
		slave->faults.forgets_after = 0;
		return false;
	}
	if (live_a_period(slave))
		return true;
	fake_slave_die(slave);
	return true;
}

static void *live(void *user)
{
	struct fake_slave *slave = user;
	uint8_t data[NETJACK_PACKET_MAX];
	int64_t announced_ms = 0;
	bool looking = true;

	while (!atomic_load(&slave->stop) && slave->fd >= 0) {
		size_t size;

		if (looking && now_ms() - announced_ms > ANNOUNCE_MS) {
			fake_slave_announce(slave);
			announced_ms = now_ms();
		}
		size = receive(slave, data, sizeof data, ANNOUNCE_MS / 4);
		if (size == 0)
			continue;
		if (take_setup(slave, data, size)) {
			fake_slave_start(slave);
			looking = false;
		} else if (!looking) {
			looking = !live_in_session(slave, data, size);
		}
	}
	return NULL;
}

void fake_slave_run(struct fake_slave *slave)
{
	check(pthread_create(&slave->thread, NULL, live, slave) == 0);
	slave->has_thread = true;
}

void fake_slave_await_answers(struct fake_slave *slave, uint64_t n)
{
	int64_t end_ms = now_ms() + DEADLINE_MS;

	while (atomic_load(&slave->n_answered) < n) {
		check(now_ms() < end_ms);
		poll(NULL, 0, 1);
	}
}
