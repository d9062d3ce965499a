/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The receiving half of a connection: framer, dispatch and every decoder. The input is the sizes of
 * two chunks that take turns (0: all that is left), then what the peer sends. What decodes must
 * survive being encoded and decoded again, and the chunks must make no difference.
 */

#include "fuzz-target.h"

#include <hxfr/connection.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAYLOAD_MAX (HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX)
#define INPUT_MAX   65536 /* fits into a socket buffer */

struct outcome {
	unsigned messages;
	uint64_t dumps; /* FNV-1a of all of them */
	int error;
};

static size_t bulk_of(const struct hxfr_message *m, const uint8_t **ret)
{
	const struct hxfr_frame_response *response = &m->frame_response;
	size_t in_head;

	switch (m->header.type) {
	case HXFR_FRAME_REQUEST:
		*ret = m->frame_request.pixels;
		return m->frame_request.pixels_size;
	case HXFR_FRAME_RESPONSE:
		in_head = response->nal_count == 1 ? 4 : 0;
		*ret = response->nals + in_head;
		return response->nals_size - in_head;
	default:
		return 0;
	}
}

static uint8_t *encode(const struct hxfr_message *m, size_t *ret_size)
{
	uint8_t head[HXFR_HEAD_MAX], *bytes;
	const uint8_t *bulk = NULL;
	size_t head_size, bulk_size = bulk_of(m, &bulk);

	PROMISE(hxfr_message_encode(m, head, sizeof(head), &head_size) == 0);
	bytes = malloc(head_size + bulk_size);
	PROMISE(bytes);
	memcpy(bytes, head, head_size);
	if (bulk_size > 0)
		memcpy(bytes + head_size, bulk, bulk_size);
	*ret_size = head_size + bulk_size;
	return bytes;
}

static void check_round_trip(const struct hxfr_message *m, const char *dump)
{
	char second_dump[HXFR_DUMP_SIZE];
	struct hxfr_message second;
	struct hxfr_header header;
	size_t size, second_size;
	uint8_t *bytes, *second_bytes;

	bytes = encode(m, &size);
	PROMISE(hxfr_header_decode(bytes, &header) == 0);
	PROMISE(header.payload_size == size - HXFR_HEADER_SIZE);
	PROMISE(hxfr_message_decode(&header, bytes + HXFR_HEADER_SIZE, &second) == 0);
	hxfr_message_dump(&second, second_dump, sizeof(second_dump));
	PROMISE(!strcmp(dump, second_dump));
	second_bytes = encode(&second, &second_size);
	PROMISE(second_size == size && !memcmp(bytes, second_bytes, size));
	free(bytes);
	free(second_bytes);
}

static void check_nals(const struct hxfr_message *m)
{
	const struct hxfr_frame_response *p = &m->frame_response;
	const uint8_t *data;
	size_t pos = 0, size;
	uint32_t n = 0;

	while (hxfr_nal_next(p, &pos, &data, &size)) {
		PROMISE(data && size <= p->nals_size);
		n++;
	}
	PROMISE(n == p->nal_count && pos == p->nals_size);
}

static void check_message(const struct hxfr_message *m, struct outcome *o)
{
	char dump[HXFR_DUMP_SIZE];

	hxfr_message_dump(m, dump, sizeof(dump));
	PROMISE(strlen(dump) < sizeof(dump) - 1);
	check_round_trip(m, dump);
	if (m->header.type == HXFR_FRAME_RESPONSE)
		check_nals(m);
	for (const char *c = dump; *c; c++)
		o->dumps = (o->dumps ^ (uint8_t)*c) * 0x100000001b3u;
	o->messages++;
}

static void receive(struct hxfr_connection *c, struct outcome *o)
{
	struct hxfr_message m;

	while (o->error == 0 && hxfr_connection_receive(c) == 0) {
		while ((o->error = hxfr_connection_next(c, &m)) == 1)
			check_message(&m, o);
	}
	PROMISE(o->error == 0 || o->error == -EBADMSG || o->error == -EMSGSIZE);
}

static struct outcome run(const uint8_t chunks[2], const uint8_t *data, size_t size)
{
	struct outcome o = { .dumps = 0xcbf29ce484222325u };
	struct hxfr_connection *c;
	int fds[2];

	PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	PROMISE(hxfr_connection_new(fds[0], PAYLOAD_MAX, &c) == 0);
	for (int i = 0; size > 0 && o.error == 0; i = !i) {
		size_t n = chunks[i] > 0 && chunks[i] < size ? chunks[i] : size;

		PROMISE(write(fds[1], data, n) == (ssize_t)n);
		receive(c, &o);
		data += n;
		size -= n;
	}
	hxfr_connection_destroy(c);
	close(fds[1]);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t all_at_once[2];
	struct outcome chunked, whole;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	chunked = run(data, data + 2, size - 2);
	whole = run(all_at_once, data + 2, size - 2);
	PROMISE(chunked.messages == whole.messages && chunked.dumps == whole.dumps &&
		chunked.error == whole.error);
	return 0;
}
