/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-host-internal.h"

#include <hxfr/error.h>
#include <hxfr/wire.h>
#include <string.h>

#define UNKNOWN_TYPE 0x77
#define UNKNOWN_SIZE 100000u

/* A response spelled out, so that faults can bend any part of it. */
struct response {
	uint32_t resource_id; /* asked for */
	int64_t pts, dts;
	bool keyframe;
	uint32_t nal_count;
	const uint8_t *unit;
	struct h264_nal blobs[H264_UNIT_NALS_MAX];
	unsigned n_blobs;
};

typedef void (*fault_fn)(struct fake_host *host, struct client *client, struct response *response);

void fake_host_send_bytes(
	struct fake_host *host, struct client *client, const void *data, size_t size)
{
	size_t head = MIN(size, HXFR_HEADER_SIZE);
	uint8_t *body;
	struct iovec iov;

	if (!client->connection)
		return;
	body = g_memdup2((const uint8_t *)data + head, size - head);
	iov = (struct iovec){ body, size - head };
	if (hxfr_connection_send(client->connection, data, head, &iov, body ? 1 : 0,
		    body ? g_free : NULL, body) < 0) {
		g_free(body);
		fake_host_close_client(host, client);
	}
}

static size_t response_size(const struct response *r)
{
	size_t size = HXFR_HEADER_SIZE + HXFR_FRAME_RESPONSE_SIZE;

	for (unsigned i = 0; i < r->n_blobs; i++)
		size += 4 + r->blobs[i].size;
	return size;
}

static GByteArray *spell(const struct response *r)
{
	GByteArray *a = g_byte_array_sized_new((guint)response_size(r));
	const struct hxfr_header header = { .type = HXFR_FRAME_RESPONSE,
		.session_id = HXFR_SESSION_MAIN,
		.payload_size = (uint32_t)response_size(r) - HXFR_HEADER_SIZE };
	struct hxfr_writer w;

	g_byte_array_set_size(a, (guint)response_size(r));
	hxfr_header_encode(&header, a->data);
	hxfr_writer_init(&w, a->data + HXFR_HEADER_SIZE, a->len - HXFR_HEADER_SIZE);
	hxfr_writer_i64(&w, r->pts);
	hxfr_writer_i64(&w, r->dts);
	hxfr_writer_u8(&w, r->keyframe);
	hxfr_writer_zero(&w, 3);
	hxfr_writer_u32(&w, r->nal_count);
	for (unsigned i = 0; i < r->n_blobs; i++) {
		hxfr_writer_u32(&w, (uint32_t)r->blobs[i].size);
		hxfr_writer_bytes(&w, r->unit + r->blobs[i].offset, r->blobs[i].size);
	}
	return a;
}

static void send_response(struct fake_host *host, struct client *client, struct response *r)
{
	g_autoptr(GByteArray) bytes = spell(r);

	fake_host_send_bytes(host, client, bytes->data, bytes->len);
}

static void send_header(
	struct fake_host *host, struct client *client, uint8_t type, uint32_t payload_size)
{
	const struct hxfr_header header = {
		.type = type, .session_id = HXFR_SESSION_MAIN, .payload_size = payload_size
	};
	uint8_t bytes[HXFR_HEADER_SIZE];

	hxfr_header_encode(&header, bytes);
	fake_host_send_bytes(host, client, bytes, sizeof(bytes));
}

static void send_error(struct fake_host *host, struct client *client, int32_t code,
	const char text[HXFR_ERROR_TEXT_SIZE])
{
	uint8_t payload[HXFR_ERROR_SIZE];
	struct hxfr_writer w;

	hxfr_writer_init(&w, payload, sizeof(payload));
	hxfr_writer_i32(&w, code);
	hxfr_writer_bytes(&w, text, HXFR_ERROR_TEXT_SIZE);
	send_header(host, client, HXFR_ERROR, sizeof(payload));
	fake_host_send_bytes(host, client, payload, sizeof(payload));
}

static void do_nothing(struct fake_host *host, struct client *client, struct response *r)
{
}

static void do_silent(struct fake_host *host, struct client *client, struct response *r)
{
	host->broken = true;
}

static void do_die(struct fake_host *host, struct client *client, struct response *r)
{
	fake_host_close_client(host, client);
}

static void do_stallmid(struct fake_host *host, struct client *client, struct response *r)
{
	g_autoptr(GByteArray) bytes = spell(r);

	fake_host_send_bytes(host, client, bytes->data, bytes->len / 2);
	host->broken = true;
}

static void do_truncate(struct fake_host *host, struct client *client, struct response *r)
{
	do_stallmid(host, client, r);
	host->broken = false;
	fake_host_close_client(host, client);
}

static void do_error(struct fake_host *host, struct client *client, struct response *r)
{
	char text[HXFR_ERROR_TEXT_SIZE];

	memset(text, 'A', sizeof(text));
	send_error(host, client, HXFR_CODE_ENCODE_FAILED, text);
}

static void do_allerror(struct fake_host *host, struct client *client, struct response *r)
{
	const char text[HXFR_ERROR_TEXT_SIZE] = "resource not found";

	send_error(host, client, HXFR_CODE_RESOURCE_NOT_FOUND, text);
}

static void do_noids(struct fake_host *host, struct client *client, struct response *r)
{
	if (r->resource_id)
		do_allerror(host, client, r);
	else
		send_response(host, client, r);
}

static void do_badmagic(struct fake_host *host, struct client *client, struct response *r)
{
	static const uint8_t bytes[HXFR_HEADER_SIZE] = { 0xef, 0xbe, 0xad, 0xde,
		HXFR_FRAME_RESPONSE, 0, 1, 0, HXFR_FRAME_RESPONSE_SIZE };

	fake_host_send_bytes(host, client, bytes, sizeof(bytes));
}

static void do_pong(struct fake_host *host, struct client *client, struct response *r)
{
	send_header(host, client, HXFR_PONG, 0);
	send_response(host, client, r);
}

static void do_unknown(struct fake_host *host, struct client *client, struct response *r)
{
	g_autofree uint8_t *payload = g_malloc0(UNKNOWN_SIZE);

	send_header(host, client, UNKNOWN_TYPE, UNKNOWN_SIZE);
	fake_host_send_bytes(host, client, payload, UNKNOWN_SIZE);
	send_response(host, client, r);
}

static void do_hugepayload(struct fake_host *host, struct client *client, struct response *r)
{
	send_header(host, client, UNKNOWN_TYPE, 0xfffffff0);
	send_response(host, client, r);
}

/* The head of a response that promises what its counts say, with nothing behind it. */
static void send_head(struct fake_host *host, struct client *client, const struct response *r,
	uint32_t payload_size, uint32_t nal_count, uint32_t nal_size)
{
	uint8_t payload[HXFR_FRAME_RESPONSE_SIZE + 4];
	struct hxfr_writer w;

	hxfr_writer_init(&w, payload, sizeof(payload));
	hxfr_writer_i64(&w, r->pts);
	hxfr_writer_i64(&w, r->dts);
	hxfr_writer_u8(&w, r->keyframe);
	hxfr_writer_zero(&w, 3);
	hxfr_writer_u32(&w, nal_count);
	hxfr_writer_u32(&w, nal_size);
	send_header(host, client, HXFR_FRAME_RESPONSE, payload_size);
	fake_host_send_bytes(host, client, payload, sizeof(payload));
}

static void do_hugenal(struct fake_host *host, struct client *client, struct response *r)
{
	const uint8_t zeros[1024] = { 0 };

	send_head(host, client, r, HXFR_FRAME_RESPONSE_SIZE + 4 + sizeof(zeros), 1, 0xfffffff0);
	fake_host_send_bytes(host, client, zeros, sizeof(zeros));
}

static void do_hugecount(struct fake_host *host, struct client *client, struct response *r)
{
	send_head(host, client, r, HXFR_FRAME_RESPONSE_SIZE + 1024 * 1024, 0xffffffff, 0);
	client->flood = true;
}

static void do_nonals(struct fake_host *host, struct client *client, struct response *r)
{
	r->nal_count = r->n_blobs = 0;
	send_response(host, client, r);
}

static void do_dtsneg(struct fake_host *host, struct client *client, struct response *r)
{
	r->dts = -1;
	send_response(host, client, r);
}

static void do_wrongpts(struct fake_host *host, struct client *client, struct response *r)
{
	r->pts += G_GINT64_CONSTANT(1000000000);
	send_response(host, client, r);
}

static void do_duplicate(struct fake_host *host, struct client *client, struct response *r)
{
	send_response(host, client, r);
	send_response(host, client, r);
}

static const struct {
	const char *name;
	fault_fn act;
	bool lasting; /* for ever, whatever fault_count says */
} faults[FAKE_HOST_FAULTS] = {
	[FAKE_HOST_NO_FAULT] = { "none", send_response, false },
	[FAKE_HOST_DIE] = { "die", do_die, false },
	[FAKE_HOST_SILENT] = { "silent", do_silent, true },
	[FAKE_HOST_MUTE] = { "mute", do_nothing, true },
	[FAKE_HOST_DROP] = { "drop", do_nothing, false },
	[FAKE_HOST_STALLMID] = { "stallmid", do_stallmid, true },
	[FAKE_HOST_TRUNCATE] = { "truncate", do_truncate, false },
	[FAKE_HOST_ERROR] = { "error", do_error, false },
	[FAKE_HOST_ALLERROR] = { "allerror", do_allerror, true },
	[FAKE_HOST_NOIDS] = { "noids", do_noids, true },
	[FAKE_HOST_BADMAGIC] = { "badmagic", do_badmagic, false },
	[FAKE_HOST_PONG] = { "pong", do_pong, false },
	[FAKE_HOST_UNKNOWN] = { "unknown", do_unknown, false },
	[FAKE_HOST_HUGEPAYLOAD] = { "hugepayload", do_hugepayload, false },
	[FAKE_HOST_HUGENAL] = { "hugenal", do_hugenal, false },
	[FAKE_HOST_HUGECOUNT] = { "hugecount", do_hugecount, false },
	[FAKE_HOST_NONALS] = { "nonals", do_nonals, false },
	[FAKE_HOST_DTSNEG] = { "dtsneg", do_dtsneg, false },
	[FAKE_HOST_WRONGPTS] = { "wrongpts", do_wrongpts, false },
	[FAKE_HOST_DUPLICATE] = { "duplicate", do_duplicate, false },
};

const char *fake_host_fault_name(enum fake_host_fault fault)
{
	return fault < FAKE_HOST_FAULTS ? faults[fault].name : NULL;
}

static void build_response(
	struct fake_host *host, const struct answer *answer, struct response *ret)
{
	bool bare = answer->keyframe && host->options.no_sps > 0;
	const struct h264_unit unit = {
		.width = answer->width,
		.height = answer->height,
		.profile_idc =
			host->options.profile_idc ? host->options.profile_idc : host->profile_idc,
		.level_idc = host->options.level_idc,
		.keyframe = answer->keyframe,
		.parameter_sets = answer->keyframe && !bare,
		.avcc = host->options.avcc,
		.pts = answer->pts,
		.size = host->options.unit_size,
	};
	struct response r = { .pts = answer->pts,
		.resource_id = answer->resource_id,
		.keyframe = answer->keyframe,
		.unit = host->unit };

	host->options.no_sps -= bare;
	r.n_blobs = h264_unit_build(&unit, host->unit, r.blobs);
	if (!host->options.split) {
		r.blobs[0] = (struct h264_nal){ 0, unit.size };
		r.n_blobs = 1;
	}
	r.nal_count = r.n_blobs;
	*ret = r;
}

void fake_host_give_answer(
	struct fake_host *host, struct client *client, const struct answer *answer)
{
	const struct fake_host_options *o = &host->options;
	unsigned number = host->counters[FAKE_HOST_RESPONSES];
	bool struck = number >= o->fault_at && number < host->fault_end;
	enum fake_host_fault fault = struck ? o->fault : FAKE_HOST_NO_FAULT;
	struct response response;

	if (struck && faults[fault].lasting)
		host->fault_end = G_MAXUINT;
	if (client && !host->broken) {
		build_response(host, answer, &response);
		faults[fault].act(host, client, &response);
	}
	fake_host_bump(host, FAKE_HOST_RESPONSES);
}
