/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "returns.h"

#include "anchor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BITS 64u

/* A period that was sent, until RETURNS_SLOTS later ones were. */
struct slot {
	bool used, taken, complete;
	bool has_sync, again; /* again: what comes now is its answer once more */
	uint64_t tick;
	int64_t sent_ns, last_ns;
	uint32_t n_packets, n_here; /* audio; n_packets 0: not known yet */
	uint64_t *here;             /* a bit for each */
	float **channels;           /* of the buffer; shared with ticks that were taken */
};

struct returns {
	struct netjack_stream stream;
	uint32_t id, latency;
	bool sync;
	bool is_numbered; /* the slave's packets have numbers: 0 is one after 2^32 periods */
	struct returns_counters counters;
	struct slot slots[RETURNS_SLOTS];
	uint64_t n_expected; /* the next tick */
	struct anchor anchor;
	uint32_t n_syncs; /* that had no number */
	uint64_t current; /* tick of the latest sync packet */
	bool has_current;
	bool has_arrived; /* rtt_ns is of a period that returns_arrived() has not told of */
	int64_t rtt_ns;
	uint64_t newest, newest_rank; /* of the packets that came: tick, place in its answer */
	uint32_t n_words;             /* of slot.here */
	uint64_t *words;
	struct netjack_midi_event events[NETJACK_MIDI_EVENTS_MAX];
	float *samples;   /* latency + 1 periods, and one for what nobody takes */
	float **channels; /* likewise */
};

static size_t n_buffers(const struct returns *returns)
{
	return (size_t)returns->latency + 2;
}

static float **buffer(const struct returns *returns, size_t i)
{
	return returns->channels + i * returns->stream.channels;
}

static float **scratch(const struct returns *returns)
{
	return buffer(returns, (size_t)returns->latency + 1);
}

static int allocate(struct returns *returns)
{
	size_t n = n_buffers(returns) * returns->stream.channels;
	uint32_t period = returns->stream.period;

	returns->n_words = (period + BITS - 1) / BITS;
	returns->words = calloc((size_t)RETURNS_SLOTS * returns->n_words, sizeof *returns->words);
	returns->samples = calloc(n * period + 1, sizeof *returns->samples);
	returns->channels = calloc(n + 1, sizeof *returns->channels);
	if (!returns->words || !returns->samples || !returns->channels)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		returns->channels[i] = returns->samples + i * period;
	for (size_t i = 0; i < RETURNS_SLOTS; i++)
		returns->slots[i].here = returns->words + i * returns->n_words;
	return 0;
}

int returns_new(const struct netjack_session *session, struct returns **ret)
{
	struct returns *returns = calloc(1, sizeof *returns);

	if (!returns)
		return -ENOMEM;
	returns->stream = (struct netjack_stream){
		.mtu = session->mtu,
		.period = session->period,
		.channels = (uint32_t)session->return_audio,
		.back = (uint32_t)session->send_audio,
		.midi = (uint32_t)session->return_midi,
	};
	returns->id = session->id;
	returns->latency = session->latency;
	returns->sync = session->sync;
	if (allocate(returns) < 0) {
		returns_destroy(returns);
		return -ENOMEM;
	}
	*ret = returns;
	return 0;
}

void returns_destroy(struct returns *returns)
{
	if (!returns)
		return;
	free(returns->words);
	free(returns->samples);
	free(returns->channels);
	free(returns);
}

static struct slot *slot_of(const struct returns *returns, uint64_t tick)
{
	return (struct slot *)&returns->slots[tick % RETURNS_SLOTS];
}

static struct slot *find_slot(const struct returns *returns, uint64_t tick)
{
	struct slot *slot = slot_of(returns, tick);

	return slot->used && slot->tick == tick ? slot : NULL;
}

/* Its buffer goes to another one. */
static void give_up(struct returns *returns, uint64_t tick)
{
	struct slot *slot = find_slot(returns, tick);

	if (slot)
		slot->taken = true;
}

void returns_expect(struct returns *returns, uint64_t tick, int64_t sent_ns)
{
	struct slot *slot = slot_of(returns, tick);
	uint64_t n_live = returns->latency + 1, *here = slot->here;

	if (slot->used && !slot->complete)
		returns->counters.lost++;
	if (tick >= n_live)
		give_up(returns, tick - n_live);
	*slot = (struct slot){
		.used = true,
		.tick = tick,
		.sent_ns = sent_ns,
		.here = here,
		.channels = buffer(returns, tick % n_live),
	};
	memset(here, 0, returns->n_words * sizeof *here);
	for (uint32_t c = 0; c < returns->stream.channels; c++)
		memset(slot->channels[c], 0, returns->stream.period * sizeof(float));
	returns->n_expected = tick + 1;
}

/* --- packets --- */

/* The youngest tick that was sent before. */
static uint64_t latest_before(const struct returns *returns, int64_t received_ns)
{
	uint64_t tick = returns->n_expected - 1;

	for (unsigned i = 1; i < RETURNS_SLOTS && tick > 0; i++, tick--) {
		const struct slot *slot = find_slot(returns, tick);

		if (!slot)
			break;
		if (slot->sent_ns <= received_ns)
			return tick;
	}
	return returns->n_expected - 1;
}

static uint64_t place_sync(
	struct returns *returns, const struct netjack_header *header, int64_t received_ns)
{
	uint32_t number = returns->is_numbered ? header->cycle : ++returns->n_syncs;
	uint64_t tick;

	if (returns->is_numbered && returns->sync)
		return anchor_unwrap(header->cycle - 1, returns->n_expected - 1);
	anchor_place(&returns->anchor, number, latest_before(returns, received_ns), &tick);
	returns->counters.reanchored = returns->anchor.n_moves;
	return tick;
}

/* NULL: of no period that is known. */
static struct slot *place(
	struct returns *returns, const struct netjack_header *header, int64_t received_ns)
{
	uint64_t latest = returns->n_expected - 1;

	if (returns->n_expected == 0)
		return NULL;
	returns->is_numbered = returns->is_numbered || header->cycle != 0;
	if (header->data == NETJACK_SYNC) {
		returns->current = place_sync(returns, header, received_ns);
		returns->has_current = true;
		return find_slot(returns, returns->current);
	}
	if (returns->is_numbered && returns->sync)
		return find_slot(returns, anchor_unwrap(header->cycle - 1, latest));
	if (returns->is_numbered && returns->anchor.set)
		return find_slot(returns, anchor_tick(&returns->anchor, header->cycle, latest));
	return returns->has_current ? find_slot(returns, returns->current) : NULL;
}

/* A packet's place in an answer: sync, MIDI, audio. */
static uint64_t rank(const struct netjack_header *header)
{
	return header->data == NETJACK_SYNC ? 0
	       : header->data == NETJACK_MIDI
		       ? 1 + (uint64_t)header->sub_cycle
		       : 1 + NETJACK_PERIOD_MAX + (uint64_t)header->sub_cycle;
}

static void note_order(
	struct returns *returns, const struct slot *slot, const struct netjack_header *header)
{
	uint64_t r = rank(header);

	if (slot->tick < returns->newest ||
		(slot->tick == returns->newest && r < returns->newest_rank)) {
		returns->counters.reordered++;
		return;
	}
	returns->newest = slot->tick;
	returns->newest_rank = r;
}

static void check_complete(struct returns *returns, struct slot *slot)
{
	if (slot->complete || !slot->has_sync ||
		(returns->stream.channels > 0 &&
			(slot->n_packets == 0 || slot->n_here < slot->n_packets)))
		return;
	slot->complete = true;
	returns->counters.late += slot->taken;
	returns->has_arrived = true;
	returns->rtt_ns = slot->last_ns - slot->sent_ns;
}

static bool is_once_more(
	const struct returns *returns, const struct slot *slot, int64_t received_ns)
{
	const struct slot *next = find_slot(returns, slot->tick + 1);

	return next && next->sent_ns <= received_ns;
}

static void take_sync(struct returns *returns, struct slot *slot,
	const struct netjack_header *header, int64_t received_ns)
{
	if (!slot->has_sync) {
		note_order(returns, slot, header);
		slot->has_sync = true;
		slot->last_ns = received_ns;
	} else if (is_once_more(returns, slot, received_ns)) {
		returns->counters.slave_xruns += !slot->again;
		slot->again = true;
	} else {
		returns->counters.duplicated++;
	}
}

static bool is_here(const struct slot *slot, uint32_t i)
{
	return slot->here[i / BITS] >> i % BITS & 1;
}

static int take_audio(struct returns *returns, struct slot *slot,
	const struct netjack_header *header, const uint8_t *data, int64_t received_ns)
{
	bool other = slot->n_packets > 0 && header->n_packets != slot->n_packets;
	bool again = other || (slot->n_packets > 0 && is_here(slot, header->sub_cycle));
	bool unwanted = slot->taken || slot->again || again;
	netjack_ports ports;
	int rc;

	/* Where numbers are guessed, two answers may be taken for one. */
	if (other && !slot->again && !returns->anchor.set)
		return -ERANGE;
	rc = netjack_audio_decode(header, data, &returns->stream,
		unwanted ? scratch(returns) : slot->channels, &ports);
	if (rc < 0 || slot->again)
		return rc;
	if (again) {
		returns->counters.duplicated++;
		return 0;
	}
	note_order(returns, slot, header);
	slot->n_packets = header->n_packets;
	slot->n_here++;
	slot->here[header->sub_cycle / BITS] |= (uint64_t)1 << header->sub_cycle % BITS;
	slot->last_ns = received_ns;
	return 0;
}

/* It is understood, and not waited for. */
static int take_midi(struct returns *returns, struct slot *slot,
	const struct netjack_header *header, const uint8_t *data)
{
	size_t n;
	int rc = 0;

	if (header->n_packets == 1)
		rc = netjack_midi_decode(data + NETJACK_HEADER_SIZE,
			header->size - NETJACK_HEADER_SIZE, &returns->stream, returns->events, &n);
	if (rc == 0 && !slot->again)
		note_order(returns, slot, header);
	return rc;
}

static int take_data(struct returns *returns, struct slot *slot,
	const struct netjack_header *header, const uint8_t *data, int64_t received_ns)
{
	switch (header->data) {
	case NETJACK_SYNC:
		take_sync(returns, slot, header, received_ns);
		return 0;
	case NETJACK_MIDI:
		return take_midi(returns, slot, header, data);
	default:
		return take_audio(returns, slot, header, data, received_ns);
	}
}

/* False: malformed. */
static bool take_packet(struct returns *returns, const struct netjack_header *header,
	const uint8_t *data, int64_t received_ns)
{
	struct slot *slot = place(returns, header, received_ns);

	if (!slot) {
		returns->counters.stale++;
		return true;
	}
	if (take_data(returns, slot, header, data, received_ns) < 0)
		return false;
	returns->counters.packets++;
	check_complete(returns, slot);
	return true;
}

bool returns_packet(struct returns *returns, const uint8_t *data, size_t size, int64_t received_ns,
	netjack_ports *ret_ports)
{
	struct netjack_header header;
	netjack_ports ports = 0;
	bool well = netjack_header_decode(data, size, &returns->stream, &header) == 0 &&
		    header.is_return && header.id == returns->id;

	if (well && header.data == NETJACK_SYNC)
		well = netjack_sync_decode(&header, data, &returns->stream, &ports) == 0;
	if (!well || !take_packet(returns, &header, data, received_ns)) {
		returns->counters.malformed++;
		return false;
	}
	if (header.data != NETJACK_SYNC)
		return false;
	*ret_ports = ports;
	return true;
}

bool returns_arrived(struct returns *returns, int64_t *ret_rtt_ns)
{
	if (!returns->has_arrived)
		return false;
	returns->has_arrived = false;
	*ret_rtt_ns = returns->rtt_ns;
	return true;
}

/* --- what is due --- */

bool returns_ready(const struct returns *returns, uint64_t tick)
{
	const struct slot *slot;

	if (tick < returns->latency)
		return true;
	slot = find_slot(returns, tick - returns->latency);
	return slot && slot->complete && !slot->taken;
}

static enum verdict take(struct returns *returns, uint64_t sent, const float *const **ret_channels,
	int64_t *ret_rtt_ns)
{
	struct slot *slot = find_slot(returns, sent);
	bool there = slot && slot->complete && !slot->taken;

	if (slot)
		slot->taken = true;
	if (!there)
		return returns->newest > sent ? VERDICT_LOST : VERDICT_LATE;
	*ret_channels = (const float *const *)slot->channels;
	*ret_rtt_ns = slot->last_ns - slot->sent_ns;
	return VERDICT_OK;
}

enum verdict returns_take(struct returns *returns, uint64_t tick, uint64_t *ret_sent,
	const float *const **ret_channels, int64_t *ret_rtt_ns)
{
	enum verdict verdict = VERDICT_EARLY;

	*ret_sent = 0;
	if (tick >= returns->latency) {
		*ret_sent = tick - returns->latency;
		verdict = take(returns, *ret_sent, ret_channels, ret_rtt_ns);
	}
	returns->counters.verdicts[verdict]++;
	return verdict;
}

const struct returns_counters *returns_counters(const struct returns *returns)
{
	return &returns->counters;
}
