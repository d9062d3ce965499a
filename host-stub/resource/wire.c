/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire.h"

#include <errno.h>
#include <hxfr/wire.h>

_Static_assert(8 * 4 + RESOURCE_RUNS_PACKET * 20 <= RESOURCE_PACKET_MAX, "a full ADD fits");

static void put_add(struct hxfr_writer *w, const struct resource_packet *packet)
{
	hxfr_writer_u32(w, packet->add.id);
	hxfr_writer_u32(w, packet->add.width);
	hxfr_writer_u32(w, packet->add.height);
	hxfr_writer_u32(w, packet->add.format);
	hxfr_writer_u32(w, packet->add.n_runs);
	hxfr_writer_u32(w, packet->add.first_run);
	hxfr_writer_u32(w, packet->add.n_here);
	for (uint32_t i = 0; i < packet->add.n_here && i < RESOURCE_RUNS_PACKET; i++) {
		hxfr_writer_u32(w, packet->add.runs[i].region);
		hxfr_writer_u64(w, packet->add.runs[i].offset);
		hxfr_writer_u64(w, packet->add.runs[i].size);
	}
}

static void put_scanout(struct hxfr_writer *w, const struct resource_packet *packet)
{
	hxfr_writer_u32(w, packet->scanout.scanout);
	hxfr_writer_u32(w, packet->scanout.id);
	hxfr_writer_u32(w, packet->scanout.x);
	hxfr_writer_u32(w, packet->scanout.y);
	hxfr_writer_u32(w, packet->scanout.width);
	hxfr_writer_u32(w, packet->scanout.height);
}

static void put_flush(struct hxfr_writer *w, const struct resource_packet *packet)
{
	hxfr_writer_u32(w, packet->flush.id);
	hxfr_writer_u32(w, packet->flush.x);
	hxfr_writer_u32(w, packet->flush.y);
	hxfr_writer_u32(w, packet->flush.width);
	hxfr_writer_u32(w, packet->flush.height);
}

static void put_cursor(struct hxfr_writer *w, const struct resource_packet *packet)
{
	hxfr_writer_u32(w, packet->cursor.scanout);
	hxfr_writer_u32(w, packet->cursor.id);
	hxfr_writer_u32(w, packet->cursor.hot_x);
	hxfr_writer_u32(w, packet->cursor.hot_y);
	hxfr_writer_i32(w, packet->cursor.x);
	hxfr_writer_i32(w, packet->cursor.y);
}

size_t resource_packet_encode(const struct resource_packet *packet, uint8_t *ret)
{
	struct hxfr_writer w;
	size_t size = 0;

	hxfr_writer_init(&w, ret, RESOURCE_PACKET_MAX);
	hxfr_writer_u32(&w, packet->type);
	switch (packet->type) {
	case RESOURCE_MEMORY:
		hxfr_writer_u32(&w, packet->memory.n_regions);
		break;
	case RESOURCE_ADD:
		put_add(&w, packet);
		break;
	case RESOURCE_REMOVE:
		hxfr_writer_u32(&w, packet->remove.id);
		break;
	case RESOURCE_SCANOUT:
		put_scanout(&w, packet);
		break;
	case RESOURCE_FLUSH:
		put_flush(&w, packet);
		break;
	case RESOURCE_CURSOR:
		put_cursor(&w, packet);
		break;
	case RESOURCE_SYNC:
	case RESOURCE_SYNCED:
		hxfr_writer_u32(&w, packet->sync.cookie);
		break;
	}
	hxfr_writer_end(&w, &size);
	return size;
}

static bool get_run(struct hxfr_reader *r, struct resource_run *ret)
{
	ret->region = hxfr_reader_u32(r);
	ret->offset = hxfr_reader_u64(r);
	ret->size = hxfr_reader_u64(r);
	return ret->region < RESOURCE_REGIONS_MAX && ret->size > 0 &&
	       ret->offset % RESOURCE_RUN_ALIGN == 0 && ret->size % RESOURCE_RUN_ALIGN == 0 &&
	       ret->size <= RESOURCE_END_MAX && ret->offset <= RESOURCE_END_MAX - ret->size;
}

static bool add_counts_fit(const struct resource_packet *packet)
{
	uint32_t n_runs = packet->add.n_runs, first = packet->add.first_run;
	uint32_t n_here = packet->add.n_here;

	if (n_runs > RESOURCE_RUNS_MAX || n_here > RESOURCE_RUNS_PACKET || first > n_runs ||
		n_here > n_runs - first)
		return false;
	return n_runs == 0 || n_here > 0;
}

static bool get_add(struct hxfr_reader *r, struct resource_packet *ret)
{
	bool fits;

	ret->add.id = hxfr_reader_u32(r);
	ret->add.width = hxfr_reader_u32(r);
	ret->add.height = hxfr_reader_u32(r);
	ret->add.format = hxfr_reader_u32(r);
	ret->add.n_runs = hxfr_reader_u32(r);
	ret->add.first_run = hxfr_reader_u32(r);
	ret->add.n_here = hxfr_reader_u32(r);
	fits = ret->add.id != 0 && add_counts_fit(ret);
	for (uint32_t i = 0; fits && i < ret->add.n_here; i++)
		fits = get_run(r, &ret->add.runs[i]);
	return fits;
}

static bool get_scanout(struct hxfr_reader *r, struct resource_packet *ret)
{
	ret->scanout.scanout = hxfr_reader_u32(r);
	ret->scanout.id = hxfr_reader_u32(r);
	ret->scanout.x = hxfr_reader_u32(r);
	ret->scanout.y = hxfr_reader_u32(r);
	ret->scanout.width = hxfr_reader_u32(r);
	ret->scanout.height = hxfr_reader_u32(r);
	return ret->scanout.scanout < RESOURCE_SCANOUTS_MAX;
}

static bool get_flush(struct hxfr_reader *r, struct resource_packet *ret)
{
	ret->flush.id = hxfr_reader_u32(r);
	ret->flush.x = hxfr_reader_u32(r);
	ret->flush.y = hxfr_reader_u32(r);
	ret->flush.width = hxfr_reader_u32(r);
	ret->flush.height = hxfr_reader_u32(r);
	return ret->flush.id != 0;
}

static bool get_cursor(struct hxfr_reader *r, struct resource_packet *ret)
{
	ret->cursor.scanout = hxfr_reader_u32(r);
	ret->cursor.id = hxfr_reader_u32(r);
	ret->cursor.hot_x = hxfr_reader_u32(r);
	ret->cursor.hot_y = hxfr_reader_u32(r);
	ret->cursor.x = hxfr_reader_i32(r);
	ret->cursor.y = hxfr_reader_i32(r);
	return ret->cursor.scanout < RESOURCE_SCANOUTS_MAX;
}

static bool get_body(struct hxfr_reader *r, struct resource_packet *ret)
{
	switch (ret->type) {
	case RESOURCE_MEMORY:
		ret->memory.n_regions = hxfr_reader_u32(r);
		return ret->memory.n_regions <= RESOURCE_REGIONS_MAX;
	case RESOURCE_ADD:
		return get_add(r, ret);
	case RESOURCE_REMOVE:
		ret->remove.id = hxfr_reader_u32(r);
		return ret->remove.id != 0;
	case RESOURCE_SCANOUT:
		return get_scanout(r, ret);
	case RESOURCE_FLUSH:
		return get_flush(r, ret);
	case RESOURCE_CURSOR:
		return get_cursor(r, ret);
	case RESOURCE_SYNC:
	case RESOURCE_SYNCED:
		ret->sync.cookie = hxfr_reader_u32(r);
		return true;
	default:
		return false;
	}
}

int resource_packet_decode(const void *data, size_t size, struct resource_packet *ret)
{
	struct resource_packet packet;
	struct hxfr_reader r;

	if (size > RESOURCE_PACKET_MAX)
		return -EBADMSG;
	hxfr_reader_init(&r, data, size);
	packet.type = hxfr_reader_u32(&r);
	if (!get_body(&r, &packet) || hxfr_reader_end(&r) < 0)
		return -EBADMSG;
	*ret = packet;
	return 0;
}
