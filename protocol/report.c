/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/report.h>
#include <hxfr/wire.h>

#include <errno.h>

void hxfr_report_encode(const struct hxfr_report *report, uint8_t ret[HXFR_REPORT_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, HXFR_REPORT_SIZE);
	hxfr_writer_u32(&w, HXFR_REPORT_MAGIC);
	hxfr_writer_u32(&w, report->ended ? HXFR_REPORT_ENDED : 0);
	hxfr_writer_u64(&w, report->stream);
	hxfr_writer_u64(&w, report->by_id);
	hxfr_writer_u64(&w, report->uploaded);
	hxfr_writer_u64(&w, report->by_pixels);
	hxfr_writer_u64(&w, report->dropped);
}

int hxfr_report_decode(const void *data, size_t size, struct hxfr_report *ret)
{
	struct hxfr_report report;
	struct hxfr_reader r;
	uint32_t magic;

	if (size > HXFR_REPORT_MAX)
		return -EMSGSIZE;
	if (size < HXFR_REPORT_SIZE)
		return -EBADMSG;
	hxfr_reader_init(&r, data, HXFR_REPORT_SIZE);
	magic = hxfr_reader_u32(&r);
	report.ended = (hxfr_reader_u32(&r) & HXFR_REPORT_ENDED) != 0;
	report.stream = hxfr_reader_u64(&r);
	report.by_id = hxfr_reader_u64(&r);
	report.uploaded = hxfr_reader_u64(&r);
	report.by_pixels = hxfr_reader_u64(&r);
	report.dropped = hxfr_reader_u64(&r);
	if (magic != HXFR_REPORT_MAGIC || report.uploaded > report.by_id)
		return -EBADMSG;
	*ret = report;
	return hxfr_reader_end(&r);
}
