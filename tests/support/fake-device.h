/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A device process that publishes what a test says (resource/wire.h), from guest memory of its own.
 * One client at a time; SYNC is answered by a thread. A failure fails the test.
 */

#include "resource/wire.h"

#include <pthread.h>
#include <sys/un.h>

#define FAKE_DEVICE_PAGES      4096u /* of guest memory: 16 MiB */
#define FAKE_DEVICE_PAGE       RESOURCE_RUN_ALIGN
#define FAKE_DEVICE_TIMEOUT_MS 10000

struct fake_device;
typedef void (*fake_device_fn)(struct fake_device *device);

struct fake_device {
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* abstract: "@..." */
	int memory_fd;
	uint8_t *memory; /* FAKE_DEVICE_PAGES, shared with whoever maps memory_fd */

	pthread_mutex_t lock; /* of what follows */
	bool mute;
	fake_device_fn on_sync, on_client;
	pthread_cond_t changed;
	pthread_t thread;
	int listen_fd, fd;           /* fd: of the client; -1: none */
	unsigned n_clients, n_syncs; /* ever */
	bool stop;
};

void fake_device_start(struct fake_device *device);
void fake_device_stop(struct fake_device *device);
/* Closes the connection, keeps the memory; the client may come again. */
void fake_device_drop_client(struct fake_device *device);
/* Until so many clients, or SYNCs, have come, ever. */
void fake_device_wait_clients(struct fake_device *device, unsigned n);
void fake_device_wait_syncs(struct fake_device *device, unsigned n);
/* Until the client closed. */
void fake_device_wait_gone(struct fake_device *device);

unsigned fake_device_syncs(struct fake_device *device);

/* SYNC is not answered. */
void fake_device_mute(struct fake_device *device, bool mute);
/* Called by the thread before SYNCED is sent, or when a client came; may be NULL, and use the
 * functions below. */
void fake_device_on_sync(struct fake_device *device, fake_device_fn on_sync);
void fake_device_on_client(struct fake_device *device, fake_device_fn on_client);

/* To the client, which must be there. */
void fake_device_send(struct fake_device *device, const struct resource_packet *packet);
void fake_device_send_raw(
	struct fake_device *device, const void *data, size_t size, const int *fds, unsigned n_fds);

/* MEMORY of one region, the whole memory. */
void fake_device_memory(struct fake_device *device);
/* A resource whose pages are n_runs of memory, in as many packets as it takes. */
void fake_device_add(struct fake_device *device, const struct resource_packet *add,
	const struct resource_run *runs);
/* A B8G8R8X8 one in consecutive pages from first_page on. */
void fake_device_add_plain(struct fake_device *device, uint32_t id, uint32_t width, uint32_t height,
	uint32_t first_page);
void fake_device_remove(struct fake_device *device, uint32_t id);
void fake_device_scanout(
	struct fake_device *device, uint32_t scanout, uint32_t id, uint32_t width, uint32_t height);
void fake_device_flush(struct fake_device *device, uint32_t id);
