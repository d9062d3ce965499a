/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/framer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t held(const struct hxfr_framer *f)
{
	return f->end - f->start;
}

void hxfr_framer_init(struct hxfr_framer *f, uint32_t payload_max)
{
	*f = (struct hxfr_framer){ .payload_max = payload_max };
}

void hxfr_framer_finish(struct hxfr_framer *f)
{
	free(f->data);
	*f = (struct hxfr_framer){ 0 };
}

static int check_header(const struct hxfr_framer *f, const struct hxfr_header *h)
{
	if (h->payload_size > f->payload_max || h->payload_size > hxfr_type_payload_max(h->type))
		return -EMSGSIZE;
	return 0;
}

/* Bytes to ask the socket for. Exactly the rest of a big message, so that the next one starts at
 * the front of the buffer again and need not be moved there. */
static size_t wanted(const struct hxfr_framer *f)
{
	struct hxfr_header h;
	size_t total;

	if (held(f) < HXFR_HEADER_SIZE || hxfr_header_decode(f->data + f->start, &h) < 0 ||
		check_header(f, &h) < 0)
		return HXFR_READ_SIZE;
	total = HXFR_HEADER_SIZE + (size_t)h.payload_size;
	return total > HXFR_READ_SIZE && total > held(f) ? total - held(f) : HXFR_READ_SIZE;
}

static size_t capacity_max(const struct hxfr_framer *f)
{
	size_t message = HXFR_HEADER_SIZE + (size_t)f->payload_max;

	return (message + HXFR_READ_SIZE - 1) / HXFR_READ_SIZE * HXFR_READ_SIZE;
}

static int make_room(struct hxfr_framer *f, size_t want)
{
	size_t n = held(f), capacity;
	uint8_t *data;

	if (f->start > 0) {
		memmove(f->data, f->data + f->start, n);
		f->start = 0;
		f->end = n;
	}
	capacity = min_size(n + want, max_size(2 * n, HXFR_READ_SIZE));
	capacity = min_size(capacity, capacity_max(f));
	if (capacity > f->capacity) {
		data = realloc(f->data, capacity);
		if (!data)
			return -ENOMEM;
		f->data = data;
		f->capacity = capacity;
	}
	return f->end < f->capacity ? 0 : -ENOBUFS;
}

static void drop_skipped(struct hxfr_framer *f)
{
	size_t n = min_size(f->skip, held(f));

	f->start += n;
	f->skip -= (uint32_t)n;
}

int hxfr_framer_reserve(struct hxfr_framer *f, void **ret_data, size_t *ret_size)
{
	size_t want;
	int r;

	drop_skipped(f);
	want = wanted(f);
	if (held(f) == 0)
		f->start = f->end = 0;
	if (f->capacity - f->end < want) {
		r = make_room(f, want);
		if (r < 0)
			return r;
	}
	*ret_data = f->data + f->end;
	*ret_size = min_size(want, f->capacity - f->end);
	return 0;
}

void hxfr_framer_commit(struct hxfr_framer *f, size_t n)
{
	f->end += n;
}

int hxfr_framer_next(
	struct hxfr_framer *f, struct hxfr_header *ret_header, const uint8_t **ret_payload)
{
	struct hxfr_header h;

	for (;;) {
		drop_skipped(f);
		if (f->error < 0 || held(f) < HXFR_HEADER_SIZE)
			return f->error;
		f->error = hxfr_header_decode(f->data + f->start, &h);
		if (f->error < 0)
			return f->error;
		if (hxfr_type_known(h.type))
			break;
		f->start += HXFR_HEADER_SIZE;
		f->skip = h.payload_size;
		f->skipped_messages++;
	}

	f->error = check_header(f, &h);
	if (f->error < 0 || held(f) - HXFR_HEADER_SIZE < h.payload_size)
		return f->error;
	*ret_header = h;
	*ret_payload = f->data + f->start + HXFR_HEADER_SIZE;
	f->start += HXFR_HEADER_SIZE + (size_t)h.payload_size;
	return 1;
}

bool hxfr_framer_in_message(const struct hxfr_framer *f)
{
	size_t pos = f->start, left = held(f);
	uint64_t skip = f->skip;
	struct hxfr_header h;

	while (left >= skip) {
		pos += skip;
		left -= skip;
		if (left < HXFR_HEADER_SIZE || hxfr_header_decode(f->data + pos, &h) < 0)
			return left > 0;
		skip = HXFR_HEADER_SIZE + (uint64_t)h.payload_size;
	}
	return true;
}
