/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ring and its driver, for the suites of virtio/ring.h. */

#include "fake-driver.h"
#include "virtio/ring.h"

#define RING_SIZE 8u
#define EVENT_IDX (1ull << 29)

/* Guest-physical places that fake_ram_alloc() does not reach in these tests. */
#define DATA     (FAKE_RAM_LOW + 0x200000)
#define TABLE    (FAKE_RAM_LOW + 0x300000)
#define LOW_END  (FAKE_RAM_LOW + FAKE_RAM_SIZE / 2)
#define HIGH_END (FAKE_RAM_HIGH + FAKE_RAM_SIZE / 2)

extern struct fake_ram ram;
extern struct fake_queue queue;
extern struct guest_memory memory;
extern struct ring ring;
extern struct ring_chain chain;

/* Empty, started at 0 without features. */
void ring_setup(void);
void ring_teardown(void);
void ring_renew(void);

/* Empty, from another index on. */
void start_at(uint16_t base, uint64_t features);
/* A request of one buffer; returns its head. */
uint16_t put_one(void);
/* Puts, pops and pushes one. */
void serve_one(void);
/* Did one come back? */
bool take_one(void);
