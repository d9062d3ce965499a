/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "virtio/message.h"

#include <errno.h>
#include <hxfr/wire.h>

#define VERSION     1u
#define REPLY       4u
#define NEEDS_REPLY 8u
#define MESSAGE_MAX (VHOST_HEADER_SIZE + VHOST_PAYLOAD_MAX)

static size_t encode(
	uint32_t request, uint32_t flags, const uint64_t *payload, size_t size, uint8_t *ret)
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, MESSAGE_MAX);
	hxfr_writer_u32(&w, request);
	hxfr_writer_u32(&w, flags);
	hxfr_writer_u32(&w, (uint32_t)size);
	hxfr_writer_bytes(&w, payload, size);
	return w.pos;
}

/* Of every request, a payload that fits, as words of a little-endian machine. */
static const struct sample {
	uint32_t request;
	size_t size;
	uint64_t payload[9];
} samples[] = {
	{ VHOST_GET_FEATURES, 0, { 0 } },
	{ VHOST_SET_FEATURES, 8, { 0x123456789abcdef0 } },
	{ VHOST_SET_OWNER, 0, { 0 } },
	{ VHOST_RESET_OWNER, 0, { 0 } },
	{ VHOST_SET_MEM_TABLE, 72, { 2, 11, 12, 13, 14, 21, 22, 23, 24 } },
	{ VHOST_SET_VRING_NUM, 8, { 64ull << 32 | 1 } },
	{ VHOST_SET_VRING_ADDR, 40, { 2ull << 32 | 1, 11, 12, 13, 14 } },
	{ VHOST_SET_VRING_BASE, 8, { 77ull << 32 | 1 } },
	{ VHOST_GET_VRING_BASE, 8, { 1 } },
	{ VHOST_SET_VRING_KICK, 8, { 0x101 } },
	{ VHOST_SET_VRING_CALL, 8, { 0x101 } },
	{ VHOST_SET_VRING_ERR, 8, { 0x101 } },
	{ VHOST_GET_PROTOCOL_FEATURES, 0, { 0 } },
	{ VHOST_SET_PROTOCOL_FEATURES, 8, { 0x123456789abcdef0 } },
	{ VHOST_GET_QUEUE_NUM, 0, { 0 } },
	{ VHOST_SET_VRING_ENABLE, 8, { 1ull << 32 | 1 } },
	{ VHOST_GET_CONFIG, 16, { 4ull << 32 | 8, 0xaabbccddull << 32 } },
	{ VHOST_SET_CONFIG, 16, { 4ull << 32 | 8, 0xaabbccddull << 32 } },
	{ VHOST_GPU_SET_SOCKET, 0, { 0 } },
	{ VHOST_RESET_DEVICE, 0, { 0 } },
};

static int decode(const struct sample *s, size_t size, struct vhost_message *ret)
{
	uint8_t data[MESSAGE_MAX];
	size_t n = encode(s->request, VERSION, s->payload, size, data);

	return vhost_message_decode(data, n, ret);
}

START_TEST(every_request_decodes)
{
	struct vhost_message m;

	for (unsigned i = 0; i < N_ELEMENTS(samples); i++) {
		poison(&m);
		ck_assert_int_eq(decode(&samples[i], samples[i].size, &m), 0);
		ck_assert_uint_eq(m.request, samples[i].request);
		ck_assert(!m.needs_reply);
	}
}
END_TEST

/* Both cut off in the middle, and whole by its header but too short for its request. */
START_TEST(every_truncation_and_a_byte_too_many_are_refused)
{
	uint8_t data[MESSAGE_MAX];
	struct vhost_message m;

	poison(&m);
	for (unsigned i = 0; i < N_ELEMENTS(samples); i++) {
		const struct sample *s = &samples[i];
		size_t n = encode(s->request, VERSION, s->payload, s->size, data);

		for (size_t size = 0; size < n; size++)
			ck_assert_int_eq(vhost_message_decode(data, size, &m), -EBADMSG);
		ck_assert_int_eq(vhost_message_decode(data, n + 1, &m), -EBADMSG);
		for (size_t size = 0; size < s->size; size++)
			ck_assert_int_eq(decode(s, size, &m), -EBADMSG);
		ck_assert_int_eq(decode(s, s->size + 1, &m), -EBADMSG);
	}
	assert_poisoned(&m);
}
END_TEST

static struct vhost_message decoded(uint32_t request)
{
	struct vhost_message m;

	for (unsigned i = 0; i < N_ELEMENTS(samples); i++) {
		if (samples[i].request != request)
			continue;
		ck_assert_int_eq(decode(&samples[i], samples[i].size, &m), 0);
		return m;
	}
	ck_abort();
}

START_TEST(numbers_stand_where_the_specification_says)
{
	struct vhost_message m = decoded(VHOST_SET_FEATURES);

	ck_assert_uint_eq(m.u64, 0x123456789abcdef0);
	m = decoded(VHOST_SET_VRING_NUM);
	ck_assert_uint_eq(m.state.index, 1);
	ck_assert_uint_eq(m.state.num, 64);
	m = decoded(VHOST_SET_VRING_ADDR);
	ck_assert_uint_eq(m.addr.index, 1);
	ck_assert_uint_eq(m.addr.flags, 2);
	ck_assert_uint_eq(m.addr.desc, 11);
	ck_assert_uint_eq(m.addr.used, 12);
	ck_assert_uint_eq(m.addr.avail, 13);
	ck_assert_uint_eq(m.addr.log, 14);
	m = decoded(VHOST_SET_MEM_TABLE);
	ck_assert_uint_eq(m.memory.n, 2);
	ck_assert_uint_eq(m.memory.regions[1].guest_addr, 21);
	ck_assert_uint_eq(m.memory.regions[1].size, 22);
	ck_assert_uint_eq(m.memory.regions[1].user_addr, 23);
	ck_assert_uint_eq(m.memory.regions[1].fd_offset, 24);
	ck_assert_int_eq(m.memory.regions[1].fd, -1);
	m = decoded(VHOST_SET_CONFIG);
	ck_assert_uint_eq(m.config.offset, 8);
	ck_assert_uint_eq(m.config.size, 4);
	ck_assert_uint_eq(m.config.flags, 0);
	ck_assert_mem_eq(m.config.data, "\xdd\xcc\xbb\xaa", 4);
}
END_TEST

static const struct header {
	uint32_t flags, size;
	int error;
} headers[] = {
	{ VERSION, 0, 0 },
	{ VERSION | NEEDS_REPLY, VHOST_PAYLOAD_MAX, 0 },
	{ VERSION, VHOST_PAYLOAD_MAX + 1, -EMSGSIZE },
	{ VERSION, 0xffffffff, -EMSGSIZE },
	{ 0, 0, -EBADMSG },
	{ 2, 0, -EBADMSG },
	{ 3, 0, -EBADMSG },
	{ VERSION | REPLY, 0, -EBADMSG },
};

START_TEST(headers_are_checked_before_their_payload_comes)
{
	for (unsigned i = 0; i < N_ELEMENTS(headers); i++) {
		uint8_t data[MESSAGE_MAX];
		struct hxfr_writer w;
		uint32_t size;

		hxfr_writer_init(&w, data, sizeof(data));
		hxfr_writer_u32(&w, VHOST_GET_FEATURES);
		hxfr_writer_u32(&w, headers[i].flags);
		hxfr_writer_u32(&w, headers[i].size);
		poison(&size);
		ck_assert_int_eq(vhost_message_payload_size(data, &size), headers[i].error);
		if (headers[i].error == 0)
			ck_assert_uint_eq(size, headers[i].size);
		else
			assert_poisoned(&size);
	}
}
END_TEST

START_TEST(counts_beyond_the_limits_are_refused)
{
	static const struct sample beyond[] = {
		{ VHOST_SET_MEM_TABLE, 8, { GUEST_REGIONS_MAX + 1 } },
		{ VHOST_SET_MEM_TABLE, 8, { 0xffffffff } },
		{ VHOST_GET_CONFIG, 12, { 0xffffffffull << 32, 0 } },
		{ VHOST_SET_CONFIG, 12, { (VHOST_CONFIG_MAX + 1ull) << 32, 0 } },
	};
	uint64_t payload[VHOST_PAYLOAD_MAX / 8] = { 0 };
	uint8_t data[MESSAGE_MAX];
	struct vhost_message m;

	poison(&m);
	for (unsigned i = 0; i < N_ELEMENTS(beyond); i++)
		ck_assert_int_eq(decode(&beyond[i], beyond[i].size, &m), -EBADMSG);
	/* Even when all that they promise is there. */
	payload[0] = GUEST_REGIONS_MAX + 1;
	size_t n = encode(VHOST_SET_MEM_TABLE, VERSION, payload, 8 + 32 * payload[0], data);
	ck_assert_int_eq(vhost_message_decode(data, n, &m), -EBADMSG);
	payload[0] = (VHOST_CONFIG_MAX + 1ull) << 32;
	n = encode(VHOST_SET_CONFIG, VERSION, payload, 12 + VHOST_CONFIG_MAX + 1, data);
	ck_assert_int_eq(vhost_message_decode(data, n, &m), -EBADMSG);
	assert_poisoned(&m);
	payload[0] = GUEST_REGIONS_MAX;
	n = encode(VHOST_SET_MEM_TABLE, VERSION, payload, 8 + 32 * payload[0], data);
	ck_assert_int_eq(vhost_message_decode(data, n, &m), 0);
	ck_assert_uint_eq(m.memory.n, GUEST_REGIONS_MAX);
}
END_TEST

START_TEST(an_unknown_request_decodes_without_payload)
{
	static const uint32_t unknown[] = { 0, 6, 7, 19, 23, 25 + 1, 32, 35, 1000, 0xffffffff };
	const uint64_t payload[4] = { 1, 2, 3, 4 };
	uint8_t data[MESSAGE_MAX];
	struct vhost_message m;

	for (unsigned i = 0; i < N_ELEMENTS(unknown); i++) {
		size_t n = encode(unknown[i], VERSION | NEEDS_REPLY, payload, 31, data);

		ck_assert_int_eq(vhost_message_decode(data, n, &m), 0);
		ck_assert_uint_eq(m.request, unknown[i]);
		ck_assert(m.needs_reply);
		ck_assert_int_eq(vhost_message_decode(data, n + 1, &m), -EBADMSG);
		ck_assert_int_eq(vhost_message_decode(data, n - 1, &m), -EBADMSG);
	}
}
END_TEST

static void check_reply(const uint8_t *data, uint32_t request, uint32_t size)
{
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, VHOST_HEADER_SIZE);
	ck_assert_uint_eq(hxfr_reader_u32(&r), request);
	ck_assert_uint_eq(hxfr_reader_u32(&r), VERSION | REPLY);
	ck_assert_uint_eq(hxfr_reader_u32(&r), size);
}

START_TEST(replies_have_their_sizes)
{
	struct vhost_message features = { .request = VHOST_GET_FEATURES, .needs_reply = true };
	struct vhost_message base = { .request = VHOST_GET_VRING_BASE, .state = { 1, 0 } };
	struct vhost_message config = { .request = VHOST_GET_CONFIG,
		.config = { 5, VHOST_CONFIG_MAX, 0, { [VHOST_CONFIG_MAX - 1] = 9 } } };
	uint8_t data[VHOST_REPLY_MAX];

	ck_assert_uint_eq(vhost_reply_u64(&features, 0xfedcba9876543210, data), 20);
	check_reply(data, VHOST_GET_FEATURES, 8);
	ck_assert_mem_eq(data + 12, "\x10\x32\x54\x76\x98\xba\xdc\xfe", 8);
	ck_assert_uint_eq(vhost_reply_state(&base, 4711, data), 20);
	check_reply(data, VHOST_GET_VRING_BASE, 8);
	ck_assert_mem_eq(data + 12, "\1\0\0\0\x67\x12\0\0", 8);
	ck_assert_uint_eq(vhost_reply_config(&config, data), VHOST_REPLY_MAX);
	check_reply(data, VHOST_GET_CONFIG, 12 + VHOST_CONFIG_MAX);
	ck_assert_mem_eq(data + 12, "\5\0\0\0\0\1\0\0", 8);
	ck_assert_uint_eq(data[VHOST_REPLY_MAX - 1], 9);
	config.config.size = 0;
	ck_assert_uint_eq(vhost_reply_config(&config, data), VHOST_HEADER_SIZE);
	check_reply(data, VHOST_GET_CONFIG, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_request_decodes,
		every_truncation_and_a_byte_too_many_are_refused,
		numbers_stand_where_the_specification_says,
		headers_are_checked_before_their_payload_comes,
		counts_beyond_the_limits_are_refused,
		an_unknown_request_decodes_without_payload,
		replies_have_their_sizes,
		NULL,
	};

	return suite_run("virtio message", tests);
}
