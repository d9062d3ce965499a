/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A scripted HXFR host in a thread of its own. It answers FRAME_REQUESTs with hand-made access
 * units (h264-unit.h), writes down what it was sent, and misbehaves on request.
 *
 * Any thread may call any function. Set-up failures abort: this is test code. Waits end after
 * FAKE_HOST_DEADLINE_MS and return false.
 */

#include <hxfr/messages.h>

#define FAKE_HOST_DEADLINE_MS 10000
#define FAKE_HOST_UNIT_SIZE   8192u
#define FAKE_HOST_PIXELS_HEAD 64u

/* What goes wrong from response fault_at (counted from 0 over all connections) on, for fault_count
 * responses. */
enum fake_host_fault {
	FAKE_HOST_NO_FAULT,
	FAKE_HOST_DIE,      /* closes the connection instead */
	FAKE_HOST_SILENT,   /* answers nothing any more, PING neither; for ever */
	FAKE_HOST_MUTE,     /* answers PING but no frame; for ever */
	FAKE_HOST_DROP,     /* says nothing about this frame */
	FAKE_HOST_STALLMID, /* half of the response, then nothing, for ever */
	FAKE_HOST_TRUNCATE, /* half of the response, then closes */
	FAKE_HOST_ERROR,    /* ERROR -5 with 256 times 'A' and no NUL instead */
	FAKE_HOST_ALLERROR, /* ERROR -2 "resource not found" to every request, for ever */
	FAKE_HOST_NOIDS,    /* likewise, but to requests with a resource id only */
	FAKE_HOST_BADMAGIC, /* a header with magic 0xdeadbeef instead */
	FAKE_HOST_PONG,     /* an unasked PONG before the response */
	FAKE_HOST_UNKNOWN, /* a message of unknown type 0x77 with 100000 bytes before the response */
	FAKE_HOST_HUGEPAYLOAD, /* unknown type 0x77 with payload_size 0xfffffff0 before the response */
	FAKE_HOST_HUGENAL,     /* nal_size 0xfffffff0 */
	FAKE_HOST_HUGECOUNT, /* nal_count 0xffffffff, then zero bytes for ever */
	FAKE_HOST_NONALS,    /* nal_count 0 */
	FAKE_HOST_DTSNEG,    /* dts -1 */
	FAKE_HOST_WRONGPTS,  /* pts + 1 s */
	FAKE_HOST_DUPLICATE, /* the response twice */
	FAKE_HOST_FAULTS
};

struct fake_host_options {
	const char
		*endpoint; /* NULL: a Unix socket in a new temporary directory; tcp port 0 works */
	enum fake_host_fault fault;
	unsigned fault_at;
	unsigned fault_count; /* 0: 1 */
	unsigned delay_ms;    /* from the arrival of a request to its answer */
	bool serial;          /* one engine: delay_ms also between two answers */
	bool refuse;          /* closes every connection at once */
	bool hold;            /* like fake_host_hold(host) at the start */
	bool avcc;            /* lengths instead of start codes */
	bool split;           /* one blob for each NAL unit */
	unsigned no_sps;      /* so many key frames at first lack SPS and PPS */
	uint8_t profile_idc;  /* 0: what CONFIG_REQ asked for, else 66 */
	uint8_t level_idc;    /* 0: 31 */
	size_t unit_size;     /* 0: FAKE_HOST_UNIT_SIZE */
	bool no_log;          /* keep no requests: for benchmarks */
	bool keep_pixels;     /* the whole pixels of every request */
};

struct fake_host_request {
	struct hxfr_frame_request frame; /* pixels: see below */
	uint16_t session_id;
	uint8_t flags;
	unsigned connection;                        /* counted from 0 */
	uint64_t hash;                              /* of the pixels: fake_host_hash() */
	uint8_t pixels_head[FAKE_HOST_PIXELS_HEAD]; /* the first bytes, zero-padded */
	const uint8_t *pixels;                      /* with keep_pixels; owned by the host */
};

enum fake_host_counter {
	FAKE_HOST_REQUESTS,      /* FRAME_REQUESTs that arrived */
	FAKE_HOST_RESPONSES,     /* answers handled, faulty ones and dropped ones included */
	FAKE_HOST_CONFIGS,       /* CONFIG_REQ */
	FAKE_HOST_KEYFRAME_REQS, /* KEYFRAME_REQ */
	FAKE_HOST_PINGS,
	FAKE_HOST_OTHERS, /* any other message */
	FAKE_HOST_CONNECTIONS,
	FAKE_HOST_DISCONNECTIONS, /* by either side */
	FAKE_HOST_BAD_MESSAGES,   /* connections closed because the client sent nonsense */
	FAKE_HOST_COUNTERS
};

struct fake_host;

struct fake_host *fake_host_new(const struct fake_host_options *options);
/* Closes everything, removes the socket. NULL is fine. */
void fake_host_free(struct fake_host *host);

/* "unix:/tmp/...", with the port really bound. Owned by the host. */
const char *fake_host_endpoint(struct fake_host *host);

unsigned fake_host_count(struct fake_host *host, enum fake_host_counter counter);
/* Waits until the counter is at least n. */
bool fake_host_wait(struct fake_host *host, enum fake_host_counter counter, unsigned n);

/* Request i from 0; aborts when it did not arrive. */
struct fake_host_request fake_host_request(struct fake_host *host, unsigned i);
struct hxfr_config fake_host_config(struct fake_host *host, unsigned i);

/* Answers are kept back, or given again (those kept back first). */
void fake_host_hold(struct fake_host *host, bool hold);
/* While held: lets the n oldest answers go. */
void fake_host_answer(struct fake_host *host, unsigned n);
/* A paused host reads nothing: the client's sends fill its socket. */
void fake_host_pause(struct fake_host *host, bool pause);
/* From the next answer on, as if fault_at were the number of the next response. */
void fake_host_set_fault(struct fake_host *host, enum fake_host_fault fault, unsigned count);
void fake_host_set_refuse(struct fake_host *host, bool refuse);
/* Closes the connections, not the listening socket. */
void fake_host_disconnect(struct fake_host *host);
/* Sends bytes as they are to every client. */
void fake_host_send(struct fake_host *host, const void *data, size_t size);

/* FNV-1a, 64 bit. */
uint64_t fake_host_hash(const void *data, size_t size);
/* "die" and so on; NULL for a number that is none. */
const char *fake_host_fault_name(enum fake_host_fault fault);
