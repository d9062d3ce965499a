/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scanout.h"

#include "picture.h"

#include <errno.h>

#define DEFAULT_REFRESH 60u /* Hz */

void scanout_table_init(struct scanout_table *table, uint32_t width, uint32_t height)
{
	*table = (struct scanout_table){ .lock = PTHREAD_MUTEX_INITIALIZER };
	table->scanouts[0] = (struct scanout){
		.enabled = true,
		.width = width,
		.height = height,
		.refresh_hz = DEFAULT_REFRESH,
	};
}

void scanout_table_finish(struct scanout_table *table)
{
	pthread_mutex_destroy(&table->lock);
}

int scanout_enable(struct scanout_table *table, const struct hxfr_enable_scanout *wanted)
{
	uint32_t refresh_hz = wanted->refresh_hz ? wanted->refresh_hz : DEFAULT_REFRESH;

	if (wanted->scanout_id == 0 || wanted->scanout_id >= SCANOUT_COUNT)
		return -EINVAL;
	if (picture_check(wanted->width, wanted->height, HXFR_FORMAT_NV12) < 0)
		return -EINVAL;
	pthread_mutex_lock(&table->lock);
	table->scanouts[wanted->scanout_id] = (struct scanout){
		.enabled = true,
		.width = wanted->width,
		.height = wanted->height,
		.refresh_hz = refresh_hz < SCANOUT_REFRESH_MAX ? refresh_hz : SCANOUT_REFRESH_MAX,
	};
	pthread_mutex_unlock(&table->lock);
	return 0;
}

int scanout_disable(struct scanout_table *table, uint32_t id)
{
	if (id == 0 || id >= SCANOUT_COUNT)
		return -ENOENT;
	pthread_mutex_lock(&table->lock);
	int r = table->scanouts[id].enabled ? 0 : -ENOENT;
	table->scanouts[id].enabled = false;
	pthread_mutex_unlock(&table->lock);
	return r;
}

int scanout_get(struct scanout_table *table, uint32_t id, struct scanout *ret)
{
	if (id >= SCANOUT_COUNT)
		return -ENOENT;
	pthread_mutex_lock(&table->lock);
	struct scanout scanout = table->scanouts[id];
	pthread_mutex_unlock(&table->lock);
	if (!scanout.enabled)
		return -ENOENT;
	*ret = scanout;
	return 0;
}
