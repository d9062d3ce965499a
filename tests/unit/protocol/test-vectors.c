/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "vectors.h"

#include <hxfr/messages.h>

#include <errno.h>

static int decode(const struct vector *v, struct hxfr_message *ret)
{
	struct hxfr_header h;
	int r;

	r = hxfr_header_decode(v->bytes, &h);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(h.payload_size, v->size - HXFR_HEADER_SIZE);
	return hxfr_message_decode(&h, v->bytes + HXFR_HEADER_SIZE, ret);
}

static void each(void (*check)(const struct vector *v))
{
	struct vector *v;
	size_t n = vectors_load(&v);

	for (size_t i = 0; i < n; i++)
		check(&v[i]);
	vectors_free(v, n);
}

START_TEST(every_type_has_a_vector)
{
	bool seen[UINT8_MAX + 1] = { false };
	struct vector *v;
	size_t n = vectors_load(&v);

	for (size_t i = 0; i < n; i++)
		seen[v[i].bytes[4]] = true;
	for (unsigned type = 0; type <= UINT8_MAX; type++)
		ck_assert_msg(
			seen[type] == hxfr_type_known((uint8_t)type), "vector for 0x%02x", type);
	vectors_free(v, n);
}
END_TEST

static void check_dump(const struct vector *v)
{
	char text[HXFR_DUMP_SIZE];
	struct hxfr_message m;

	ck_assert_msg(decode(v, &m) == 0, "%s does not decode", v->name);
	hxfr_message_dump(&m, text, sizeof(text));
	ck_assert_str_eq(text, v->dump);
}

START_TEST(every_vector_decodes_to_its_dump)
{
	each(check_dump);
}
END_TEST

/* Head from the encoder, the bulk from where the decoder found it. */
static void check_bytes(const struct vector *v)
{
	uint8_t head[HXFR_HEAD_MAX];
	struct hxfr_message m;
	size_t size, bulk;

	ck_assert_int_eq(decode(v, &m), 0);
	poison(&m.header.flags);
	poison(&m.header.payload_size);
	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &size), 0);
	ck_assert_uint_le(size, v->size);
	ck_assert_mem_eq(head, v->bytes, size);

	bulk = v->size - size;
	if (m.header.type == HXFR_FRAME_REQUEST)
		ck_assert_uint_eq(bulk, m.frame_request.pixels_size);
	else if (m.header.type == HXFR_FRAME_RESPONSE)
		ck_assert_uint_eq(bulk,
			m.frame_response.nals_size - (m.frame_response.nal_count == 1 ? 4 : 0));
	else
		ck_assert_uint_eq(bulk, 0);
}

START_TEST(every_vector_encodes_to_the_same_bytes)
{
	each(check_bytes);
}
END_TEST

/* A picture cut short is still a FRAME_REQUEST with pixels: whether they are enough is for the host
 * to say. */
static bool is_whole(const struct hxfr_header *h)
{
	return h->type == HXFR_FRAME_REQUEST && (h->flags & HXFR_FLAG_PIXELS) &&
	       h->payload_size > HXFR_FRAME_REQUEST_SIZE;
}

static void check_truncations(const struct vector *v)
{
	struct hxfr_message m;
	struct hxfr_header h;
	uint8_t *payload;
	int r;

	ck_assert_int_eq(hxfr_header_decode(v->bytes, &h), 0);
	for (h.payload_size = 0; h.payload_size < v->size - HXFR_HEADER_SIZE; h.payload_size++) {
		payload = malloc(h.payload_size + !h.payload_size);
		memcpy(payload, v->bytes + HXFR_HEADER_SIZE, h.payload_size);
		poison(&m);
		r = hxfr_message_decode(&h, payload, &m);
		ck_assert_msg(r == (is_whole(&h) ? 0 : -EBADMSG), "%s cut to %u bytes: %d", v->name,
			h.payload_size, r);
		if (r < 0)
			assert_poisoned(&m);
		free(payload);
	}
}

START_TEST(every_truncation_of_every_vector_is_refused)
{
	each(check_truncations);
}
END_TEST

static void check_small_buffers(const struct vector *v)
{
	uint8_t head[HXFR_HEAD_MAX];
	struct hxfr_message m;
	size_t needed, size;

	ck_assert_int_eq(decode(v, &m), 0);
	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &needed), 0);
	for (size_t n = 0; n < needed; n++) {
		uint8_t *small = malloc(n + !n);

		poison(&size);
		ck_assert_int_eq(hxfr_message_encode(&m, small, n, &size), -ENOSPC);
		assert_poisoned(&size);
		free(small);
	}
}

START_TEST(every_buffer_too_small_for_a_head_is_refused)
{
	each(check_small_buffers);
}
END_TEST

START_TEST(protocol_document_shows_every_vector_verbatim)
{
	char *document = vectors_read_file(PROTOCOL_MD);
	struct vector *v;
	size_t n = vectors_load(&v);

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(
			strstr(document, v[i].text), "%s is not in docs/protocol.md", v[i].name);
	vectors_free(v, n);
	free(document);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_type_has_a_vector,
		every_vector_decodes_to_its_dump,
		every_vector_encodes_to_the_same_bytes,
		every_truncation_of_every_vector_is_refused,
		every_buffer_too_small_for_a_head_is_refused,
		protocol_document_shows_every_vector_verbatim,
		NULL,
	};

	return suite_run("vectors", tests);
}
