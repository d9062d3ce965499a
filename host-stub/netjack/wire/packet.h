/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * NETJACK2 on the wire (jack2's common/JackNetTool.h, protocol version 8): bytes in, structs out and
 * back. No I/O, no allocation. Header fields are big-endian, samples little-endian.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETJACK_PORT     19000u         /* UDP; DEFAULT_PORT */
#define NETJACK_GROUP    "225.3.19.154" /* DEFAULT_MULTICAST_IP */
#define NETJACK_PROTOCOL 8u             /* NETWORK_PROTOCOL */

#define NETJACK_SESSION_SIZE ((size_t)644)  /* bytes of a session packet */
#define NETJACK_HEADER_SIZE  ((size_t)48)   /* bytes before the payload of a cycle's packet */
#define NETJACK_PACKET_MAX   ((size_t)9000) /* bytes of a datagram: MAX_MTU */
#define NETJACK_RESERVE      112u /* bytes of the MTU that carry nothing: IP, UDP, the header */
#define NETJACK_MTU_DEFAULT  1500u
#define NETJACK_MTU_MIN      256u /* ours */

#define NETJACK_CHANNELS_MAX 64u     /* ours: audio channels of one direction; so for MIDI */
#define NETJACK_PERIOD_MIN   16u     /* frames; ours */
#define NETJACK_PERIOD_MAX   8192u   /* frames; ours, BUFFER_SIZE_MAX of jack2 */
#define NETJACK_RATE_MIN     8000u   /* Hz; ours */
#define NETJACK_RATE_MAX     384000u /* Hz; ours */
#define NETJACK_LATENCY_MAX  30u     /* periods; NETWORK_MAX_LATENCY */
#define NETJACK_NAME_SIZE    64u     /* bytes of a slave's name, with the NUL */
#define NETJACK_HOST_SIZE    256u    /* bytes of a host's name, with the NUL */

enum netjack_kind {
	NETJACK_AVAILABLE = 0,    /* a slave looks for a master, once a second */
	NETJACK_SETUP = 1,        /* the master's answer: what the session is going to be */
	NETJACK_START_MASTER = 2, /* the slave is ready */
	NETJACK_START_SLAVE = 3,  /* never seen */
	NETJACK_KILL_MASTER = 4,  /* the slave with this id goes */
};

enum netjack_encoder {
	NETJACK_FLOAT = 0, /* the only one spoken here: carries 24-bit integers exactly */
	NETJACK_INT16 = 1,
	NETJACK_CELT = 2,
	NETJACK_OPUS = 3,
};

/* A session packet; the counts of channels may be -1: as many as the peer has. */
struct netjack_session {
	enum netjack_kind kind;
	char name[NETJACK_NAME_SIZE];        /* of the slave's JACK server */
	char master_host[NETJACK_HOST_SIZE]; /* names of machines */
	char slave_host[NETJACK_HOST_SIZE];
	uint32_t mtu; /* bytes, IP header included */
	uint32_t id;  /* the slave's, chosen by the master */
	uint32_t transport_sync;
	int32_t send_audio; /* channels, master to slave */
	int32_t return_audio;
	int32_t send_midi;
	int32_t return_midi;
	uint32_t rate;                /* Hz; the master's */
	uint32_t period;              /* frames; the master's */
	enum netjack_encoder encoder; /* the slave's choice */
	uint32_t kbps;                /* of CELT and Opus */
	bool sync;                    /* the slave answers a cycle within the cycle */
	uint32_t latency;             /* periods, the slave's choice */
};

/* -EBADMSG: not a session packet (size, type, kind); -EPROTONOSUPPORT: another version;
 * -ERANGE: a number beyond the limits above; rate and period are anything where nothing is agreed on
 * yet. Names are terminated and printable ASCII, '?' in place of anything else. */
int netjack_session_decode(const uint8_t *data, size_t size, struct netjack_session *ret);
void netjack_session_encode(
	const struct netjack_session *session, uint8_t ret[NETJACK_SESSION_SIZE]);

enum netjack_data {
	NETJACK_SYNC = 's',
	NETJACK_AUDIO = 'a',
	NETJACK_MIDI = 'm',
};

/* First in every packet of a cycle. */
struct netjack_header {
	enum netjack_data data;
	bool is_return; /* slave to master */
	uint32_t id;
	uint32_t n_packets; /* of this kind of data in the cycle */
	uint32_t size;      /* bytes of the packet with the header */
	uint32_t n_ports;   /* in the payload */
	uint32_t cycle;     /* counts from 1; PipeWire's slave always says 0 */
	uint32_t sub_cycle; /* place of the packet among n_packets, from 0 */
	int32_t frames;     /* -1: the whole period */
	bool last;          /* of the cycle */
};

/* What was agreed on for one direction: the bounds of whatever comes from the peer. */
struct netjack_stream {
	uint32_t mtu;
	uint32_t period;   /* frames */
	uint32_t channels; /* audio, <= NETJACK_CHANNELS_MAX */
	uint32_t back;     /* audio of the other direction: what a sync packet can ask for */
	uint32_t midi;     /* channels, <= NETJACK_CHANNELS_MAX */
};

/* -EBADMSG: not a cycle's packet, or its length is not the datagram's; -ERANGE: ports, packets or
 * sub-cycle that the stream cannot have. */
int netjack_header_decode(const uint8_t *data, size_t size, const struct netjack_stream *stream,
	struct netjack_header *ret);
void netjack_header_encode(const struct netjack_header *header, uint8_t ret[NETJACK_HEADER_SIZE]);

/* Frames of one audio packet with so many ports: the largest power of two that the MTU takes, at most
 * the period (jack2's rule: 4 * frames * ports <= mtu - 112). 0: not even one frame, or the period is
 * not a multiple, of which jack2 would leave out the rest. */
uint32_t netjack_frames_per_packet(const struct netjack_stream *stream, uint32_t n_ports);

/* A set of channel numbers, bit n: channel n. */
typedef uint64_t netjack_ports;

/* The ports a sync packet lists: those whose data its sender wants. data: the whole packet. -ERANGE:
 * not a port of the other direction, or twice the same; -EBADMSG: not as long as the list. */
int netjack_sync_decode(const struct netjack_header *header, const uint8_t *data,
	const struct netjack_stream *stream, netjack_ports *ret);
/* A whole sync packet; header->data, size and n_ports are set here. Returns its size. */
size_t netjack_sync_encode(
	const struct netjack_header *header, netjack_ports wanted, uint8_t ret[NETJACK_PACKET_MAX]);

/* Writes the samples of one packet into channels[port] + where they belong. Errors as above: nothing
 * is written then. *ret: the ports it had. */
int netjack_audio_decode(const struct netjack_header *header, const uint8_t *data,
	const struct netjack_stream *stream, float *const *channels, netjack_ports *ret);
/* Packet number sub_cycle of those that carry `ports` (of the stream) of a cycle; of the header only
 * is_return, id and cycle are read. Returns its size, 0: there is no such packet. */
size_t netjack_audio_encode(const struct netjack_header *header,
	const struct netjack_stream *stream, netjack_ports ports, const float *const *channels,
	uint32_t sub_cycle, uint8_t ret[NETJACK_PACKET_MAX]);
/* How many there are; 1 with no ports (an empty one); 0: the MTU does not take them. */
uint32_t netjack_audio_packets(const struct netjack_stream *stream, netjack_ports ports);

/*
 * MIDI: for each port in turn a copy of jack2's buffer, as 1.9.21 sends it. Its numbers are big-endian,
 * those of the events in the slave's own order (little-endian, nobody has another one). Two faults of it
 * bind us: it counts packets by mtu - 112 and fills them to mtu - 48, so that more than one is never
 * safe; and it copies what is longer than NETJACK_MIDI_INLINE from and to the wrong place, so that it
 * sends zeros for it, and damages its memory where it receives it.
 */
#define NETJACK_MIDI_INLINE     4u    /* bytes of an event that are in its record */
#define NETJACK_MIDI_EVENTS_MAX 1024u /* ours: of all ports in a period */

struct netjack_midi_event {
	uint32_t port;
	uint32_t frame;
	uint32_t size;       /* bytes, at least 1 */
	const uint8_t *data; /* borrowed from the payload */
};

/* payload: what is behind the header, of all of the period's packets. -EBADMSG: not a buffer for each
 * port, or not as long as they say; -ERANGE: an event outside of the period or of its data; -EMSGSIZE:
 * too many. Nothing is written then. */
int netjack_midi_decode(const uint8_t *payload, size_t size, const struct netjack_stream *stream,
	struct netjack_midi_event ret[NETJACK_MIDI_EVENTS_MAX], size_t *ret_n);
/* One packet with the events, those of a port in the order of their frames; of the header only
 * is_return, id and cycle are read. Returns its size, 0: an event is no event of the stream, longer
 * than NETJACK_MIDI_INLINE, or they are more than one packet or the peer's buffer takes. */
size_t netjack_midi_encode(const struct netjack_header *header, const struct netjack_stream *stream,
	const struct netjack_midi_event *events, size_t n_events, uint8_t ret[NETJACK_PACKET_MAX]);
