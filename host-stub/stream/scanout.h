/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The screens of the machine the server plays: 0 is its console and always there, 1 to 15 come and
 * go with ENABLE_SCANOUT and DISABLE_SCANOUT, whoever sends them, and stay when their client
 * leaves. Any thread.
 */

#include <hxfr/messages.h>

#include <pthread.h>

#define SCANOUT_COUNT       16u
#define SCANOUT_REFRESH_MAX 240u /* Hz */

struct scanout {
	bool enabled;
	uint32_t width, height; /* pixels */
	uint32_t refresh_hz;
};

struct scanout_table {
	pthread_mutex_t lock;
	struct scanout scanouts[SCANOUT_COUNT];
};

/* width and height: of the console. */
void scanout_table_init(struct scanout_table *table, uint32_t width, uint32_t height);
void scanout_table_finish(struct scanout_table *table);

/* Also changes one that is enabled. -EINVAL: id not 1 to 15, or a size that is none. A refresh of 0
 * is 60 Hz. */
int scanout_enable(struct scanout_table *table, const struct hxfr_enable_scanout *wanted);
/* -ENOENT: it is not enabled, or is the console. */
int scanout_disable(struct scanout_table *table, uint32_t id);
/* -ENOENT: there is no such scanout now. */
int scanout_get(struct scanout_table *table, uint32_t id, struct scanout *ret);
