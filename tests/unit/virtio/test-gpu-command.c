/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "virtio/gpu-command.h"

#include <errno.h>
#include <hxfr/wire.h>

/* A command as le32 fields behind its type: as virtio 1.2, 5.7.6.8 draws them. */
struct sample {
	uint32_t type;
	unsigned n_fields; /* behind the header */
	uint32_t fields[8];
};

static const struct sample samples[] = {
	{ GPU_GET_DISPLAY_INFO, 0, { 0 } },
	{ GPU_RESOURCE_CREATE_2D, 4, { 11, 2, 1920, 1080 } },
	{ GPU_RESOURCE_UNREF, 2, { 11, 0 } },
	{ GPU_SET_SCANOUT, 6, { 1, 2, 3, 4, 5, 11 } },
	{ GPU_RESOURCE_FLUSH, 6, { 1, 2, 3, 4, 11, 0 } },
	{ GPU_TRANSFER_TO_HOST_2D, 8, { 1, 2, 3, 4, 0x9abcdef0, 0x12345678, 11, 0 } },
	{ GPU_RESOURCE_ATTACH_BACKING, 2, { 11, 7 } },
	{ GPU_RESOURCE_DETACH_BACKING, 2, { 11, 0 } },
	{ GPU_GET_CAPSET_INFO, 0, { 0 } },
	{ GPU_GET_EDID, 2, { 5, 0 } },
	{ GPU_UPDATE_CURSOR, 8, { 5, 1, 2, 0, 11, 3, 4, 0 } },
	{ GPU_MOVE_CURSOR, 8, { 5, 1, 2, 0, 11, 3, 4, 0 } },
};

static size_t write_sample(const struct sample *sample, uint8_t *ret, size_t size)
{
	struct hxfr_writer w;
	size_t n = 0;

	hxfr_writer_init(&w, ret, size);
	hxfr_writer_u32(&w, sample->type);
	hxfr_writer_u32(&w, GPU_FLAG_FENCE);
	hxfr_writer_i64(&w, 0x0123456789abcdef);
	hxfr_writer_u32(&w, 0x55667788);
	hxfr_writer_zero(&w, 4);
	for (unsigned i = 0; i < sample->n_fields; i++)
		hxfr_writer_u32(&w, sample->fields[i]);
	ck_assert_int_eq(hxfr_writer_end(&w, &n), 0);
	return n;
}

static void check_rect(const struct gpu_rect *rect)
{
	ck_assert_uint_eq(rect->x, 1);
	ck_assert_uint_eq(rect->y, 2);
	ck_assert_uint_eq(rect->width, 3);
	ck_assert_uint_eq(rect->height, 4);
}

static void check_body(const struct gpu_command *c)
{
	switch (c->header.type) {
	case GPU_RESOURCE_CREATE_2D:
		ck_assert_uint_eq(c->create.id, 11);
		ck_assert_uint_eq(c->create.format, 2);
		ck_assert_uint_eq(c->create.width, 1920);
		ck_assert_uint_eq(c->create.height, 1080);
		break;
	case GPU_RESOURCE_UNREF:
	case GPU_RESOURCE_DETACH_BACKING:
		ck_assert_uint_eq(c->resource.id, 11);
		break;
	case GPU_SET_SCANOUT:
		check_rect(&c->set_scanout.rect);
		ck_assert_uint_eq(c->set_scanout.scanout, 5);
		ck_assert_uint_eq(c->set_scanout.id, 11);
		break;
	case GPU_RESOURCE_FLUSH:
		check_rect(&c->flush.rect);
		ck_assert_uint_eq(c->flush.id, 11);
		break;
	case GPU_TRANSFER_TO_HOST_2D:
		check_rect(&c->transfer.rect);
		ck_assert_uint_eq(c->transfer.offset, 0x123456789abcdef0);
		ck_assert_uint_eq(c->transfer.id, 11);
		break;
	case GPU_RESOURCE_ATTACH_BACKING:
		ck_assert_uint_eq(c->attach.id, 11);
		ck_assert_uint_eq(c->attach.n_entries, 7);
		break;
	case GPU_GET_EDID:
		ck_assert_uint_eq(c->edid.scanout, 5);
		break;
	case GPU_UPDATE_CURSOR:
	case GPU_MOVE_CURSOR:
		ck_assert_uint_eq(c->cursor.scanout, 5);
		ck_assert_uint_eq(c->cursor.x, 1);
		ck_assert_uint_eq(c->cursor.y, 2);
		ck_assert_uint_eq(c->cursor.id, 11);
		ck_assert_uint_eq(c->cursor.hot_x, 3);
		ck_assert_uint_eq(c->cursor.hot_y, 4);
		break;
	default:
		break;
	}
}

START_TEST(every_command_is_read_as_the_specification_draws_it)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		struct gpu_command command;
		uint8_t bytes[GPU_COMMAND_MAX];
		size_t size = write_sample(&samples[i], bytes, sizeof bytes);

		ck_assert_int_eq(gpu_command_decode(bytes, size, &command), 0);
		ck_assert_uint_eq(command.header.type, samples[i].type);
		ck_assert_uint_eq(command.header.flags, GPU_FLAG_FENCE);
		ck_assert_uint_eq(command.header.fence_id, 0x0123456789abcdef);
		ck_assert_uint_eq(command.header.ctx_id, 0x55667788);
		check_body(&command);
	}
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		struct gpu_command command;
		struct gpu_header header;
		uint8_t bytes[GPU_COMMAND_MAX];
		size_t size = write_sample(&samples[i], bytes, sizeof bytes);

		for (size_t n = 0; n < size; n++) {
			uint8_t *exact = malloc(n + !n);

			memcpy(exact, bytes, n);
			poison(&command);
			poison(&header);
			ck_assert_int_eq(gpu_command_decode(exact, n, &command), -EBADMSG);
			assert_poisoned(&command);
			ck_assert_int_eq(gpu_header_decode(exact, n, &header),
				n < GPU_HEADER_SIZE ? -EBADMSG : 0);
			if (n < GPU_HEADER_SIZE)
				assert_poisoned(&header);
			free(exact);
		}
	}
}
END_TEST

START_TEST(bytes_behind_a_command_are_not_looked_at)
{
	uint8_t bytes[GPU_COMMAND_MAX];
	struct gpu_command command;

	memset(bytes, 0xff, sizeof bytes);
	write_sample(&samples[2], bytes, sizeof bytes);
	ck_assert_int_eq(gpu_command_decode(bytes, sizeof bytes, &command), 0);
	check_body(&command);
}
END_TEST

START_TEST(an_unknown_command_is_a_header)
{
	const struct sample unknown = { 0x0207, 0, { 0 } };
	uint8_t bytes[GPU_COMMAND_MAX];
	struct gpu_command command;
	size_t size = write_sample(&unknown, bytes, sizeof bytes);

	ck_assert_int_eq(gpu_command_decode(bytes, size, &command), 0);
	ck_assert_uint_eq(command.header.type, 0x0207);
	ck_assert_str_eq(gpu_command_name(0x0207), "?");
	ck_assert_str_eq(gpu_command_name(GPU_GET_EDID), "GET_EDID");
}
END_TEST

START_TEST(an_entry_is_an_address_and_a_length)
{
	const uint8_t bytes[GPU_ENTRY_SIZE] = { 8, 7, 6, 5, 4, 3, 2, 1, 0x44, 0x33, 0x22, 0x11, 9,
		9 };
	struct gpu_entry entry;

	gpu_entry_decode(bytes, &entry);
	ck_assert_uint_eq(entry.addr, 0x0102030405060708);
	ck_assert_uint_eq(entry.length, 0x11223344);
}
END_TEST

START_TEST(a_fence_goes_back_as_it_came)
{
	const struct gpu_header fenced = { GPU_RESOURCE_FLUSH, 0xff, 0x1122334455667788, 3 };
	const struct gpu_header plain = { GPU_RESOURCE_FLUSH, 0xfe, 0x1122334455667788, 3 };
	struct gpu_header header;
	uint8_t bytes[GPU_HEADER_SIZE];

	ck_assert_uint_eq(gpu_response_encode(&fenced, GPU_OK_NODATA, bytes), GPU_HEADER_SIZE);
	ck_assert_int_eq(gpu_header_decode(bytes, sizeof bytes, &header), 0);
	ck_assert_uint_eq(header.type, GPU_OK_NODATA);
	ck_assert_uint_eq(header.flags, GPU_FLAG_FENCE); /* and none of what we do not do */
	ck_assert_uint_eq(header.fence_id, fenced.fence_id);
	ck_assert_uint_eq(header.ctx_id, fenced.ctx_id);
	gpu_response_encode(&plain, GPU_ERR_UNSPEC, bytes);
	ck_assert_int_eq(gpu_header_decode(bytes, sizeof bytes, &header), 0);
	ck_assert_uint_eq(header.type, GPU_ERR_UNSPEC);
	ck_assert_uint_eq(header.flags, 0);
	ck_assert_uint_eq(header.fence_id, 0);
}
END_TEST

START_TEST(displays_stand_side_by_side)
{
	const struct gpu_header to = { .type = GPU_GET_DISPLAY_INFO };
	uint8_t bytes[GPU_DISPLAY_INFO_SIZE];
	struct hxfr_reader r;

	ck_assert_uint_eq(
		gpu_display_info_encode(&to, 2, 1920, 1080, bytes), GPU_DISPLAY_INFO_SIZE);
	hxfr_reader_init(&r, bytes, sizeof bytes);
	ck_assert_uint_eq(hxfr_reader_u32(&r), GPU_OK_DISPLAY_INFO);
	hxfr_reader_bytes(&r, GPU_HEADER_SIZE - 4);
	for (unsigned i = 0; i < GPU_DISPLAYS; i++) {
		ck_assert_uint_eq(hxfr_reader_u32(&r), i == 1 ? 1920 : 0);
		ck_assert_uint_eq(hxfr_reader_u32(&r), 0);
		ck_assert_uint_eq(hxfr_reader_u32(&r), i < 2 ? 1920 : 0);
		ck_assert_uint_eq(hxfr_reader_u32(&r), i < 2 ? 1080 : 0);
		ck_assert_uint_eq(hxfr_reader_u32(&r), i < 2);
		ck_assert_uint_eq(hxfr_reader_u32(&r), 0);
	}
	ck_assert_int_eq(hxfr_reader_end(&r), 0);
}
END_TEST

START_TEST(an_edid_has_its_size_and_nothing_behind_it)
{
	const struct gpu_header to = { .type = GPU_GET_EDID };
	const uint8_t edid[] = { 1, 2, 3 };
	uint8_t bytes[GPU_EDID_SIZE];

	poison(&bytes);
	ck_assert_uint_eq(gpu_edid_encode(&to, edid, sizeof edid, bytes), GPU_EDID_SIZE);
	ck_assert_uint_eq(bytes[GPU_HEADER_SIZE], 3);
	ck_assert_mem_eq(bytes + GPU_HEADER_SIZE + 8, edid, 3);
	for (size_t i = GPU_HEADER_SIZE + 8 + 3; i < sizeof bytes; i++)
		ck_assert_uint_eq(bytes[i], 0);
}
END_TEST

START_TEST(the_config_space_says_how_many_scanouts)
{
	const uint8_t expected[GPU_CONFIG_SIZE] = { [8] = 4 };
	uint8_t config[GPU_CONFIG_SIZE];

	poison(&config);
	gpu_config_encode(4, config);
	ck_assert_mem_eq(config, expected, sizeof config);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_command_is_read_as_the_specification_draws_it,
		every_truncation_is_refused,
		bytes_behind_a_command_are_not_looked_at,
		an_unknown_command_is_a_header,
		an_entry_is_an_address_and_a_length,
		a_fence_goes_back_as_it_came,
		displays_stand_side_by_side,
		an_edid_has_its_size_and_nothing_behind_it,
		the_config_space_says_how_many_scanouts,
		NULL,
	};
	return suite_run("gpu-command", tests);
}
