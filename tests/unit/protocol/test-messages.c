/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "vectors.h"

#include <hxfr/error.h>
#include <hxfr/messages.h>

#include <errno.h>
#include <limits.h>

static int decode(
	uint8_t type, uint8_t flags, const void *payload, size_t size, struct hxfr_message *ret)
{
	struct hxfr_header h = { .type = type, .flags = flags, .payload_size = (uint32_t)size };

	return hxfr_message_decode(&h, payload, ret);
}

#define RESPONSE_FIXED "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 "

START_TEST(decoder_refuses_counts_and_sizes_that_contradict_the_payload)
{
	static const struct {
		const char *payload;
		int error;
	} cases[] = {
		{ RESPONSE_FIXED "01 00 00 00 f0 ff ff ff 00 00 00 01", -EBADMSG },
		{ RESPONSE_FIXED "01 00 00 00 fc ff ff ff 00 00 00 01", -EBADMSG },
		{ RESPONSE_FIXED "ff ff ff ff 01 00 00 00 65", -EMSGSIZE },
		{ RESPONSE_FIXED "01 10 00 00 01 00 00 00 65", -EMSGSIZE },
		{ RESPONSE_FIXED "00 10 00 00 01 00 00 00 65", -EBADMSG },
		{ RESPONSE_FIXED "02 00 00 00 01 00 00 00 65", -EBADMSG },
		{ RESPONSE_FIXED "01 00 00 00 01 00 00 00 65 00", -EBADMSG },
		{ RESPONSE_FIXED "01 00 00 00 02 00 00 00 65", -EBADMSG },
		{ RESPONSE_FIXED "01 00 00 00 01 00 00", -EBADMSG },
		{ RESPONSE_FIXED "00 00 00 00 00 00 00 00", -EBADMSG },
	};
	struct hxfr_message m;
	uint8_t bytes[64], *payload;
	size_t size;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		size = vectors_parse_hex(cases[i].payload, bytes, sizeof(bytes));
		payload = malloc(size);
		memcpy(payload, bytes, size);
		poison(&m);
		ck_assert_int_eq(decode(HXFR_FRAME_RESPONSE, 0, payload, size, &m), cases[i].error);
		assert_poisoned(&m);
		free(payload);
	}
}
END_TEST

START_TEST(decoder_wants_pixels_exactly_when_the_flag_says_so)
{
	/* 0xfe: flag bits that are not known yet. */
	static const struct {
		size_t size;
		int result;
		uint8_t flags;
	} cases[] = {
		{ 44, 0, 0 },
		{ 45, -EBADMSG, 0 },
		{ 44, -EBADMSG, HXFR_FLAG_PIXELS },
		{ 45, 0, HXFR_FLAG_PIXELS },
		{ 44, 0, 0xfe },
	};
	static const uint8_t payload[64];
	struct hxfr_message m;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		ck_assert_int_eq(
			decode(HXFR_FRAME_REQUEST, cases[i].flags, payload, cases[i].size, &m),
			cases[i].result);
		if (cases[i].result == 0)
			ck_assert_ptr_eq(
				m.frame_request.pixels, cases[i].size > 44 ? payload + 44 : NULL);
	}
}
END_TEST

START_TEST(decoder_refuses_payloads_beyond_the_limit_of_their_type)
{
	struct hxfr_message m;
	uint8_t byte = 0;

	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		size_t size = (size_t)hxfr_type_payload_max((uint8_t)type) + 1;

		poison(&m);
		/* Refused by its length alone: nothing is read from a payload of one byte. */
		ck_assert_int_eq(decode((uint8_t)type, 0, &byte, size, &m),
			hxfr_type_known((uint8_t)type) ? -EMSGSIZE : -EOPNOTSUPP);
		assert_poisoned(&m);
	}
}
END_TEST

START_TEST(decoder_ignores_reserved_bytes_and_encoder_zeroes_them)
{
	static const struct {
		uint8_t type;
		size_t size, reserved, n;
	} cases[] = {
		{ HXFR_FRAME_REQUEST, HXFR_FRAME_REQUEST_SIZE, 37, 7 },
		{ HXFR_CONFIG_REQ, HXFR_CONFIG_SIZE, 23, 5 },
		{ HXFR_CONFIG_RESP, HXFR_CONFIG_SIZE, 23, 5 },
		{ HXFR_FRAME_RESPONSE, HXFR_FRAME_RESPONSE_SIZE, 17, 3 },
	};
	uint8_t payload[64], head[HXFR_HEAD_MAX];
	struct hxfr_message m;
	size_t size;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		memset(payload, 0, sizeof(payload));
		memset(payload + cases[i].reserved, 0xff, cases[i].n);
		ck_assert_int_eq(decode(cases[i].type, 0, payload, cases[i].size, &m), 0);
		ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &size), 0);
		memset(payload, 0, sizeof(payload));
		ck_assert_uint_eq(size, HXFR_HEADER_SIZE + cases[i].size);
		ck_assert_mem_eq(head + HXFR_HEADER_SIZE, payload, cases[i].size);
	}
}
END_TEST

START_TEST(decoder_ignores_what_a_later_version_adds_to_extensions)
{
	static const uint8_t types[] = { HXFR_HELLO, HXFR_HELLO_RESP, HXFR_CONFIG_RESP };
	uint8_t payload[HXFR_EXTENSION_MAX] = { 3, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff };
	struct hxfr_message m;

	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		ck_assert_int_eq(decode(types[i], 0, payload, sizeof(payload), &m), 0);
	ck_assert_int_eq(decode(HXFR_HELLO, 0, payload, 9, &m), 0);
	ck_assert_uint_eq(m.hello.version, 3);
	ck_assert_uint_eq(m.hello.features, 1);
}
END_TEST

START_TEST(decoder_terminates_texts_that_the_peer_did_not)
{
	uint8_t *payload = malloc(HXFR_ERROR_SIZE);
	struct hxfr_message m;

	memset(payload, 'x', HXFR_ERROR_SIZE);
	poison(&m);
	ck_assert_int_eq(decode(HXFR_ERROR, 0, payload, HXFR_ERROR_SIZE, &m), 0);
	ck_assert_uint_eq(strlen(m.error.message), HXFR_ERROR_TEXT_SIZE);
	free(payload);

	payload = malloc(HXFR_SCANOUT_RESP_SIZE);
	memset(payload, 'x', HXFR_SCANOUT_RESP_SIZE);
	poison(&m);
	ck_assert_int_eq(decode(HXFR_SCANOUT_RESP, 0, payload, HXFR_SCANOUT_RESP_SIZE, &m), 0);
	ck_assert_uint_eq(strlen(m.scanout_resp.connector), HXFR_CONNECTOR_SIZE);
	free(payload);
}
END_TEST

START_TEST(nal_walk_yields_every_blob_and_ends)
{
	static const size_t sizes[] = { 6, 0, 5 };
	struct vector *v;
	size_t n = vectors_load(&v), pos = 0, size, count = 0;
	struct hxfr_message m;
	const uint8_t *data;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].name, "frame-response-nals") != 0)
			continue;
		ck_assert_int_eq(decode(HXFR_FRAME_RESPONSE, 0, v[i].bytes + HXFR_HEADER_SIZE,
					 v[i].size - HXFR_HEADER_SIZE, &m),
			0);
		while (hxfr_nal_next(&m.frame_response, &pos, &data, &size)) {
			ck_assert_uint_lt(count, N_ELEMENTS(sizes));
			ck_assert_uint_eq(size, sizes[count++]);
			ck_assert(data + size <= v[i].bytes + v[i].size);
		}
		ck_assert(!hxfr_nal_next(&m.frame_response, &pos, &data, &size));
	}
	ck_assert_uint_eq(count, N_ELEMENTS(sizes));
	vectors_free(v, n);
}
END_TEST

static int encode_response(uint32_t nal_count, size_t nals_size, size_t *ret_size)
{
	struct hxfr_message m = {
		.header.type = HXFR_FRAME_RESPONSE,
		.frame_response = { .nal_count = nal_count, .nals_size = nals_size },
	};
	uint8_t head[HXFR_HEAD_MAX];

	return hxfr_message_encode(&m, head, sizeof(head), ret_size);
}

START_TEST(encoder_refuses_what_the_decoder_would)
{
	struct hxfr_message m = { .header.type = HXFR_FRAME_REQUEST };
	uint8_t head[HXFR_HEAD_MAX];
	size_t size;

	poison(&size);
	m.frame_request.pixels_size = HXFR_PIXELS_MAX + 1;
	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &size), -EMSGSIZE);
	ck_assert_int_eq(encode_response(1, HXFR_ACCESS_UNIT_MAX + 1, &size), -EMSGSIZE);
	ck_assert_int_eq(encode_response(HXFR_NAL_COUNT_MAX + 1, 1 << 20, &size), -EMSGSIZE);
	ck_assert_int_eq(encode_response(1, 3, &size), -EINVAL);
	ck_assert_int_eq(encode_response(3, 11, &size), -EINVAL);
	ck_assert_int_eq(encode_response(0, 1, &size), -EINVAL);
	m.header.type = 0x7f;
	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof(head), &size), -EOPNOTSUPP);
	assert_poisoned(&size);
	ck_assert_int_eq(encode_response(1, HXFR_ACCESS_UNIT_MAX, &size), 0);
}
END_TEST

START_TEST(dump_shows_no_control_characters_of_the_peer)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_ERROR, .session_id = 1 },
		.error = { .code = -77, .message = "\x1b[2J\n\x7f\xc3\xa9 ok" },
	};
	char text[HXFR_DUMP_SIZE];

	hxfr_message_dump(&m, text, sizeof(text));
	ck_assert_str_eq(text, "ERROR session=1 code=-77 (unknown error) message=\"?[2J???? ok\"");
}
END_TEST

START_TEST(dump_size_suffices_for_the_longest_message)
{
	char big[2 * HXFR_DUMP_SIZE];
	struct hxfr_message m;

	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		memset(&m, 0xff, sizeof(m));
		m.header.type = (uint8_t)type;
		if (type == HXFR_ERROR) {
			m.error.code = INT_MIN;
			m.error.message[HXFR_ERROR_TEXT_SIZE] = '\0';
		} else if (type == HXFR_SCANOUT_RESP) {
			m.scanout_resp.success = true;
			m.scanout_resp.connector[HXFR_CONNECTOR_SIZE] = '\0';
		} else if (type == HXFR_FRAME_REQUEST) {
			m.frame_request.pts = m.frame_request.duration = INT64_MIN;
			m.frame_request.force_keyframe = true;
		} else if (type == HXFR_FRAME_RESPONSE) {
			m.frame_response.pts = m.frame_response.dts = INT64_MIN;
			m.frame_response.is_keyframe = true;
		} else if (type == HXFR_SUBSCRIBE_RESP) {
			m.subscribe_resp.success = true;
		}
		hxfr_message_dump(&m, big, sizeof(big));
		ck_assert_uint_lt(strlen(big), HXFR_DUMP_SIZE);
	}
}
END_TEST

START_TEST(dump_is_truncated_to_any_size)
{
	struct hxfr_message m = { .header = { .type = HXFR_PING, .session_id = 12 } };
	const char *whole = "PING session=12";
	char text[32];

	for (size_t size = 0; size < sizeof(text); size++) {
		poison(&text);
		hxfr_message_dump(&m, text, size);
		ck_assert(is_poisoned(text + size, sizeof(text) - size));
		if (size > 0)
			ck_assert(!strncmp(text, whole, size - 1) && strlen(text) < size);
	}
}
END_TEST

START_TEST(codes_have_names)
{
	ck_assert_str_eq(hxfr_code_name(HXFR_CODE_OK), "ok");
	ck_assert_str_eq(hxfr_code_name(HXFR_CODE_INTERNAL), "internal error");
	ck_assert_str_eq(hxfr_code_name(INT_MIN), "unknown error");
	ck_assert_str_eq(hxfr_type_name(0x7f), "UNKNOWN");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		decoder_refuses_counts_and_sizes_that_contradict_the_payload,
		decoder_wants_pixels_exactly_when_the_flag_says_so,
		decoder_refuses_payloads_beyond_the_limit_of_their_type,
		decoder_ignores_reserved_bytes_and_encoder_zeroes_them,
		decoder_ignores_what_a_later_version_adds_to_extensions,
		decoder_terminates_texts_that_the_peer_did_not,
		nal_walk_yields_every_blob_and_ends,
		encoder_refuses_what_the_decoder_would,
		dump_shows_no_control_characters_of_the_peer,
		dump_size_suffices_for_the_longest_message,
		dump_is_truncated_to_any_size,
		codes_have_names,
		NULL,
	};

	return suite_run("messages", tests);
}
