/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct regions {
	atomic_uint refs;
	unsigned n;
	int fds[RESOURCE_REGIONS_MAX];
};

struct pages {
	struct backing base;
	atomic_uint refs;
	struct regions *regions;
	struct backing_quotas *quotas;

	pthread_mutex_t lock; /* of the mapping */
	uint8_t *data;        /* NULL: not mapped */
	size_t size;          /* bytes */
	size_t n_mappings;

	uint32_t n_runs;
	struct resource_run runs[];
};

static struct pages *pages_of(struct backing *backing)
{
	return (struct pages *)backing;
}

int regions_new(const int *fds, unsigned n, struct regions **ret)
{
	struct regions *regions = calloc(1, sizeof *regions);

	if (!regions || n > RESOURCE_REGIONS_MAX) {
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		free(regions);
		return -ENOMEM;
	}
	atomic_init(&regions->refs, 1);
	regions->n = n;
	memcpy(regions->fds, fds, n * sizeof *fds);
	*ret = regions;
	return 0;
}

struct regions *regions_ref(struct regions *regions)
{
	atomic_fetch_add(&regions->refs, 1);
	return regions;
}

void regions_unref(struct regions *regions)
{
	if (!regions || atomic_fetch_sub(&regions->refs, 1) > 1)
		return;
	for (unsigned i = 0; i < regions->n; i++)
		close(regions->fds[i]);
	free(regions);
}

unsigned regions_count(const struct regions *regions)
{
	return regions->n;
}

int backing_new(struct regions *regions, uint32_t n_runs, struct backing_quotas *quotas,
	struct backing **ret)
{
	struct pages *pages;
	int r = quota_take(&quotas->runs, n_runs);

	if (r < 0)
		return r;
	pages = calloc(1, sizeof *pages + n_runs * sizeof pages->runs[0]);
	if (!pages) {
		quota_give(&quotas->runs, n_runs);
		return -ENOMEM;
	}
	atomic_init(&pages->refs, 1);
	pthread_mutex_init(&pages->lock, NULL);
	pages->regions = regions_ref(regions);
	pages->quotas = quotas;
	pages->n_runs = n_runs;
	*ret = &pages->base;
	return 0;
}

void backing_set_runs(
	struct backing *backing, uint32_t first, const struct resource_run *runs, uint32_t n)
{
	memcpy(pages_of(backing)->runs + first, runs, n * sizeof *runs);
}

struct backing *backing_ref(struct backing *backing)
{
	atomic_fetch_add(&pages_of(backing)->refs, 1);
	return backing;
}

static void unmap(struct pages *pages)
{
	if (!pages->data)
		return;
	munmap(pages->data, pages->size);
	quota_give(&pages->quotas->bytes, pages->size);
	quota_give(&pages->quotas->mappings, pages->n_mappings);
	pages->data = NULL;
}

void backing_unref(struct backing *backing)
{
	struct pages *pages = pages_of(backing);

	if (atomic_fetch_sub(&pages->refs, 1) > 1)
		return;
	unmap(pages);
	quota_give(&pages->quotas->runs, pages->n_runs);
	regions_unref(pages->regions);
	pthread_mutex_destroy(&pages->lock);
	free(pages);
}

/* The run at *at and those that go on where it ends, as one; *at is then behind them. */
static struct resource_run next_stretch(const struct pages *pages, uint32_t *at)
{
	struct resource_run stretch = pages->runs[(*at)++];

	for (; *at < pages->n_runs; (*at)++) {
		const struct resource_run *run = &pages->runs[*at];
		if (run->region != stretch.region || run->offset != stretch.offset + stretch.size)
			break;
		stretch.size += run->size;
	}
	return stretch;
}

static int get_sizes(const struct regions *regions, uint64_t ret[RESOURCE_REGIONS_MAX])
{
	struct stat status;

	for (unsigned i = 0; i < regions->n; i++) {
		if (fstat(regions->fds[i], &status) < 0)
			return -errno;
		ret[i] = status.st_size > 0 ? (uint64_t)status.st_size : 0;
	}
	return 0;
}

/* Reading behind the end of a descriptor would be a SIGBUS. */
static int measure(const struct pages *pages, size_t *ret_size, size_t *ret_mappings)
{
	uint64_t sizes[RESOURCE_REGIONS_MAX];
	size_t size = 0, n = 0;

	int r = get_sizes(pages->regions, sizes);
	if (r < 0)
		return r;
	for (uint32_t at = 0; at < pages->n_runs; n++) {
		struct resource_run stretch = next_stretch(pages, &at);
		uint64_t end = sizes[stretch.region];
		if (stretch.size > end || stretch.offset > end - stretch.size)
			return -EFAULT;
		if (stretch.size > SIZE_MAX - size)
			return -EDQUOT;
		size += stretch.size;
	}
	*ret_size = size;
	*ret_mappings = n;
	return 0;
}

static int map_stretches(const struct pages *pages, uint8_t *data)
{
	for (uint32_t at = 0; at < pages->n_runs;) {
		struct resource_run stretch = next_stretch(pages, &at);
		void *there =
			mmap(data, stretch.size, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
				pages->regions->fds[stretch.region], (off_t)stretch.offset);
		if (there == MAP_FAILED)
			return errno == ENOMEM ? -ENOMEM : -EFAULT;
		data += stretch.size;
	}
	return 0;
}

static int map(struct pages *pages, size_t size)
{
	void *data = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -errno;
	int r = map_stretches(pages, data);
	if (r < 0) {
		munmap(data, size);
		return r;
	}
	pages->data = data;
	pages->size = size;
	return 0;
}

static int map_within_quotas(struct pages *pages)
{
	size_t size, n_mappings;

	int r = measure(pages, &size, &n_mappings);
	if (r < 0)
		return r;
	r = quota_take(&pages->quotas->bytes, size);
	if (r < 0)
		return r;
	r = quota_take(&pages->quotas->mappings, n_mappings);
	if (r == 0) {
		r = map(pages, size);
		if (r == 0) {
			pages->n_mappings = n_mappings;
			return 0;
		}
		quota_give(&pages->quotas->mappings, n_mappings);
	}
	quota_give(&pages->quotas->bytes, size);
	return r;
}

int backing_map(struct backing *backing, const uint8_t **ret_data, size_t *ret_size)
{
	struct pages *pages = pages_of(backing);

	pthread_mutex_lock(&pages->lock);
	int r = pages->data ? 0 : map_within_quotas(pages);
	pthread_mutex_unlock(&pages->lock);
	if (r < 0)
		return r;
	*ret_data = pages->data;
	*ret_size = pages->size;
	return 0;
}

void backing_unmap_idle(struct backing *backing)
{
	struct pages *pages = pages_of(backing);

	if (atomic_load(&pages->refs) == 1)
		unmap(pages);
}
