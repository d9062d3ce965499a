/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <string.h>

#define TYPE_SIZE 8u /* bytes of the type of a packet */

static const uint8_t session_type[TYPE_SIZE] = "params";
static const uint8_t header_type[TYPE_SIZE] = "header";

/* jackd does not write the byte behind the NUL, nor those behind the names. */
static bool has_type(struct hxfr_reader *r, const uint8_t *type)
{
	const uint8_t *bytes = hxfr_reader_bytes(r, TYPE_SIZE);

	return bytes && memcmp(bytes, type, TYPE_SIZE - 1) == 0;
}

static int32_t read_i32(struct hxfr_reader *r)
{
	return (int32_t)hxfr_reader_be32(r);
}

static void write_i32(struct hxfr_writer *w, int32_t v)
{
	hxfr_writer_be32(w, (uint32_t)v);
}

static void read_name(struct hxfr_reader *r, char *ret, size_t size)
{
	const uint8_t *bytes = hxfr_reader_bytes(r, size);

	memset(ret, 0, size);
	for (size_t i = 0; bytes && i < size - 1 && bytes[i]; i++)
		ret[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
}

static void write_name(struct hxfr_writer *w, const char *name, size_t size)
{
	size_t length = strnlen(name, size - 1);

	hxfr_writer_bytes(w, name, length);
	hxfr_writer_zero(w, size - length);
}

static bool is_count(int32_t channels)
{
	return channels >= -1 && channels <= (int32_t)NETJACK_CHANNELS_MAX;
}

static bool in_range(uint32_t value, uint32_t min, uint32_t max)
{
	return value >= min && value <= max;
}

/* Before a SETUP the rate and the period are nobody's yet. */
static bool session_in_range(const struct netjack_session *s)
{
	bool agreed = s->kind == NETJACK_SETUP || s->kind == NETJACK_START_MASTER;

	return is_count(s->send_audio) && is_count(s->return_audio) && is_count(s->send_midi) &&
	       is_count(s->return_midi) && s->encoder <= NETJACK_OPUS &&
	       s->latency <= NETJACK_LATENCY_MAX &&
	       in_range(s->mtu, NETJACK_MTU_MIN, NETJACK_PACKET_MAX) &&
	       (!agreed || (in_range(s->rate, NETJACK_RATE_MIN, NETJACK_RATE_MAX) &&
				   in_range(s->period, NETJACK_PERIOD_MIN, NETJACK_PERIOD_MAX)));
}

int netjack_session_decode(const uint8_t *data, size_t size, struct netjack_session *ret)
{
	struct netjack_session s;
	struct hxfr_reader r;
	uint32_t version;

	hxfr_reader_init(&r, data, size);
	if (size != NETJACK_SESSION_SIZE || !has_type(&r, session_type))
		return -EBADMSG;
	version = hxfr_reader_be32(&r);
	s.kind = hxfr_reader_be32(&r);
	read_name(&r, s.name, sizeof s.name);
	read_name(&r, s.master_host, sizeof s.master_host);
	read_name(&r, s.slave_host, sizeof s.slave_host);
	s.mtu = hxfr_reader_be32(&r);
	s.id = hxfr_reader_be32(&r);
	s.transport_sync = hxfr_reader_be32(&r);
	s.send_audio = read_i32(&r);
	s.return_audio = read_i32(&r);
	s.send_midi = read_i32(&r);
	s.return_midi = read_i32(&r);
	s.rate = hxfr_reader_be32(&r);
	s.period = hxfr_reader_be32(&r);
	s.encoder = hxfr_reader_be32(&r);
	s.kbps = hxfr_reader_be32(&r);
	s.sync = hxfr_reader_be32(&r) != 0;
	s.latency = hxfr_reader_be32(&r);
	if (s.kind > NETJACK_KILL_MASTER)
		return -EBADMSG;
	if (version != NETJACK_PROTOCOL)
		return -EPROTONOSUPPORT;
	if (!session_in_range(&s))
		return -ERANGE;
	*ret = s;
	return 0;
}

void netjack_session_encode(const struct netjack_session *s, uint8_t ret[NETJACK_SESSION_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, NETJACK_SESSION_SIZE);
	hxfr_writer_bytes(&w, session_type, TYPE_SIZE);
	hxfr_writer_be32(&w, NETJACK_PROTOCOL);
	hxfr_writer_be32(&w, s->kind);
	write_name(&w, s->name, sizeof s->name);
	write_name(&w, s->master_host, sizeof s->master_host);
	write_name(&w, s->slave_host, sizeof s->slave_host);
	hxfr_writer_be32(&w, s->mtu);
	hxfr_writer_be32(&w, s->id);
	hxfr_writer_be32(&w, s->transport_sync);
	write_i32(&w, s->send_audio);
	write_i32(&w, s->return_audio);
	write_i32(&w, s->send_midi);
	write_i32(&w, s->return_midi);
	hxfr_writer_be32(&w, s->rate);
	hxfr_writer_be32(&w, s->period);
	hxfr_writer_be32(&w, s->encoder);
	hxfr_writer_be32(&w, s->kbps);
	hxfr_writer_be32(&w, s->sync);
	hxfr_writer_be32(&w, s->latency);
}

static bool header_in_range(const struct netjack_header *h, const struct netjack_stream *stream)
{
	uint32_t ports = h->data == NETJACK_SYNC   ? stream->back
			 : h->data == NETJACK_MIDI ? stream->midi
						   : stream->channels;

	if (h->n_ports > ports || h->frames < -1 || h->frames > (int32_t)stream->period)
		return false;
	return h->data == NETJACK_SYNC ||
	       (in_range(h->n_packets, 1, stream->period) && h->sub_cycle < h->n_packets);
}

int netjack_header_decode(const uint8_t *data, size_t size, const struct netjack_stream *stream,
	struct netjack_header *ret)
{
	struct netjack_header h;
	struct hxfr_reader r;
	uint32_t direction;

	hxfr_reader_init(&r, data, size);
	if (size < NETJACK_HEADER_SIZE || size > NETJACK_PACKET_MAX || !has_type(&r, header_type))
		return -EBADMSG;
	h.data = hxfr_reader_be32(&r);
	direction = hxfr_reader_be32(&r);
	h.is_return = direction == 'r';
	h.id = hxfr_reader_be32(&r);
	h.n_packets = hxfr_reader_be32(&r);
	h.size = hxfr_reader_be32(&r);
	h.n_ports = hxfr_reader_be32(&r);
	h.cycle = hxfr_reader_be32(&r);
	h.sub_cycle = hxfr_reader_be32(&r);
	h.frames = read_i32(&r);
	h.last = hxfr_reader_be32(&r) != 0;
	if (h.data != NETJACK_SYNC && h.data != NETJACK_AUDIO && h.data != NETJACK_MIDI)
		return -EBADMSG;
	if ((direction != 's' && direction != 'r') || h.size != size)
		return -EBADMSG;
	if (!header_in_range(&h, stream))
		return -ERANGE;
	*ret = h;
	return 0;
}

void netjack_header_encode(const struct netjack_header *h, uint8_t ret[NETJACK_HEADER_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, NETJACK_HEADER_SIZE);
	hxfr_writer_bytes(&w, header_type, TYPE_SIZE);
	hxfr_writer_be32(&w, h->data);
	hxfr_writer_be32(&w, h->is_return ? 'r' : 's');
	hxfr_writer_be32(&w, h->id);
	hxfr_writer_be32(&w, h->n_packets);
	hxfr_writer_be32(&w, h->size);
	hxfr_writer_be32(&w, h->n_ports);
	hxfr_writer_be32(&w, h->cycle);
	hxfr_writer_be32(&w, h->sub_cycle);
	write_i32(&w, h->frames);
	hxfr_writer_be32(&w, h->last);
}

uint32_t netjack_frames_per_packet(const struct netjack_stream *stream, uint32_t n_ports)
{
	uint32_t room = stream->mtu > NETJACK_RESERVE ? stream->mtu - NETJACK_RESERVE : 0,
		 frames = 1;

	if (n_ports == 0)
		return stream->period;
	if (room < 4 * n_ports)
		return 0;
	while (8 * frames * n_ports <= room)
		frames *= 2;
	if (frames >= stream->period)
		return stream->period;
	return stream->period % frames == 0 ? frames : 0;
}

uint32_t netjack_audio_packets(const struct netjack_stream *stream, netjack_ports ports)
{
	uint32_t frames = netjack_frames_per_packet(stream, (uint32_t)__builtin_popcountll(ports));

	return frames > 0 ? stream->period / frames : 0;
}

static int add_port(uint32_t port, uint32_t n_ports, netjack_ports *ports)
{
	if (port >= n_ports || port >= NETJACK_CHANNELS_MAX || *ports >> port & 1)
		return -ERANGE;
	*ports |= (netjack_ports)1 << port;
	return 0;
}

int netjack_sync_decode(const struct netjack_header *header, const uint8_t *data,
	const struct netjack_stream *stream, netjack_ports *ret)
{
	netjack_ports ports = 0;
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, header->size);
	hxfr_reader_bytes(&r, NETJACK_HEADER_SIZE);
	for (uint32_t i = 0; i < header->n_ports && !r.failed; i++) {
		uint32_t port = hxfr_reader_be32(&r);

		if (!r.failed && add_port(port, stream->back, &ports) < 0)
			return -ERANGE;
	}
	if (hxfr_reader_end(&r) < 0)
		return -EBADMSG;
	*ret = ports;
	return 0;
}

size_t netjack_sync_encode(
	const struct netjack_header *header, netjack_ports wanted, uint8_t ret[NETJACK_PACKET_MAX])
{
	struct netjack_header h = *header;
	struct hxfr_writer w;

	h.data = NETJACK_SYNC;
	h.n_ports = (uint32_t)__builtin_popcountll(wanted);
	h.size = (uint32_t)NETJACK_HEADER_SIZE + 4 * h.n_ports;
	netjack_header_encode(&h, ret);
	hxfr_writer_init(&w, ret + NETJACK_HEADER_SIZE, NETJACK_PACKET_MAX - NETJACK_HEADER_SIZE);
	for (uint32_t port = 0; port < NETJACK_CHANNELS_MAX; port++) {
		if (wanted >> port & 1)
			hxfr_writer_be32(&w, port);
	}
	return h.size;
}

static int audio_ports(struct hxfr_reader *r, const struct netjack_header *header,
	uint32_t channels, uint32_t frames, netjack_ports *ret)
{
	netjack_ports ports = 0;

	hxfr_reader_bytes(r, NETJACK_HEADER_SIZE);
	for (uint32_t i = 0; i < header->n_ports && !r->failed; i++) {
		uint32_t port = hxfr_reader_be32(r);

		hxfr_reader_bytes(r, 4 * (size_t)frames);
		if (!r->failed && add_port(port, channels, &ports) < 0)
			return -ERANGE;
	}
	*ret = ports;
	return hxfr_reader_end(r);
}

static void read_samples(struct hxfr_reader *r, float *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits = hxfr_reader_u32(r);

		memcpy(&samples[i], &bits, sizeof bits);
	}
}

int netjack_audio_decode(const struct netjack_header *header, const uint8_t *data,
	const struct netjack_stream *stream, float *const *channels, netjack_ports *ret)
{
	uint32_t frames = netjack_frames_per_packet(stream, header->n_ports);
	netjack_ports ports = 0;
	struct hxfr_reader r;
	int rc;

	if (frames == 0 || header->n_packets != stream->period / frames ||
		header->sub_cycle >= header->n_packets)
		return -ERANGE;
	hxfr_reader_init(&r, data, header->size);
	rc = audio_ports(&r, header, stream->channels, frames, &ports);
	if (rc < 0)
		return rc;
	hxfr_reader_init(&r, data, header->size);
	hxfr_reader_bytes(&r, NETJACK_HEADER_SIZE);
	for (uint32_t i = 0; i < header->n_ports; i++) {
		float *channel = channels[hxfr_reader_be32(&r)];

		read_samples(&r, channel + (size_t)header->sub_cycle * frames, frames);
	}
	*ret = ports;
	return 0;
}

static void write_samples(struct hxfr_writer *w, const float *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &samples[i], sizeof bits);
		hxfr_writer_u32(w, bits);
	}
}

size_t netjack_audio_encode(const struct netjack_header *header,
	const struct netjack_stream *stream, netjack_ports ports, const float *const *channels,
	uint32_t sub_cycle, uint8_t ret[NETJACK_PACKET_MAX])
{
	uint32_t n_packets = netjack_audio_packets(stream, ports);
	uint32_t frames = n_packets > 0 ? stream->period / n_packets : 0;
	struct netjack_header h = *header;
	struct hxfr_writer w;

	if (sub_cycle >= n_packets)
		return 0;
	h.data = NETJACK_AUDIO;
	h.n_packets = n_packets;
	h.sub_cycle = sub_cycle;
	h.n_ports = (uint32_t)__builtin_popcountll(ports);
	h.size = (uint32_t)NETJACK_HEADER_SIZE + h.n_ports * (4 + 4 * frames);
	if (h.size > NETJACK_PACKET_MAX)
		return 0;
	h.frames = -1;
	h.last = sub_cycle == n_packets - 1;
	netjack_header_encode(&h, ret);
	hxfr_writer_init(&w, ret + NETJACK_HEADER_SIZE, NETJACK_PACKET_MAX - NETJACK_HEADER_SIZE);
	for (uint32_t port = 0; port < stream->channels; port++) {
		if (ports >> port & 1) {
			hxfr_writer_be32(&w, port);
			write_samples(&w, channels[port] + (size_t)sub_cycle * frames, frames);
		}
	}
	return h.size;
}
