/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tests/vectors/netjack: packets of jackd and netmanager 1.9.21, see README.md there. */

#include "../protocol/vectors.h"
#include "netjack/wire/packet.h"

#include "suite.h"

#include <stdarg.h>
#include <stdio.h>

#define PERIOD 128u

static struct vector *vectors;
static size_t n_vectors;

/* What a packet says, as in the "dump" line of its file. */
static char text[1024];

static void load(void)
{
	n_vectors = vectors_load(&vectors);
}

static void unload(void)
{
	vectors_free(vectors, n_vectors);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, sizeof text - length, format, args);
	va_end(args);
}

static void say_session(const struct netjack_session *s)
{
	static const char *const kinds[] = { "AVAILABLE", "SETUP", "START_MASTER" };

	say("%s name=%s hosts=%s,%s mtu=%u id=%u audio=%d,%d midi=%d,%d rate=%u period=%u encoder=%u "
	    "sync=%u latency=%u",
		kinds[s->kind], s->name, s->master_host, s->slave_host, s->mtu, s->id,
		s->send_audio, s->return_audio, s->send_midi, s->return_midi, s->rate, s->period,
		s->encoder, s->sync, s->latency);
}

static void say_header(const struct netjack_stream *stream, const struct netjack_header *h)
{
	say("%u/%u/%u/%u %s %s id=%u packets=%u ports=%u cycle=%u sub=%u frames=%d last=%u",
		stream->period, stream->channels, stream->back, stream->midi,
		h->is_return ? "return" : "send",
		h->data == NETJACK_SYNC    ? "sync"
		: h->data == NETJACK_AUDIO ? "audio"
					   : "midi",
		h->id, h->n_packets, h->n_ports, h->cycle, h->sub_cycle, h->frames, h->last);
}

static void say_ports(netjack_ports ports)
{
	if (ports)
		say(" wanted=");
	for (unsigned i = 0; ports >> i; i++) {
		if (ports >> i & 1)
			say("%u%s", i, ports >> i > 1 ? "," : "");
	}
}

static void say_events(const struct netjack_midi_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		say(" %u:%u:", events[i].port, events[i].frame);
		for (uint32_t k = 0; k < events[i].size; k++)
			say("%02x", events[i].data[k]);
	}
}

/* All that a packet carries. */
struct content {
	struct netjack_stream stream;
	struct netjack_header header;
	netjack_ports ports;
	float samples[4][PERIOD];
	struct netjack_midi_event events[NETJACK_MIDI_EVENTS_MAX];
	size_t n_events;
};

static struct content content;

static void decode(const struct vector *v)
{
	struct netjack_stream *s = &content.stream;
	float *channels[4] = { content.samples[0], content.samples[1], content.samples[2],
		content.samples[3] };
	int r = 0;

	memset(&content, 0, sizeof content);
	ck_assert_int_eq(
		sscanf(v->dump, "%u/%u/%u/%u ", &s->period, &s->channels, &s->back, &s->midi), 4);
	s->mtu = 1500;
	ck_assert_int_eq(netjack_header_decode(v->bytes, v->size, s, &content.header), 0);
	if (content.header.data == NETJACK_SYNC)
		r = netjack_sync_decode(&content.header, v->bytes, s, &content.ports);
	else if (content.header.data == NETJACK_AUDIO)
		r = netjack_audio_decode(&content.header, v->bytes, s, channels, &content.ports);
	else
		r = netjack_midi_decode(v->bytes + NETJACK_HEADER_SIZE,
			v->size - NETJACK_HEADER_SIZE, s, content.events, &content.n_events);
	ck_assert_msg(r == 0, "%s: %d", v->name, r);
}

static bool is_session(const struct vector *v)
{
	return v->size == NETJACK_SESSION_SIZE && memcmp(v->bytes, "params", 6) == 0;
}

START_TEST(what_jackd_says_is_understood)
{
	ck_assert_uint_ge(n_vectors, 14);
	for (size_t i = 0; i < n_vectors; i++) {
		const struct vector *v = &vectors[i];
		struct netjack_session session;

		text[0] = '\0';
		if (is_session(v)) {
			ck_assert_int_eq(netjack_session_decode(v->bytes, v->size, &session), 0);
			say_session(&session);
		} else {
			decode(v);
			say_header(&content.stream, &content.header);
			say_ports(content.ports);
			say_events(content.events, content.n_events);
		}
		ck_assert_msg(strcmp(text, v->dump) == 0, "%s: %s", v->name, text);
	}
}
END_TEST

static size_t encode(uint8_t ret[NETJACK_PACKET_MAX])
{
	const float *channels[4] = { content.samples[0], content.samples[1], content.samples[2],
		content.samples[3] };

	if (content.header.data == NETJACK_SYNC)
		return netjack_sync_encode(&content.header, content.ports, ret);
	if (content.header.data == NETJACK_AUDIO)
		return netjack_audio_encode(&content.header, &content.stream, content.ports,
			channels, content.header.sub_cycle, ret);
	return netjack_midi_encode(
		&content.header, &content.stream, content.events, content.n_events, ret);
}

/* The spare record behind the events of a port is whatever was there; ours is zeros. */
static void clear_spare_record(uint8_t *bytes)
{
	memset(bytes + NETJACK_HEADER_SIZE + 24 + 12, 0, 12);
}

START_TEST(what_a_master_says_we_say_byte_for_byte)
{
	unsigned n_said = 0;

	for (size_t i = 0; i < n_vectors; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[NETJACK_PACKET_MAX];
		struct netjack_session session;
		size_t size = NETJACK_SESSION_SIZE;

		if (strcmp(v->name, "available-anew") == 0)
			continue;
		if (is_session(v)) {
			ck_assert_int_eq(netjack_session_decode(v->bytes, v->size, &session), 0);
			netjack_session_encode(&session, bytes);
		} else if (strncmp(v->name, "send-", 5) == 0) {
			decode(v);
			if (strcmp(v->name, "send-midi") == 0)
				clear_spare_record(v->bytes);
			size = encode(bytes);
		} else {
			continue;
		}
		ck_assert_msg(size == v->size, "%s: %zu", v->name, size);
		for (size_t k = 0; k < size; k++)
			ck_assert_msg(bytes[k] == v->bytes[k], "%s: byte %zu", v->name, k);
		n_said++;
	}
	ck_assert_uint_eq(n_said, 8);
}
END_TEST

/* A slave's packets of audio are built like a master's. */
START_TEST(what_a_slave_says_we_could_say)
{
	for (size_t i = 0; i < n_vectors; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[NETJACK_PACKET_MAX];

		if (strncmp(v->name, "return-audio", 12) != 0)
			continue;
		decode(v);
		ck_assert_uint_eq(encode(bytes), v->size);
		ck_assert_mem_eq(bytes, v->bytes, v->size);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_jackd_says_is_understood,
		what_a_master_says_we_say_byte_for_byte,
		what_a_slave_says_we_could_say,
		NULL,
	};

	return suite_run_with("netjack-packet-vectors", tests, load, unload);
}
