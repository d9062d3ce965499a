/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "slave.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S      1000000000
#define BATCH_MAX     32u /* datagrams of one system call */
#define SPARE_PACKETS 8u  /* that a period may have beyond twice its own */

/* Memory of sendmmsg(2) or recvmmsg(2). */
struct batch {
	unsigned n;
	struct mmsghdr messages[BATCH_MAX];
	struct iovec iovecs[BATCH_MAX];
	_Alignas(struct cmsghdr) uint8_t controls[BATCH_MAX][CMSG_SPACE(sizeof(struct timespec))];
	uint8_t data[BATCH_MAX][NETJACK_PACKET_MAX];
};

struct slave {
	struct netjack_session session;
	struct sockaddr_in peer;
	int fd;
	struct netjack_stream out, in;
	struct returns *returns;
	struct inject *inject_out, *inject_in; /* NULL: none */
	netjack_ports asked;                   /* of the return ports: all */
	netjack_ports wanted;                  /* of the send ports, by the slave */
	uint64_t n_ticks;
	unsigned budget; /* datagrams that this period may still have */
	unsigned budget_max;
	bool throttled; /* in this period */
	bool killed;
	int failed;          /* -errno of the socket that ends the session */
	uint64_t heard_tick; /* n_ticks when it was heard last */
	int64_t handshake_ns;
	int64_t drained_ns; /* CLOCK_MONOTONIC: what is in the socket came later */
	uint64_t send_failed, n_throttled;
	struct histogram rtt;
	struct batch send, receive;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static netjack_ports all_ports(uint32_t n)
{
	return n < 64 ? ((netjack_ports)1 << n) - 1 : UINT64_MAX;
}

static void batch_init(struct batch *batch)
{
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		batch->iovecs[i].iov_base = batch->data[i];
		batch->iovecs[i].iov_len = NETJACK_PACKET_MAX;
		batch->messages[i].msg_hdr.msg_iov = &batch->iovecs[i];
		batch->messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* What the socket says about a datagram that it did not take or give. */
static void note_error(struct slave *slave, int error)
{
	if (error == ECONNREFUSED)
		slave->failed = -ECONNREFUSED;
}

static void flush(struct slave *slave)
{
	struct batch *batch = &slave->send;
	unsigned done = 0;

	while (done < batch->n) {
		int r = sendmmsg(slave->fd, batch->messages + done, batch->n - done,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r > 0) {
			done += (unsigned)r;
			continue;
		}
		if (errno == EINTR)
			continue;
		note_error(slave, errno);
		slave->send_failed += batch->n - done;
		break;
	}
	batch->n = 0;
}

/* A place for the next datagram. */
static uint8_t *next_data(struct slave *slave)
{
	if (slave->send.n == BATCH_MAX)
		flush(slave);
	return slave->send.data[slave->send.n];
}

static void add(struct slave *slave, size_t size)
{
	struct batch *batch = &slave->send;

	if (slave->inject_out) {
		inject_push(slave->inject_out, slave->n_ticks, batch->data[batch->n], size, 0,
			clock_ns(CLOCK_MONOTONIC));
		return;
	}
	batch->iovecs[batch->n++].iov_len = size;
}

static void injected_out(void *user, const uint8_t *data, size_t size, int64_t stamp_ns)
{
	struct slave *slave = user;

	(void)stamp_ns;
	if (send(slave->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	note_error(slave, errno);
	slave->send_failed++;
}

/* A KILL_MASTER, or the START_MASTER of a SETUP that was said twice. */
static bool is_session(struct slave *slave, const uint8_t *data, size_t size)
{
	struct netjack_session session;

	if (size != NETJACK_SESSION_SIZE || netjack_session_decode(data, size, &session) < 0)
		return false;
	if (session.kind == NETJACK_KILL_MASTER && session.id == slave->session.id)
		slave->killed = true;
	return true;
}

static void injected_in(void *user, const uint8_t *data, size_t size, int64_t stamp_ns)
{
	struct slave *slave = user;
	uint64_t understood = returns_counters(slave->returns)->packets;
	netjack_ports wanted;
	int64_t rtt_ns;

	if (is_session(slave, data, size))
		return;
	if (returns_packet(slave->returns, data, size, stamp_ns, &wanted))
		slave->wanted = wanted & all_ports(slave->out.channels);
	if (returns_counters(slave->returns)->packets != understood)
		slave->heard_tick = slave->n_ticks;
	/* Also of what is late: a histogram of what was in time alone would say little. */
	if (returns_arrived(slave->returns, &rtt_ns))
		histogram_add(&slave->rtt, rtt_ns);
}

static void init_streams(struct slave *slave)
{
	const struct netjack_session *session = &slave->session;

	slave->out = (struct netjack_stream){ .mtu = session->mtu,
		.period = session->period,
		.channels = (uint32_t)session->send_audio,
		.back = (uint32_t)session->return_audio,
		.midi = (uint32_t)session->send_midi };
	slave->in = (struct netjack_stream){ .mtu = session->mtu,
		.period = session->period,
		.channels = (uint32_t)session->return_audio,
		.back = (uint32_t)session->send_audio,
		.midi = (uint32_t)session->return_midi };
	slave->asked = all_ports(slave->in.channels);
	slave->wanted = all_ports(slave->out.channels);
}

static int init_injects(struct slave *slave, const struct inject_config *config)
{
	struct inject_config back;
	int r = 0;

	if (!config || !inject_wants(config))
		return 0;
	if (config->on_send)
		r = inject_new(config, injected_out, slave, &slave->inject_out);
	if (r < 0 || !config->on_return)
		return r;
	back = *config;
	back.seed = ~back.seed; /* the two directions are not unlucky together */
	return inject_new(&back, injected_in, slave, &slave->inject_in);
}

int slave_new(const struct slave_config *config, struct slave **ret)
{
	const struct netjack_session *session = &config->session;
	struct slave *slave = calloc(1, sizeof(*slave));
	uint32_t n_in;
	int r = -EMSGSIZE;

	if (!slave)
		return -ENOMEM;
	slave->fd = -1;
	slave->session = *session;
	slave->peer = config->peer;
	slave->handshake_ns = config->handshake_ns;
	slave->drained_ns = clock_ns(CLOCK_MONOTONIC);
	histogram_init(&slave->rtt);
	batch_init(&slave->send);
	batch_init(&slave->receive);
	init_streams(slave);
	n_in = netjack_audio_packets(&slave->in, slave->asked);
	if (n_in == 0 || netjack_audio_packets(&slave->out, slave->wanted) == 0)
		goto failed;
	/* A sync packet, MIDI, audio; twice, as two periods may come at once. */
	slave->budget_max = 2 * (1 + slave->in.midi + n_in) + SPARE_PACKETS;
	r = returns_new(session, &slave->returns);
	if (r == 0)
		r = init_injects(slave, config->inject);
	if (r < 0)
		goto failed;
	slave->fd = config->fd;
	*ret = slave;
	return 0;

failed:
	slave_destroy(slave);
	return r;
}

void slave_destroy(struct slave *slave)
{
	if (!slave)
		return;
	if (slave->fd >= 0)
		close(slave->fd);
	inject_destroy(slave->inject_out);
	inject_destroy(slave->inject_in);
	returns_destroy(slave->returns);
	free(slave);
}

const struct netjack_session *slave_session(const struct slave *slave)
{
	return &slave->session;
}

int slave_fd(const struct slave *slave)
{
	return slave->fd;
}

static void send_sync(struct slave *slave)
{
	struct netjack_header header = {
		.data = NETJACK_SYNC,
		.id = slave->session.id,
		.cycle = (uint32_t)(slave->n_ticks + 1),
		.frames = -1,
		.last = slave->out.channels == 0 && slave->out.midi == 0,
	};

	add(slave, netjack_sync_encode(&header, slave->asked, next_data(slave)));
}

/* No events: nothing here makes any. A slave that has ports gets a buffer for each all the same. */
static void send_midi(struct slave *slave)
{
	struct netjack_header header = {
		.id = slave->session.id,
		.cycle = (uint32_t)(slave->n_ticks + 1),
	};
	size_t size;

	if (slave->out.midi == 0)
		return;
	size = netjack_midi_encode(&header, &slave->out, NULL, 0, next_data(slave));
	if (size > 0)
		add(slave, size);
}

static void send_audio(struct slave *slave, const float *const *channels)
{
	struct netjack_header header = {
		.id = slave->session.id,
		.cycle = (uint32_t)(slave->n_ticks + 1),
	};
	uint32_t n = netjack_audio_packets(&slave->out, slave->wanted);

	if (slave->out.channels == 0)
		return;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *data = next_data(slave);

		add(slave, netjack_audio_encode(
				   &header, &slave->out, slave->wanted, channels, i, data));
	}
}

int slave_send(struct slave *slave, const float *const *channels, uint64_t *ret_tick)
{
	slave->n_throttled += slave->throttled;
	slave->throttled = false;
	slave->budget = slave->budget_max;
	returns_expect(slave->returns, slave->n_ticks, clock_ns(CLOCK_MONOTONIC));
	send_sync(slave);
	send_midi(slave);
	send_audio(slave, channels);
	flush(slave);
	*ret_tick = slave->n_ticks++;
	return slave->failed;
}

static int64_t stamp_of(struct msghdr *message)
{
	struct timespec stamp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS ||
			c->cmsg_len != CMSG_LEN(sizeof stamp))
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
		return (int64_t)stamp.tv_sec * NS_PER_S + stamp.tv_nsec;
	}
	return clock_ns(CLOCK_REALTIME);
}

/* The kernel stamps by CLOCK_REALTIME. What cannot have lain in the socket for so long was stamped
 * before that clock was set. */
static int64_t monotonic_of(const struct slave *slave, int64_t stamp_ns)
{
	int64_t age_ns = clock_ns(CLOCK_REALTIME) - stamp_ns;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	return age_ns > 0 && age_ns <= now_ns - slave->drained_ns ? now_ns - age_ns : now_ns;
}

/* Returns how many came; fewer than BATCH_MAX: that was all. */
static unsigned receive_batch(struct slave *slave)
{
	struct batch *batch = &slave->receive;
	unsigned max = slave->budget < BATCH_MAX ? slave->budget : BATCH_MAX;
	int64_t start_ns = clock_ns(CLOCK_MONOTONIC);
	int n;

	for (unsigned i = 0; i < max; i++) {
		batch->messages[i].msg_hdr.msg_control = batch->controls[i];
		batch->messages[i].msg_hdr.msg_controllen = sizeof batch->controls[i];
	}
	n = recvmmsg(slave->fd, batch->messages, max, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno == EAGAIN)
			slave->drained_ns = start_ns;
		note_error(slave, errno);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		int64_t stamp_ns = monotonic_of(slave, stamp_of(&batch->messages[i].msg_hdr));
		size_t size = batch->messages[i].msg_len;

		if (slave->inject_in)
			inject_push(slave->inject_in, slave->n_ticks - 1, batch->data[i], size,
				stamp_ns, clock_ns(CLOCK_MONOTONIC));
		else
			injected_in(slave, batch->data[i], size, stamp_ns);
	}
	if ((unsigned)n < max)
		slave->drained_ns = start_ns;
	slave->budget -= (unsigned)n;
	return (unsigned)n;
}

int slave_receive(struct slave *slave)
{
	if (slave_is_injected(slave)) {
		int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

		if (slave->inject_out)
			inject_run(slave->inject_out, now_ns);
		if (slave->inject_in)
			inject_run(slave->inject_in, now_ns);
	}
	while (slave->budget > 0 && receive_batch(slave) == BATCH_MAX)
		;
	slave->throttled = slave->n_ticks > 0 && slave->budget == 0;
	return slave->failed ? slave->failed : slave->killed ? -ESHUTDOWN : 0;
}

bool slave_may_receive(const struct slave *slave)
{
	return slave->budget > 0;
}

bool slave_is_injected(const struct slave *slave)
{
	return slave->inject_out || slave->inject_in;
}

int64_t slave_next_ns(const struct slave *slave)
{
	int64_t out = slave->inject_out ? inject_next_ns(slave->inject_out) : INT64_MAX;
	int64_t in = slave->inject_in ? inject_next_ns(slave->inject_in) : INT64_MAX;

	return out < in ? out : in;
}

bool slave_ready(const struct slave *slave)
{
	return slave->n_ticks > 0 && returns_ready(slave->returns, slave->n_ticks - 1);
}

enum verdict slave_take(struct slave *slave, uint64_t *ret_sent, const float *const **ret_channels)
{
	int64_t rtt_ns;

	if (slave->n_ticks == 0)
		return VERDICT_EARLY;
	return returns_take(slave->returns, slave->n_ticks - 1, ret_sent, ret_channels, &rtt_ns);
}

int64_t slave_silent_ns(const struct slave *slave)
{
	uint64_t frames = (slave->n_ticks - slave->heard_tick) * slave->session.period;

	return (int64_t)(frames * NS_PER_S / slave->session.rate);
}

/* jackd does not hear a KILL_MASTER; what it hears is that its answer to a period finds the port
 * closed. Else it would wait for two seconds. */
void slave_goodbye(struct slave *slave)
{
	struct netjack_session session = slave->session;
	uint8_t data[NETJACK_SESSION_SIZE];

	if (slave->fd < 0)
		return;
	session.kind = NETJACK_KILL_MASTER;
	netjack_session_encode(&session, data);
	if (send(slave->fd, data, sizeof data, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		slave->send_failed++;
	slave->wanted = 0;
	send_sync(slave);
	send_audio(slave, NULL);
	flush(slave);
	close(slave->fd);
	slave->fd = -1;
}

static void add_injected(struct inject_counters *counters, const struct inject *inject)
{
	const struct inject_counters *more = inject ? inject_counters(inject) : NULL;

	if (!more)
		return;
	counters->lost += more->lost;
	counters->delayed += more->delayed;
	counters->reordered += more->reordered;
}

void slave_report(const struct slave *slave, struct slave_report *ret)
{
	*ret = (struct slave_report){
		.session = slave->session,
		.peer = slave->peer,
		.ticks = slave->n_ticks,
		.handshake_ns = slave->handshake_ns,
		.returns = *returns_counters(slave->returns),
		.send_failed = slave->send_failed,
		.throttled = slave->n_throttled + slave->throttled,
		.rtt = slave->rtt,
	};
	add_injected(&ret->injected, slave->inject_out);
	add_injected(&ret->injected, slave->inject_in);
}
