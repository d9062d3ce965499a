/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-guest.h"
#include "suite.h"

#include <hxfr/wire.h>
#include <sys/mman.h>
#include <unistd.h>

static void snapshot(void *self, unsigned to)
{
	struct gpu_guest *guest = self;

	gpu_engine_snapshot(&guest->engine, to);
}

static void show(void *self, unsigned to)
{
	struct gpu_guest *guest = self;

	gpu_engine_show(&guest->engine, to);
}

static void drain(void *self)
{
	struct gpu_guest *guest = self;

	guest->drains++;
}

static const struct publisher_impl publisher_impl = {
	.snapshot = snapshot, .show = show, .drain = drain
};

void gpu_guest_map(struct guest_memory *memory, uint64_t addr, uint64_t size, uint64_t fd_offset)
{
	const struct guest_region region = {
		.guest_addr = addr,
		.size = size,
		.user_addr = addr + 0x7f0000000000,
		.fd_offset = fd_offset,
	};
	int fd = memfd_create("guest", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(fd_offset + size)), 0);
	ck_assert_int_eq(guest_memory_add(memory, &region, fd), 0);
}

void gpu_guest_map_all(struct guest_memory *memory)
{
	guest_memory_init(memory);
	gpu_guest_map(memory, 0, LOW_SIZE, 0);
	gpu_guest_map(memory, HIGH_BASE, HIGH_SIZE, 4 * PAGE);
	gpu_guest_map(memory, HIGH_BASE + HIGH_SIZE, HIGH_SIZE, 0);
}

void gpu_guest_init(struct gpu_guest *guest)
{
	const struct edid_mode mode = { 1920, 1080, 60 };

	memset(guest, 0, sizeof *guest);
	ck_assert_int_eq(loop_new(&guest->loop), 0);
	gpu_guest_map_all(&guest->memory);
	ck_assert_int_eq(
		publisher_new(&publisher_impl, guest, guest->loop, NULL, &guest->publisher), 0);
	ck_assert_int_eq(gpu_engine_init(&guest->engine, 2, &mode, NULL), 0);
	guest->engine.publisher = guest->publisher;
	guest->engine.memory = &guest->memory;
	guest->answer_room = sizeof guest->answer;
}

void gpu_guest_finish(struct gpu_guest *guest)
{
	publisher_destroy(guest->publisher);
	gpu_engine_finish(&guest->engine);
	guest_memory_finish(&guest->memory);
	loop_destroy(guest->loop);
}

uint32_t gpu_guest_run_bytes(
	struct gpu_guest *guest, enum gpu_queue queue, uint8_t *bytes, size_t size, size_t piece)
{
	struct ring_chain *chain = &guest->chain;
	struct gpu_header header;

	*chain = (struct ring_chain){ .out = chain->iov, .out_size = size };
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		ck_assert_uint_lt(chain->n_out, RING_CHAIN_MAX - 1);
		chain->iov[chain->n_out++] = (struct iovec){ bytes + at, n };
	}
	chain->in = chain->iov + chain->n_out;
	chain->in[0] = (struct iovec){ guest->answer, guest->answer_room };
	chain->n_in = guest->answer_room > 0;
	chain->in_size = guest->answer_room;
	memset(guest->answer, POISON, sizeof guest->answer);
	guest->answer_size = gpu_engine_execute(&guest->engine, queue, chain);
	ck_assert_uint_le(guest->answer_size, guest->answer_room);
	ck_assert(is_poisoned(
		guest->answer + guest->answer_size, sizeof guest->answer - guest->answer_size));
	if (guest->answer_size == 0)
		return 0;
	ck_assert_int_eq(gpu_header_decode(guest->answer, guest->answer_size, &header), 0);
	return header.type;
}

uint32_t gpu_guest_run(struct gpu_guest *guest, enum gpu_queue queue, uint32_t type,
	const uint32_t *fields, unsigned n)
{
	uint8_t bytes[GPU_COMMAND_MAX];
	struct hxfr_writer w;
	size_t size = 0;

	hxfr_writer_init(&w, bytes, sizeof bytes);
	hxfr_writer_u32(&w, type);
	hxfr_writer_zero(&w, GPU_HEADER_SIZE - 4);
	for (unsigned i = 0; i < n; i++)
		hxfr_writer_u32(&w, fields[i]);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), 0);
	return gpu_guest_run_bytes(guest, queue, bytes, size, size);
}

uint32_t gpu_guest_create(struct gpu_guest *guest, uint32_t id, uint32_t width, uint32_t height)
{
	return gpu_control(guest, GPU_RESOURCE_CREATE_2D, id, 2, width, height);
}

uint32_t gpu_guest_attach(
	struct gpu_guest *guest, uint32_t id, const struct gpu_entry *entries, uint32_t n)
{
	size_t size = GPU_ATTACH_SIZE + (size_t)n * GPU_ENTRY_SIZE, written = 0;
	uint8_t *bytes = malloc(size);
	struct hxfr_writer w;
	uint32_t type;

	hxfr_writer_init(&w, bytes, size);
	hxfr_writer_u32(&w, GPU_RESOURCE_ATTACH_BACKING);
	hxfr_writer_zero(&w, GPU_HEADER_SIZE - 4);
	hxfr_writer_u32(&w, id);
	hxfr_writer_u32(&w, n);
	for (uint32_t i = 0; i < n; i++) {
		hxfr_writer_i64(&w, (int64_t)entries[i].addr);
		hxfr_writer_u32(&w, entries[i].length);
		hxfr_writer_zero(&w, 4);
	}
	ck_assert_int_eq(hxfr_writer_end(&w, &written), 0);
	/* As Linux does with many: page by page. */
	type = gpu_guest_run_bytes(guest, GPU_CONTROL_QUEUE, bytes, size, PAGE);
	free(bytes);
	return type;
}

uint32_t gpu_guest_attach_at(struct gpu_guest *guest, uint32_t id, uint64_t addr, uint32_t size)
{
	const struct gpu_entry entry = { addr, size };

	return gpu_guest_attach(guest, id, &entry, 1);
}

uint32_t gpu_guest_set_scanout(
	struct gpu_guest *guest, uint32_t scanout, uint32_t id, uint32_t width, uint32_t height)
{
	return gpu_control(guest, GPU_SET_SCANOUT, 0, 0, width, height, scanout, id);
}

uint32_t gpu_guest_flush(struct gpu_guest *guest, uint32_t id, uint32_t width, uint32_t height)
{
	return gpu_control(guest, GPU_RESOURCE_FLUSH, 0, 0, width, height, id, 0);
}

uint32_t gpu_guest_cursor(struct gpu_guest *guest, uint32_t type, uint32_t id, uint32_t x)
{
	return gpu_run_fields(guest, GPU_CURSOR_QUEUE, type, 0, x, 20, 0, id, 3, 4, 0);
}
