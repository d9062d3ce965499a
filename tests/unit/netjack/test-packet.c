/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/wire/packet.h"

#include "suite.h"

#include <errno.h>
#include <stdio.h>

/* As netmanager and jackd -d net agree on by default, but for the period. */
static const struct netjack_session agreed = {
	.kind = NETJACK_SETUP,
	.name = "slv",
	.master_host = "host",
	.slave_host = "guest",
	.mtu = 1500,
	.id = 7,
	.send_audio = 2,
	.return_audio = 3,
	.send_midi = 0,
	.return_midi = 1,
	.rate = 96000,
	.period = 128,
	.encoder = NETJACK_FLOAT,
	.sync = true,
	.latency = 5,
};

static const struct netjack_stream stream = {
	.mtu = 1500, .period = 128, .channels = 4, .back = 2, .midi = 1
};

static uint8_t bytes[NETJACK_PACKET_MAX];

static void put(size_t offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[offset + i] = (uint8_t)(value >> (24 - 8 * i));
}

START_TEST(a_session_survives_its_way)
{
	struct netjack_session s;

	poison(&s);
	netjack_session_encode(&agreed, bytes);
	ck_assert_int_eq(netjack_session_decode(bytes, NETJACK_SESSION_SIZE, &s), 0);
	ck_assert_int_eq(s.kind, agreed.kind);
	ck_assert_str_eq(s.name, agreed.name);
	ck_assert_str_eq(s.master_host, agreed.master_host);
	ck_assert_str_eq(s.slave_host, agreed.slave_host);
	ck_assert_uint_eq(s.mtu, 1500);
	ck_assert_uint_eq(s.id, 7);
	ck_assert_int_eq(s.send_audio, 2);
	ck_assert_int_eq(s.return_audio, 3);
	ck_assert_int_eq(s.send_midi, 0);
	ck_assert_int_eq(s.return_midi, 1);
	ck_assert_uint_eq(s.rate, 96000);
	ck_assert_uint_eq(s.period, 128);
	ck_assert_int_eq(s.encoder, NETJACK_FLOAT);
	ck_assert(s.sync);
	ck_assert_uint_eq(s.latency, 5);
}
END_TEST

/* Offsets are those of the fields in the packet. */
START_TEST(a_session_beyond_a_limit_is_refused)
{
	static const struct {
		const char *what;
		size_t offset;
		uint32_t value;
		int expected;
	} rows[] = {
		{ "the type", 0, 0x68656164, -EBADMSG },
		{ "the type's end", 4, 0x6d730100, -EBADMSG },
		{ "anything behind it", 4, 0x6d730079, 0 },
		{ "an older version", 8, 7, -EPROTONOSUPPORT },
		{ "a newer version", 8, 9, -EPROTONOSUPPORT },
		{ "the last kind", 12, NETJACK_KILL_MASTER, 0 },
		{ "the kind", 12, 5, -EBADMSG },
		{ "a negative kind", 12, UINT32_MAX, -EBADMSG },
		{ "a small MTU", 592, 255, -ERANGE },
		{ "the largest MTU", 592, 9000, 0 },
		{ "a large MTU", 592, 9001, -ERANGE },
		{ "any id", 596, UINT32_MAX, 0 },
		{ "as many channels as you have", 604, UINT32_MAX, 0 },
		{ "negative channels", 604, (uint32_t)-2, -ERANGE },
		{ "64 channels", 604, 64, 0 },
		{ "65 channels", 604, 65, -ERANGE },
		{ "65 channels back", 608, 65, -ERANGE },
		{ "65 MIDI channels", 612, 65, -ERANGE },
		{ "65 MIDI channels back", 616, 65, -ERANGE },
		{ "INT_MIN MIDI channels back", 616, 0x80000000, -ERANGE },
		{ "a slow rate", 620, 7999, -ERANGE },
		{ "a fast rate", 620, 384001, -ERANGE },
		{ "a short period", 624, 15, -ERANGE },
		{ "the longest period", 624, 8192, 0 },
		{ "a long period", 624, 8193, -ERANGE },
		{ "Opus", 628, 3, 0 },
		{ "an encoder", 628, 4, -ERANGE },
		{ "30 periods", 640, 30, 0 },
		{ "31 periods", 640, 31, -ERANGE },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct netjack_session s;
		int rc;

		poison(&s);
		netjack_session_encode(&agreed, bytes);
		put(rows[i].offset, rows[i].value);
		rc = netjack_session_decode(bytes, NETJACK_SESSION_SIZE, &s);
		ck_assert_msg(rc == rows[i].expected, "%s: %d", rows[i].what, rc);
		if (rc < 0)
			assert_poisoned(&s);
	}
}
END_TEST

START_TEST(a_slave_that_looks_for_a_master_may_have_any_rate_and_period)
{
	struct netjack_session s = agreed;

	s.kind = NETJACK_AVAILABLE;
	s.rate = 0;
	s.period = UINT32_MAX;
	netjack_session_encode(&s, bytes);
	ck_assert_int_eq(netjack_session_decode(bytes, NETJACK_SESSION_SIZE, &s), 0);
}
END_TEST

START_TEST(a_session_of_any_other_length_is_refused)
{
	struct netjack_session s;

	netjack_session_encode(&agreed, bytes);
	for (size_t size = 0; size < NETJACK_SESSION_SIZE + 2; size++) {
		uint8_t *exact = malloc(size + !size);

		memcpy(exact, bytes, size);
		poison(&s);
		if (size != NETJACK_SESSION_SIZE) {
			ck_assert_int_eq(netjack_session_decode(exact, size, &s), -EBADMSG);
			assert_poisoned(&s);
		}
		free(exact);
	}
}
END_TEST

START_TEST(names_end_and_are_printable)
{
	struct netjack_session s;

	netjack_session_encode(&agreed, bytes);
	memset(bytes + 16, 'n', 64);
	memcpy(bytes + 80, "a\x1b[2J\x7f\xe4\n", 9);
	bytes[336] = '\0';
	ck_assert_int_eq(netjack_session_decode(bytes, NETJACK_SESSION_SIZE, &s), 0);
	ck_assert_uint_eq(strlen(s.name), 63);
	ck_assert_str_eq(s.master_host, "a?[2J???");
	ck_assert_str_eq(s.slave_host, "");
}
END_TEST

static const struct netjack_header audio = {
	.data = NETJACK_AUDIO,
	.is_return = true,
	.id = 7,
	.n_packets = 1,
	.size = NETJACK_HEADER_SIZE,
	.cycle = 0x01020304,
	.frames = -1,
	.last = true,
};

/* Offsets are those of the fields in the packet. */
START_TEST(a_header_beyond_the_session_is_refused)
{
	static const struct {
		const char *what;
		size_t offset;
		uint32_t value;
		int expected;
	} rows[] = {
		{ "nothing", 44, 1, 0 },
		{ "the type", 0, 0x70617261, -EBADMSG },
		{ "the type's end", 4, 0x65720100, -EBADMSG },
		{ "anything behind it", 4, 0x65720079, 0 },
		{ "the kind of data", 8, 'x', -EBADMSG },
		{ "sync", 8, 's', 0 },
		{ "MIDI", 8, 'm', 0 },
		{ "the direction", 12, 'x', -EBADMSG },
		{ "no packets", 20, 0, -ERANGE },
		{ "more packets than frames", 20, 129, -ERANGE },
		{ "a long packet", 24, NETJACK_HEADER_SIZE + 1, -EBADMSG },
		{ "a short packet", 24, NETJACK_HEADER_SIZE - 1, -EBADMSG },
		{ "all ports", 28, 4, 0 },
		{ "a port more", 28, 5, -ERANGE },
		{ "any cycle", 32, UINT32_MAX, 0 },
		{ "behind the last packet", 36, 1, -ERANGE },
		{ "all frames", 40, 128, 0 },
		{ "a frame more", 40, 129, -ERANGE },
		{ "negative frames", 40, (uint32_t)-2, -ERANGE },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct netjack_header h;
		int rc;

		poison(&h);
		netjack_header_encode(&audio, bytes);
		put(rows[i].offset, rows[i].value);
		rc = netjack_header_decode(bytes, NETJACK_HEADER_SIZE, &stream, &h);
		ck_assert_msg(rc == rows[i].expected, "%s: %d", rows[i].what, rc);
		if (rc < 0)
			assert_poisoned(&h);
	}
}
END_TEST

START_TEST(each_kind_of_packet_has_its_own_ports)
{
	static const struct {
		enum netjack_data data;
		uint32_t n_ports;
	} rows[] = { { NETJACK_SYNC, 2 }, { NETJACK_AUDIO, 4 }, { NETJACK_MIDI, 1 } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct netjack_header h = audio;

		h.data = rows[i].data;
		h.n_ports = rows[i].n_ports;
		netjack_header_encode(&h, bytes);
		ck_assert_int_eq(netjack_header_decode(bytes, NETJACK_HEADER_SIZE, &stream, &h), 0);
		h.n_ports++;
		netjack_header_encode(&h, bytes);
		ck_assert_int_eq(
			netjack_header_decode(bytes, NETJACK_HEADER_SIZE, &stream, &h), -ERANGE);
	}
}
END_TEST

START_TEST(a_header_survives_its_way)
{
	struct netjack_header h;

	poison(&h);
	netjack_header_encode(&audio, bytes);
	ck_assert_int_eq(netjack_header_decode(bytes, NETJACK_HEADER_SIZE, &stream, &h), 0);
	ck_assert_int_eq(h.data, NETJACK_AUDIO);
	ck_assert(h.is_return);
	ck_assert_uint_eq(h.id, 7);
	ck_assert_uint_eq(h.n_packets, 1);
	ck_assert_uint_eq(h.cycle, 0x01020304);
	ck_assert_int_eq(h.frames, -1);
	ck_assert(h.last);
}
END_TEST

START_TEST(frames_of_a_packet_follow_jack2)
{
	static const struct {
		uint32_t mtu, period, n_ports, expected;
	} rows[] = {
		{ 1500, 128, 0, 128 },
		{ 1500, 128, 1, 128 },
		{ 1500, 128, 2, 128 },
		{ 1500, 256, 2, 128 },
		{ 1500, 128, 3, 64 },
		{ 1500, 128, 5, 64 },
		{ 1500, 128, 8, 32 },
		{ 1500, 1024, 1, 256 },
		{ 1500, 128, 64, 4 },
		{ 9000, 1024, 2, 1024 },
		{ 9000, 64, 2, 64 },
		{ 256, 64, 36, 1 },
		{ 256, 64, 37, 0 },
		{ 1500, 96, 2, 96 },
		{ 1500, 480, 1, 0 },
		{ 1500, 384, 2, 128 },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct netjack_stream s = { .mtu = rows[i].mtu, .period = rows[i].period };

		ck_assert_msg(netjack_frames_per_packet(&s, rows[i].n_ports) == rows[i].expected,
			"row %zu: %u", i, netjack_frames_per_packet(&s, rows[i].n_ports));
	}
}
END_TEST

START_TEST(a_sync_packet_lists_what_is_wanted)
{
	static const netjack_ports wanted[] = { 0, 1, 2, 3 };
	netjack_ports ports;
	struct netjack_header h;

	for (size_t i = 0; i < N_ELEMENTS(wanted); i++) {
		size_t size = netjack_sync_encode(&audio, wanted[i], bytes);

		ck_assert_int_eq(netjack_header_decode(bytes, size, &stream, &h), 0);
		ck_assert_int_eq(h.data, NETJACK_SYNC);
		ck_assert_int_eq(netjack_sync_decode(&h, bytes, &stream, &ports), 0);
		ck_assert(ports == wanted[i]);
	}
}
END_TEST

START_TEST(a_sync_packet_that_lists_nonsense_is_refused)
{
	static const struct {
		uint32_t first, second;
	} rows[] = { { 0, 0 }, { 0, 2 }, { 64, 1 }, { UINT32_MAX, 1 }, { 1, 0x80000000 } };
	netjack_ports ports;
	struct netjack_header h;
	size_t size = netjack_sync_encode(&audio, 3, bytes);

	ck_assert_int_eq(netjack_header_decode(bytes, size, &stream, &h), 0);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		poison(&ports);
		put(NETJACK_HEADER_SIZE, rows[i].first);
		put(NETJACK_HEADER_SIZE + 4, rows[i].second);
		ck_assert_int_eq(netjack_sync_decode(&h, bytes, &stream, &ports), -ERANGE);
		assert_poisoned(&ports);
	}
}
END_TEST

START_TEST(a_list_of_another_length_is_refused)
{
	netjack_ports ports;
	struct netjack_header h;
	size_t size = netjack_sync_encode(&audio, 3, bytes);

	for (size_t cut = 0; cut <= size; cut++) {
		uint8_t *exact;

		if (cut < NETJACK_HEADER_SIZE || cut == size)
			continue;
		put(24, (uint32_t)cut);
		exact = malloc(cut);
		memcpy(exact, bytes, cut);
		poison(&ports);
		ck_assert_int_eq(netjack_header_decode(exact, cut, &stream, &h), 0);
		ck_assert_int_eq(netjack_sync_decode(&h, exact, &stream, &ports), -EBADMSG);
		assert_poisoned(&ports);
		free(exact);
	}
}
END_TEST

/* Any bits are a sample, also those that no calculation keeps. */
static void fill(float channels[][256], uint32_t n)
{
	for (uint32_t c = 0; c < n; c++) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t bits = (c * 256 + i) * 2654435761u;

			memcpy(&channels[c][i], &bits, sizeof bits);
		}
	}
}

START_TEST(audio_survives_its_way_in_any_number_of_packets)
{
	static const struct {
		uint32_t period, channels, n_packets;
		netjack_ports ports;
	} rows[] = {
		{ 128, 2, 1, 3 },
		{ 256, 2, 2, 3 },
		{ 128, 8, 4, 0xff },
		{ 128, 8, 1, 0x90 },
		{ 128, 2, 1, 0 },
		{ 64, 64, 16, UINT64_MAX },
	};
	static float sent[64][256], got[64][256];
	float *to[64];
	const float *from[64];

	fill(sent, 64);
	for (unsigned c = 0; c < 64; c++) {
		to[c] = got[c];
		from[c] = sent[c];
	}
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct netjack_stream s = {
			.mtu = 1500, .period = rows[i].period, .channels = rows[i].channels
		};
		const size_t used = rows[i].period * sizeof(float);
		netjack_ports ports;
		struct netjack_header h;
		size_t size;

		memset(got, POISON, sizeof got);
		ck_assert_uint_eq(netjack_audio_packets(&s, rows[i].ports), rows[i].n_packets);
		for (uint32_t sub = rows[i].n_packets; sub-- > 0;) {
			size = netjack_audio_encode(&audio, &s, rows[i].ports, from, sub, bytes);
			ck_assert_int_eq(netjack_header_decode(bytes, size, &s, &h), 0);
			ck_assert_uint_eq(h.sub_cycle, sub);
			ck_assert_uint_eq(h.cycle, audio.cycle);
			ck_assert(h.last == (sub == rows[i].n_packets - 1));
			ck_assert_int_eq(netjack_audio_decode(&h, bytes, &s, to, &ports), 0);
			ck_assert(ports == rows[i].ports);
		}
		ck_assert_uint_eq(netjack_audio_encode(&audio, &s, rows[i].ports, from,
					  rows[i].n_packets, bytes),
			0);
		for (unsigned c = 0; c < 64; c++) {
			if (rows[i].ports >> c & 1)
				ck_assert_mem_eq(got[c], sent[c], used);
			else
				ck_assert(is_poisoned(got[c], used));
			ck_assert(is_poisoned(&got[c][rows[i].period], sizeof got[c] - used));
		}
	}
}
END_TEST

/* Offsets as above; behind the header: port 0 and its 64 samples, then ports 1 and 3. */
START_TEST(audio_beyond_the_session_is_refused_and_nothing_is_written)
{
	static const struct {
		const char *what;
		size_t offset;
		uint32_t value;
		int expected;
	} rows[] = {
		{ "nothing", 28, 3, 0 },
		{ "a packet too few", 20, 1, -ERANGE },
		{ "a packet too many", 20, 3, -ERANGE },
		{ "a port less", 28, 2, -ERANGE },
		{ "a port more", 28, 4, -EBADMSG },
		{ "no port", 28, 0, -ERANGE },
		{ "a port that is not there", NETJACK_HEADER_SIZE, 4, -ERANGE },
		{ "a negative port", NETJACK_HEADER_SIZE, UINT32_MAX, -ERANGE },
		{ "a port twice", NETJACK_HEADER_SIZE + 260, 0, -ERANGE },
		{ "the last port", NETJACK_HEADER_SIZE + 520, 2, 0 },
		{ "the last port twice", NETJACK_HEADER_SIZE + 520, 1, -ERANGE },
	};
	static float samples[4][256], got[4][256];
	const float *from[] = { samples[0], samples[1], samples[2], samples[3] };
	float *to[] = { got[0], got[1], got[2], got[3] };

	fill(samples, 4);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		size_t size = netjack_audio_encode(&audio, &stream, 0xb, from, 1, bytes);
		netjack_ports ports;
		struct netjack_header h;
		int rc;

		ck_assert_uint_eq(size, NETJACK_HEADER_SIZE + 3 * 260);
		memset(got, POISON, sizeof got);
		poison(&ports);
		put(rows[i].offset, rows[i].value);
		rc = netjack_header_decode(bytes, size, &stream, &h);
		if (rc == 0)
			rc = netjack_audio_decode(&h, bytes, &stream, to, &ports);
		ck_assert_msg(rc == rows[i].expected, "%s: %d", rows[i].what, rc);
		if (rc < 0) {
			ck_assert(is_poisoned(got, sizeof got));
			assert_poisoned(&ports);
		}
	}
}
END_TEST

START_TEST(audio_of_any_other_length_is_refused)
{
	static float samples[4][256];
	const float *from[] = { samples[0], samples[1], samples[2], samples[3] };
	float *to[] = { samples[0], samples[1], samples[2], samples[3] };
	size_t size = netjack_audio_encode(&audio, &stream, 3, from, 0, bytes);

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *exact = malloc(cut + !cut);
		netjack_ports ports;
		struct netjack_header h;
		int rc;

		put(24, (uint32_t)cut);
		memcpy(exact, bytes, cut);
		rc = netjack_header_decode(exact, cut, &stream, &h);
		if (rc == 0)
			rc = netjack_audio_decode(&h, exact, &stream, to, &ports);
		ck_assert_int_eq(rc, -EBADMSG);
		free(exact);
	}
}
END_TEST

START_TEST(no_packet_is_larger_than_a_datagram)
{
	static float samples[8192];
	const float *from[NETJACK_CHANNELS_MAX];

	for (unsigned c = 0; c < NETJACK_CHANNELS_MAX; c++)
		from[c] = samples;
	for (uint32_t mtu = NETJACK_MTU_MIN; mtu <= NETJACK_PACKET_MAX; mtu += 4) {
		for (uint32_t n = 0; n <= NETJACK_CHANNELS_MAX; n++) {
			const struct netjack_stream s = {
				.mtu = mtu, .period = 8192, .channels = n
			};
			netjack_ports ports = n < 64 ? ((netjack_ports)1 << n) - 1 : UINT64_MAX;
			size_t size = netjack_audio_encode(&audio, &s, ports, from, 0, bytes);

			ck_assert_uint_le(size, NETJACK_PACKET_MAX);
			ck_assert(size > 0 || netjack_audio_packets(&s, ports) == 0);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_session_survives_its_way,
		a_session_beyond_a_limit_is_refused,
		a_slave_that_looks_for_a_master_may_have_any_rate_and_period,
		a_session_of_any_other_length_is_refused,
		names_end_and_are_printable,
		a_header_survives_its_way,
		a_header_beyond_the_session_is_refused,
		each_kind_of_packet_has_its_own_ports,
		frames_of_a_packet_follow_jack2,
		a_sync_packet_lists_what_is_wanted,
		a_sync_packet_that_lists_nonsense_is_refused,
		a_list_of_another_length_is_refused,
		audio_survives_its_way_in_any_number_of_packets,
		audio_beyond_the_session_is_refused_and_nothing_is_written,
		audio_of_any_other_length_is_refused,
		no_packet_is_larger_than_a_datagram,
		NULL,
	};

	return suite_run("netjack-packet", tests);
}
