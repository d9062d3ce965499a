/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a device process says of its guest's resources: decoder, table, mappings. The input is
 * packets, each behind its length of two bytes, little-endian. What decodes must be spelled the
 * same again, what is mapped must be readable, and nothing may be left at the end.
 */

#include "fuzz-target.h"

#include "resource/table.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PACKETS_MAX 512u
#define PAGES_STEP  3u /* region i has so many pages more than the one before */

static struct backing_quotas quotas;
static struct table table;

static int region_fd(unsigned i)
{
	static int fds[RESOURCE_REGIONS_MAX];

	if (fds[i] == 0) {
		fds[i] = memfd_create("guest", MFD_CLOEXEC);
		PROMISE(fds[i] > 0);
		PROMISE(ftruncate(fds[i], (off_t)(i * PAGES_STEP * RESOURCE_RUN_ALIGN)) == 0);
	}
	return dup(fds[i]);
}

static struct regions *make_regions(const struct resource_packet *packet)
{
	int fds[RESOURCE_REGIONS_MAX];
	struct regions *regions;

	for (unsigned i = 0; i < packet->memory.n_regions; i++)
		fds[i] = region_fd(i);
	PROMISE(regions_new(fds, packet->memory.n_regions, &regions) == 0);
	return regions;
}

static void check_same_bytes(const struct resource_packet *packet, const uint8_t *data, size_t size)
{
	uint8_t again[RESOURCE_PACKET_MAX];

	PROMISE(resource_packet_encode(packet, again) == size);
	PROMISE(memcmp(again, data, size) == 0);
}

static void check_mapping(uint32_t id)
{
	const struct table_resource *resource = table_find(&table, id);
	const uint8_t *data;
	volatile uint8_t sum = 0;
	size_t size;

	if (!resource || backing_map(resource->backing, &data, &size) < 0)
		return;
	PROMISE(size >= (size_t)resource->n_runs * RESOURCE_RUN_ALIGN);
	for (size_t at = 0; at < size; at += RESOURCE_RUN_ALIGN)
		sum = (uint8_t)(sum + data[at]);
}

static void check_table(uint64_t serial_before)
{
	PROMISE(table.serial >= serial_before);
	PROMISE(table.n_resources <= TABLE_RESOURCES_MAX);
	for (unsigned i = 0; i < RESOURCE_SCANOUTS_MAX; i++)
		PROMISE(table.scanouts[i].serial <= table.serial);
}

/* As the mirror does it. */
static void take(const uint8_t *data, size_t size)
{
	struct resource_packet packet;
	struct regions *regions = NULL;
	uint64_t serial = table.serial;

	if (resource_packet_decode(data, size, &packet) < 0) {
		table_clear(&table);
		return;
	}
	check_same_bytes(&packet, data, size);
	if (packet.type == RESOURCE_MEMORY)
		regions = make_regions(&packet);
	if (table_apply(&table, &packet, regions) < 0)
		table_clear(&table);
	regions_unref(regions);
	check_table(serial);
	if (packet.type == RESOURCE_ADD)
		check_mapping(packet.add.id);
	table_release(table_take_dropped(&table));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	quota_init(&quotas.runs, 4096);
	quota_init(&quotas.bytes, 64u * RESOURCE_RUN_ALIGN);
	quota_init(&quotas.mappings, 32);
	table_init(&table, &quotas);
	for (unsigned i = 0; i < PACKETS_MAX && size >= 2; i++) {
		size_t n = data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		take(data, n);
		data += n;
		size -= n;
	}
	table_finish(&table);
	PROMISE(atomic_load(&quotas.runs.used) == 0 && atomic_load(&quotas.bytes.used) == 0 &&
		atomic_load(&quotas.mappings.used) == 0);
	return 0;
}
