/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is a session and what happens in it: periods go out, packets come back, what is due is
 * taken. Whatever comes: it is counted once, what is taken is whole, and no decoder reads or writes
 * beside what it was given.
 *
 * A byte for each of the session's numbers, see begin(), then operations, see operate(). A packet is raw
 * bytes, or a good header whose numbers are a byte each, with raw bytes behind.
 */

#include "fuzz-target.h"
#include "netjack/endpoint/returns.h"

#include <hxfr/wire.h>
#include <string.h>

#define CHANNELS 5u

static const uint32_t periods[] = { 16, 48, 64, 128, 256 };

static struct netjack_session session;
static struct netjack_stream stream;
static struct returns *returns;
static float samples[NETJACK_CHANNELS_MAX][256];
static int64_t now_ns;
static uint64_t n_ticks, n_taken, n_packets;

static void begin(struct hxfr_reader *r)
{
	uint8_t modes = hxfr_reader_u8(r);

	session = (struct netjack_session){
		.mtu = modes & 1 ? NETJACK_MTU_MIN : NETJACK_MTU_DEFAULT,
		.id = 1,
		.send_audio = hxfr_reader_u8(r) % CHANNELS,
		.return_audio = hxfr_reader_u8(r) % CHANNELS,
		.return_midi = modes >> 2 & 3,
		.rate = 96000,
		.period = periods[(modes >> 4) % (sizeof periods / sizeof periods[0])],
		.sync = modes & 2,
		.latency = hxfr_reader_u8(r) % (NETJACK_LATENCY_MAX + 1),
	};
	stream = (struct netjack_stream){
		.mtu = session.mtu,
		.period = session.period,
		.channels = (uint32_t)session.return_audio,
		.back = (uint32_t)session.send_audio,
		.midi = (uint32_t)session.return_midi,
	};
	now_ns = 0;
	n_ticks = n_taken = n_packets = 0;
	PROMISE(returns_new(&session, &returns) == 0);
}

static void check_session(const uint8_t *data, size_t size)
{
	struct netjack_session s, again;
	uint8_t bytes[NETJACK_SESSION_SIZE];

	memset(&s, 0, sizeof s);
	memset(&again, 0, sizeof again);
	if (netjack_session_decode(data, size, &s) < 0)
		return;
	PROMISE(memchr(s.name, '\0', sizeof s.name) && s.send_audio >= -1 &&
		s.send_audio <= (int32_t)NETJACK_CHANNELS_MAX && s.latency <= NETJACK_LATENCY_MAX);
	netjack_session_encode(&s, bytes);
	PROMISE(netjack_session_decode(bytes, sizeof bytes, &again) == 0);
	PROMISE(strcmp(s.slave_host, again.slave_host) == 0 && s.period == again.period &&
		s.return_midi == again.return_midi && s.sync == again.sync);
}

static void check_midi(const struct netjack_header *h, const uint8_t *data)
{
	static struct netjack_midi_event events[NETJACK_MIDI_EVENTS_MAX];
	static volatile unsigned sum;
	size_t n;

	if (netjack_midi_decode(data + NETJACK_HEADER_SIZE, h->size - NETJACK_HEADER_SIZE, &stream,
		    events, &n) < 0)
		return;
	PROMISE(n <= NETJACK_MIDI_EVENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		PROMISE(events[i].port < stream.midi && events[i].frame < stream.period);
		for (uint32_t k = 0; k < events[i].size; k++)
			sum += events[i].data[k];
	}
}

static void check_packet(const uint8_t *data, size_t size)
{
	float *channels[NETJACK_CHANNELS_MAX];
	netjack_ports ports = 0;
	struct netjack_header h;

	if (netjack_header_decode(data, size, &stream, &h) < 0)
		return;
	PROMISE(h.size == size);
	for (unsigned c = 0; c < NETJACK_CHANNELS_MAX; c++)
		channels[c] = c < stream.channels ? samples[c] : NULL;
	if (h.data == NETJACK_SYNC && netjack_sync_decode(&h, data, &stream, &ports) == 0)
		PROMISE(ports >> stream.back == 0);
	if (h.data == NETJACK_AUDIO &&
		netjack_audio_decode(&h, data, &stream, channels, &ports) == 0)
		PROMISE((uint32_t)__builtin_popcountll(ports) == h.n_ports);
	if (h.data == NETJACK_MIDI)
		check_midi(&h, data);
}

/* A good header, whose numbers say almost anything. */
static size_t put_header(struct hxfr_reader *r, size_t n_raw, uint8_t *ret)
{
	static const char kinds[] = { 's', 'a', 'm' };
	uint8_t kind = hxfr_reader_u8(r), cycle = hxfr_reader_u8(r), packets = hxfr_reader_u8(r);
	uint32_t tick = (uint32_t)n_ticks;
	struct netjack_header h = {
		.data = (enum netjack_data)kinds[kind % 3],
		.is_return = kind < 250,
		.id = kind < 252,
		.cycle = cycle == 0    ? 0
			 : cycle < 250 ? tick + 8 - cycle % 16
				       : cycle * 0x1000000u,
		.n_packets = packets & 15,
		.sub_cycle = packets >> 4,
		.n_ports = hxfr_reader_u8(r),
		.frames = -1,
		.size = (uint32_t)(NETJACK_HEADER_SIZE + n_raw),
	};

	netjack_header_encode(&h, ret);
	return NETJACK_HEADER_SIZE;
}

/* All that a slave would send for a cycle: good audio. */
static size_t put_audio(uint32_t cycle, uint32_t sub_cycle, uint8_t *ret)
{
	const struct netjack_header h = { .is_return = true, .id = 1, .cycle = cycle };
	const float *channels[NETJACK_CHANNELS_MAX];

	for (unsigned c = 0; c < NETJACK_CHANNELS_MAX; c++)
		channels[c] = samples[c];
	return netjack_audio_encode(
		&h, &stream, ((netjack_ports)1 << stream.channels) - 1, channels, sub_cycle, ret);
}

static void come(const uint8_t *data, size_t size)
{
	const struct returns_counters *c = returns_counters(returns);
	netjack_ports ports = 0;
	uint8_t *exact = malloc(size + !size); /* so that ASan sees a read behind it */

	PROMISE(exact);
	memcpy(exact, data, size);
	check_session(exact, size);
	check_packet(exact, size);
	if (returns_packet(returns, exact, size, now_ns, &ports))
		PROMISE(ports >> stream.back == 0);
	n_packets++;
	PROMISE(c->packets + c->stale + c->malformed == n_packets);
	free(exact);
}

static void packet(struct hxfr_reader *r, uint8_t op)
{
	uint8_t bytes[NETJACK_HEADER_SIZE + UINT16_MAX + 1];
	size_t size = 0, n;
	uint8_t high;

	if (op >> 6 == 2) {
		size = put_audio((uint32_t)n_ticks - (op & 7), op >> 3 & 7, bytes);
		come(bytes, size);
		return;
	}
	high = hxfr_reader_u8(r);
	n = high < 0x80 ? high : (size_t)(high & 7) << 8 | hxfr_reader_u8(r);
	if (n > hxfr_reader_left(r))
		n = hxfr_reader_left(r);
	if (op >> 6 == 1)
		size = put_header(r, n, bytes);
	if (n > hxfr_reader_left(r)) {
		r->failed = true;
		return;
	}
	if (n > 0)
		memcpy(bytes + size, hxfr_reader_bytes(r, n), n);
	come(bytes, size + n);
}

static void take(void)
{
	const float *const *channels = NULL;
	int64_t rtt_ns = -1;
	uint64_t sent, sum = 0;
	bool ready = returns_ready(returns, n_ticks - 1);
	enum verdict verdict = returns_take(returns, n_ticks - 1, &sent, &channels, &rtt_ns);

	PROMISE(ready == (verdict == VERDICT_OK || verdict == VERDICT_EARLY));
	PROMISE(verdict == VERDICT_EARLY || sent == n_ticks - 1 - session.latency);
	if (verdict == VERDICT_OK) {
		for (uint32_t c = 0; c < stream.channels; c++)
			memcpy(samples[c], channels[c], stream.period * sizeof(float));
	}
	n_taken++;
	for (unsigned v = 0; v < N_VERDICTS; v++)
		sum += returns_counters(returns)->verdicts[v];
	PROMISE(sum == n_taken);
}

static void operate(struct hxfr_reader *r)
{
	uint8_t op = hxfr_reader_u8(r);

	switch (op >> 6) {
	case 0:
		now_ns += (int64_t)(op & 15) * 300000 - (op & 16 ? 100000 : 0);
		if (op & 32)
			take();
		returns_expect(returns, n_ticks++, now_ns);
		break;
	default:
		packet(r, op);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hxfr_reader r;

	check_session(data, size);
	hxfr_reader_init(&r, data, size);
	begin(&r);
	returns_expect(returns, n_ticks++, now_ns);
	while (hxfr_reader_left(&r) > 0 && !r.failed)
		operate(&r);
	returns_destroy(returns);
	return 0;
}
