/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A driver of virtio-gpu without a ring: commands as bytes into an engine, and the guest memory
 * they talk of. */

#include "virtio/gpu-engine.h"

#define PAGE      4096u
#define HIGH_BASE 0x100000000u /* region 1, behind a hole; region 2 follows it at once */
#define LOW_SIZE  (64u * 1024 * 1024)
#define HIGH_SIZE (16u * 1024)

struct gpu_guest {
	struct loop *loop;
	struct guest_memory memory;
	struct publisher *publisher;
	struct gpu_engine engine;
	unsigned drains; /* how often the publisher wanted one */
	uint8_t answer[GPU_RESPONSE_MAX];
	size_t answer_size, answer_room;
	struct ring_chain chain;
};

/* Two scanouts of 1920x1080. */
void gpu_guest_init(struct gpu_guest *guest);
void gpu_guest_finish(struct gpu_guest *guest);
/* Regions 0 (LOW_SIZE at 0), 1 and 2 (HIGH_SIZE each at HIGH_BASE). */
void gpu_guest_map_all(struct guest_memory *memory);
void gpu_guest_map(struct guest_memory *memory, uint64_t addr, uint64_t size, uint64_t fd_offset);

/* Runs a command of n le32 fields behind a header without fence; returns the type of the answer, 0
 * for none. */
uint32_t gpu_guest_run(struct gpu_guest *guest, enum gpu_queue queue, uint32_t type,
	const uint32_t *fields, unsigned n);
#define gpu_run_fields(guest, queue, type, ...)                                                    \
	gpu_guest_run(guest, queue, type, (const uint32_t[]){ __VA_ARGS__ },                       \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define gpu_control(guest, type, ...) gpu_run_fields(guest, GPU_CONTROL_QUEUE, type, __VA_ARGS__)
/* Bytes as they are, in pieces of at most `piece`. */
uint32_t gpu_guest_run_bytes(
	struct gpu_guest *guest, enum gpu_queue queue, uint8_t *bytes, size_t size, size_t piece);

uint32_t gpu_guest_create(struct gpu_guest *guest, uint32_t id, uint32_t width, uint32_t height);
/* ATTACH_BACKING, its entries as they are. */
uint32_t gpu_guest_attach(
	struct gpu_guest *guest, uint32_t id, const struct gpu_entry *entries, uint32_t n);
/* The same with one entry. */
uint32_t gpu_guest_attach_at(struct gpu_guest *guest, uint32_t id, uint64_t addr, uint32_t size);
uint32_t gpu_guest_set_scanout(
	struct gpu_guest *guest, uint32_t scanout, uint32_t id, uint32_t width, uint32_t height);
uint32_t gpu_guest_flush(struct gpu_guest *guest, uint32_t id, uint32_t width, uint32_t height);
uint32_t gpu_guest_cursor(struct gpu_guest *guest, uint32_t type, uint32_t id, uint32_t x);
