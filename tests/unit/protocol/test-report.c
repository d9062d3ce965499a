/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"

#include <hxfr/report.h>

#include <errno.h>
#include <string.h>

static const struct hxfr_report example = {
	.stream = 0x0102030405060708,
	.ended = true,
	.by_id = 1000,
	.uploaded = 10,
	.by_pixels = 0x100,
	.dropped = 2,
};

/* As docs/agent-protocol.md spells it. */
static const uint8_t bytes[HXFR_REPORT_SIZE] = {
	0x48, 0x58, 0x45, 0x52,                         /* magic */
	0x01, 0x00, 0x00, 0x00,                         /* flags: ended */
	0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* stream */
	0xe8, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* by id */
	0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* of those uploaded */
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* by pixels */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* dropped */
};

static void assert_refused(const void *data, size_t size, int error)
{
	struct hxfr_report report, poison;

	memset(&poison, 0xa5, sizeof(poison));
	report = poison;
	ck_assert_int_eq(hxfr_report_decode(data, size, &report), error);
	ck_assert_mem_eq(&report, &poison, sizeof(report));
}

START_TEST(a_report_is_spelled_out)
{
	uint8_t encoded[HXFR_REPORT_SIZE];

	hxfr_report_encode(&example, encoded);
	ck_assert_mem_eq(encoded, bytes, sizeof(bytes));
}
END_TEST

START_TEST(a_report_comes_back_whatever_was_appended)
{
	uint8_t longer[HXFR_REPORT_MAX + 1] = { 0 };
	struct hxfr_report report;

	memcpy(longer, bytes, sizeof(bytes));
	for (size_t size = sizeof(bytes); size <= HXFR_REPORT_MAX; size++) {
		ck_assert_int_eq(hxfr_report_decode(longer, size, &report), 0);
		ck_assert(report.stream == example.stream && report.ended);
		ck_assert_uint_eq(report.by_id, example.by_id);
		ck_assert_uint_eq(report.uploaded, example.uploaded);
		ck_assert_uint_eq(report.by_pixels, example.by_pixels);
		ck_assert_uint_eq(report.dropped, example.dropped);
	}
	assert_refused(longer, sizeof(longer), -EMSGSIZE);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	uint8_t wrong[HXFR_REPORT_SIZE];

	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_refused(bytes, size, -EBADMSG);
	memcpy(wrong, bytes, sizeof(wrong));
	wrong[3] = 'F';
	assert_refused(wrong, sizeof(wrong), -EBADMSG);
	memcpy(wrong, bytes, sizeof(wrong));
	wrong[16 + 8 + 2] = 1; /* uploaded beyond by id */
	assert_refused(wrong, sizeof(wrong), -EBADMSG);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_report_is_spelled_out,
		a_report_comes_back_whatever_was_appended,
		nonsense_is_refused,
		NULL,
	};

	return suite_run("report", tests);
}
