/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <errno.h>
#include <hxfr/wire.h>

/* jack2's JackMidiBuffer: the head, a record for each event and a spare one, then the data of events
 * that are not inline: the end of a buffer that grows downwards. */
#define MAGIC       0x900df00du
#define HEAD_SIZE   24u
#define RECORD_SIZE 12u
#define BUFFER_SIZE 32768u /* BUFFER_SIZE_MAX * sizeof(float) */

struct head {
	uint32_t buffer_size;
	uint32_t data_size;
	uint32_t n_events;
};

/* A port's buffer whose parts are known to be there. */
struct port {
	struct head head;
	struct hxfr_reader records;
	const uint8_t *data;
};

static int read_port(struct hxfr_reader *r, struct port *ret)
{
	struct port p = { 0 };
	uint32_t magic = hxfr_reader_be32(r);
	const uint8_t *records;

	p.head.buffer_size = hxfr_reader_be32(r);
	hxfr_reader_be32(r); /* frames of the period */
	p.head.data_size = hxfr_reader_be32(r);
	p.head.n_events = hxfr_reader_be32(r);
	hxfr_reader_be32(r); /* events that were lost before */
	if (r->failed || magic != MAGIC || p.head.n_events > hxfr_reader_left(r) / RECORD_SIZE ||
		p.head.data_size > p.head.buffer_size)
		return -EBADMSG;
	if (p.head.n_events > NETJACK_MIDI_EVENTS_MAX)
		return -EMSGSIZE;
	records = hxfr_reader_bytes(r, (size_t)p.head.n_events * RECORD_SIZE);
	hxfr_reader_bytes(r, RECORD_SIZE);
	p.data = hxfr_reader_bytes(r, p.head.data_size);
	if (r->failed)
		return -EBADMSG;
	hxfr_reader_init(&p.records, records, (size_t)p.head.n_events * RECORD_SIZE);
	*ret = p;
	return 0;
}

/* Outside of inline events: where it is in the whole buffer. */
static const uint8_t *long_data(const struct port *port, const uint8_t *place, uint32_t size)
{
	uint32_t first = port->head.buffer_size - port->head.data_size, offset;
	struct hxfr_reader r;

	hxfr_reader_init(&r, place, NETJACK_MIDI_INLINE);
	offset = hxfr_reader_u32(&r);
	if (offset < first || offset - first > port->head.data_size ||
		size > port->head.data_size - (offset - first))
		return NULL;
	return port->data + (offset - first);
}

static int read_event(
	struct port *port, const struct netjack_stream *stream, struct netjack_midi_event *ret)
{
	const uint8_t *place;

	ret->frame = hxfr_reader_u32(&port->records);
	ret->size = hxfr_reader_u32(&port->records);
	place = hxfr_reader_bytes(&port->records, NETJACK_MIDI_INLINE);
	ret->data = ret->size <= NETJACK_MIDI_INLINE ? place : long_data(port, place, ret->size);
	return ret->frame < stream->period && ret->size > 0 && ret->data ? 0 : -ERANGE;
}

/* Without a place to write to it only checks. */
static int read_events(const uint8_t *payload, size_t size, const struct netjack_stream *stream,
	struct netjack_midi_event *events, size_t *ret_n)
{
	struct hxfr_reader r;
	size_t n = 0;

	hxfr_reader_init(&r, payload, size);
	for (uint32_t i = 0; i < stream->midi; i++) {
		struct port port;
		int rc = read_port(&r, &port);

		if (rc == 0 && n + port.head.n_events > NETJACK_MIDI_EVENTS_MAX)
			rc = -EMSGSIZE;
		if (rc < 0)
			return rc;
		for (uint32_t k = 0; k < port.head.n_events && rc == 0; k++, n++) {
			struct netjack_midi_event event = { .port = i };

			rc = read_event(&port, stream, &event);
			if (events)
				events[n] = event;
		}
		if (rc < 0)
			return rc;
	}
	*ret_n = n;
	return hxfr_reader_end(&r);
}

int netjack_midi_decode(const uint8_t *payload, size_t size, const struct netjack_stream *stream,
	struct netjack_midi_event ret[NETJACK_MIDI_EVENTS_MAX], size_t *ret_n)
{
	size_t n;
	int rc = read_events(payload, size, stream, NULL, &n);

	return rc < 0 ? rc : read_events(payload, size, stream, ret, ret_n);
}

static bool is_event(const struct netjack_midi_event *event, const struct netjack_stream *stream)
{
	return event->port < stream->midi && event->frame < stream->period && event->size > 0 &&
	       event->size <= NETJACK_MIDI_INLINE;
}

static void write_port(struct hxfr_writer *w, const struct netjack_stream *stream, uint32_t port,
	const struct netjack_midi_event *events, size_t n_events)
{
	uint32_t n = 0;

	for (size_t i = 0; i < n_events; i++)
		n += events[i].port == port;
	hxfr_writer_be32(w, MAGIC);
	hxfr_writer_be32(w, BUFFER_SIZE);
	hxfr_writer_be32(w, stream->period);
	hxfr_writer_be32(w, 0);
	hxfr_writer_be32(w, n);
	hxfr_writer_be32(w, 0);
	for (size_t i = 0; i < n_events; i++) {
		if (events[i].port != port)
			continue;
		hxfr_writer_u32(w, events[i].frame);
		hxfr_writer_u32(w, events[i].size);
		hxfr_writer_bytes(w, events[i].data, events[i].size);
		hxfr_writer_zero(w, NETJACK_MIDI_INLINE - events[i].size);
	}
	hxfr_writer_zero(w, RECORD_SIZE);
}

size_t netjack_midi_encode(const struct netjack_header *header, const struct netjack_stream *stream,
	const struct netjack_midi_event *events, size_t n_events, uint8_t ret[NETJACK_PACKET_MAX])
{
	size_t size = stream->midi * (size_t)(HEAD_SIZE + RECORD_SIZE);
	struct netjack_header h = *header;
	struct hxfr_writer w;

	for (size_t i = 0; i < n_events; i++) {
		if (!is_event(&events[i], stream))
			return 0;
	}
	size += n_events * RECORD_SIZE;
	if (n_events > NETJACK_MIDI_EVENTS_MAX || stream->mtu < NETJACK_MTU_MIN ||
		size > stream->mtu - NETJACK_RESERVE ||
		size > (size_t)stream->midi * stream->period * sizeof(float))
		return 0;
	h.data = NETJACK_MIDI;
	h.n_packets = 1;
	h.sub_cycle = 0;
	h.n_ports = 0;
	h.size = (uint32_t)(NETJACK_HEADER_SIZE + size);
	h.frames = -1;
	h.last = stream->channels == 0;
	netjack_header_encode(&h, ret);
	hxfr_writer_init(&w, ret + NETJACK_HEADER_SIZE, size);
	for (uint32_t i = 0; i < stream->midi; i++)
		write_port(&w, stream, i, events, n_events);
	return h.size;
}
