/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/wire/packet.h"

#include "suite.h"

#include <errno.h>

/* Offsets in a port's buffer. */
#define BUFFER_SIZE 4u
#define DATA_SIZE   12u
#define N_EVENTS    16u
#define RECORDS     24u

static const struct netjack_stream stream = {
	.mtu = 1500, .period = 128, .channels = 2, .midi = 2
};
static const struct netjack_header header = { .id = 1, .cycle = 9 };
static const uint8_t note[] = { 0x90, 60, 100, 0xf7, 0xf7 };

static uint8_t packet[NETJACK_PACKET_MAX];
static uint8_t *const payload = packet + NETJACK_HEADER_SIZE;
static struct netjack_midi_event got[NETJACK_MIDI_EVENTS_MAX];

static size_t encode(const struct netjack_midi_event *events, size_t n)
{
	size_t size = netjack_midi_encode(&header, &stream, events, n, packet);

	return size > 0 ? size - NETJACK_HEADER_SIZE : 0;
}

/* Two notes at the first port, one at the second. */
static size_t encode_notes(void)
{
	static const struct netjack_midi_event events[] = {
		{ 0, 5, 3, note },
		{ 1, 7, 1, note },
		{ 0, 127, 4, note },
	};

	return encode(events, N_ELEMENTS(events));
}

static int decode(size_t size, size_t *ret_n)
{
	uint8_t *exact = malloc(size + !size);
	int r;

	memcpy(exact, payload, size);
	r = netjack_midi_decode(exact, size, &stream, got, ret_n);
	if (r < 0)
		ck_assert(is_poisoned(got, sizeof got));
	free(exact);
	return r;
}

static void put_be(size_t offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		payload[offset + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_le(size_t offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		payload[offset + i] = (uint8_t)(value >> (8 * i));
}

START_TEST(events_survive_their_way)
{
	size_t size = encode_notes(), n = 0;

	ck_assert_int_eq(netjack_midi_decode(payload, size, &stream, got, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(got[0].port, 0);
	ck_assert_uint_eq(got[0].frame, 5);
	ck_assert_uint_eq(got[0].size, 3);
	ck_assert_mem_eq(got[0].data, note, 3);
	ck_assert_uint_eq(got[1].port, 0);
	ck_assert_uint_eq(got[1].frame, 127);
	ck_assert_uint_eq(got[1].size, 4);
	ck_assert_uint_eq(got[2].port, 1);
	ck_assert_uint_eq(got[2].size, 1);
}
END_TEST

START_TEST(an_event_that_does_not_fit_is_not_sent)
{
	static const struct {
		const char *what;
		struct netjack_midi_event event;
	} rows[] = {
		{ "empty", { 0, 0, 0, note } },
		{ "longer than jack2 can take", { 0, 0, 5, note } },
		{ "behind the period", { 0, 128, 3, note } },
		{ "at a port that is not there", { 2, 0, 3, note } },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		ck_assert_msg(encode(&rows[i].event, 1) == 0, "%s", rows[i].what);
}
END_TEST

/* 4 * 128 * 2 bytes are what jack2 has for two ports of 36 each. */
START_TEST(no_more_is_sent_than_jack2_has_memory_for)
{
	static struct netjack_midi_event events[80];
	size_t n;

	for (unsigned i = 0; i < N_ELEMENTS(events); i++)
		events[i] = (struct netjack_midi_event){ i % 2, i, 3, note };
	ck_assert_uint_eq(encode(events, 79), 2 * 36 + 79 * 12);
	ck_assert_int_eq(netjack_midi_decode(payload, 2 * 36 + 79 * 12, &stream, got, &n), 0);
	ck_assert_uint_eq(n, 79);
	ck_assert_uint_eq(encode(events, 80), 0);
}
END_TEST

START_TEST(no_more_is_sent_than_one_packet)
{
	const struct netjack_stream many = { .mtu = 1500, .period = 128, .midi = 38 };
	const struct netjack_stream too_many = { .mtu = 1500, .period = 128, .midi = 39 };

	ck_assert_uint_eq(netjack_midi_encode(&header, &many, NULL, 0, packet), 48 + 38 * 36);
	ck_assert_uint_eq(netjack_midi_encode(&header, &too_many, NULL, 0, packet), 0);
}
END_TEST

START_TEST(without_audio_it_is_the_last_packet)
{
	const struct netjack_stream alone = { .mtu = 1500, .period = 128, .midi = 1 };
	struct netjack_header h;
	size_t size = netjack_midi_encode(&header, &alone, NULL, 0, packet);

	ck_assert_int_eq(netjack_header_decode(packet, size, &alone, &h), 0);
	ck_assert(h.last);
	size = netjack_midi_encode(&header, &stream, NULL, 0, packet);
	ck_assert_int_eq(netjack_header_decode(packet, size, &stream, &h), 0);
	ck_assert(!h.last);
}
END_TEST

/* As a peer without jack2's fault would send it: the second event's 6 bytes are the last of 32768. */
START_TEST(a_long_event_is_behind_the_records)
{
	static const uint8_t sysex[] = { 0xf0, 0x7d, 1, 2, 3, 0xf7 };
	static const struct {
		const char *what;
		uint32_t size, offset, buffer_size;
		int expected;
	} rows[] = {
		{ "all of it", 6, 32762, 32768, 0 },
		{ "its end", 5, 32763, 32768, 0 },
		{ "in a small buffer", 6, 0, 6, 0 },
		{ "before the data", 6, 32761, 32768, -ERANGE },
		{ "behind the data", 6, 32763, 32768, -ERANGE },
		{ "far behind", 6, UINT32_MAX, 32768, -ERANGE },
		{ "longer than anything", UINT32_MAX, 32762, 32768, -ERANGE },
		{ "more data than buffer", 6, 0, 5, -EBADMSG },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		size_t size = encode_notes(), n = 0, data = RECORDS + 3 * 12;
		int r;

		memmove(payload + data + sizeof sysex, payload + data, size - data);
		memcpy(payload + data, sysex, sizeof sysex);
		put_be(BUFFER_SIZE, rows[i].buffer_size);
		put_be(DATA_SIZE, sizeof sysex);
		put_le(RECORDS + 12 + 4, rows[i].size);
		put_le(RECORDS + 12 + 8, rows[i].offset);
		size += sizeof sysex;
		poison(&got);
		r = netjack_midi_decode(payload, size, &stream, got, &n);
		ck_assert_msg(r == rows[i].expected, "%s: %d", rows[i].what, r);
		if (r == 0) {
			ck_assert_uint_eq(n, 3);
			ck_assert_mem_eq(got[1].data, sysex + 6 - rows[i].size, rows[i].size);
		}
	}
}
END_TEST

START_TEST(a_buffer_that_lies_is_refused)
{
	static const struct {
		const char *what;
		size_t offset;
		uint32_t be;
		int expected;
	} rows[] = {
		{ "the magic", 0, 0x900df00c, -EBADMSG },
		{ "an event less", N_EVENTS, 1, -EBADMSG },
		{ "the spare record as an event", N_EVENTS, 3, -ERANGE },
		{ "more events than there are bytes", N_EVENTS, 100, -EBADMSG },
		{ "all events of the world", N_EVENTS, UINT32_MAX, -EBADMSG },
		{ "data that is not there", DATA_SIZE, 1, -EBADMSG },
		{ "more data than memory", DATA_SIZE, UINT32_MAX, -EBADMSG },
		{ "a frame behind the period", RECORDS, 0x80000000, -ERANGE },
		{ "no bytes", RECORDS + 4, 0, -ERANGE },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		size_t size = encode_notes(), n;
		int r;

		put_be(rows[i].offset, rows[i].be);
		poison(&got);
		r = decode(size, &n);
		ck_assert_msg(r == rows[i].expected, "%s: %d", rows[i].what, r);
	}
}
END_TEST

START_TEST(a_truncated_buffer_is_refused)
{
	size_t size = encode_notes(), n;

	for (size_t cut = 0; cut < size; cut++) {
		poison(&got);
		ck_assert_int_eq(decode(cut, &n), -EBADMSG);
	}
	poison(&got);
	ck_assert_int_eq(decode(size + 1, &n), -EBADMSG);
}
END_TEST

START_TEST(more_events_than_there_is_room_for_are_refused)
{
	const uint32_t most = NETJACK_MIDI_EVENTS_MAX;
	const size_t size = 2 * 36 + (most + 1) * (size_t)12;
	uint8_t *many = calloc(1, size + 12);
	size_t second = 36 + most * (size_t)12, n;

	encode(NULL, 0);
	memcpy(many, payload, 24);
	memcpy(many + second, payload + 36, 36);
	many[N_EVENTS + 2] = (uint8_t)(most >> 8);
	for (uint32_t i = 0; i <= most; i++)
		many[RECORDS + i * (size_t)12 + 4] = 1;
	ck_assert_int_eq(netjack_midi_decode(many, second + 36, &stream, got, &n), 0);
	ck_assert_uint_eq(n, most);
	poison(&got);
	memset(many + second, 0, 36 + 12);
	memcpy(many + second, payload + 36, 24);
	many[second + N_EVENTS + 3] = 1;
	many[second + RECORDS + 4] = 1;
	ck_assert_int_eq(netjack_midi_decode(many, size, &stream, got, &n), -EMSGSIZE);
	ck_assert(is_poisoned(got, sizeof got));
	free(many);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		events_survive_their_way,
		an_event_that_does_not_fit_is_not_sent,
		no_more_is_sent_than_jack2_has_memory_for,
		no_more_is_sent_than_one_packet,
		without_audio_it_is_the_last_packet,
		a_long_event_is_behind_the_records,
		a_buffer_that_lies_is_refused,
		a_truncated_buffer_is_refused,
		more_events_than_there_is_room_for_are_refused,
		NULL,
	};

	return suite_run("netjack-packet-midi", tests);
}
