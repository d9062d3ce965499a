/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

#include "inlet.h"
#include "seqpacket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_PER_ROUND 64u /* then watchers are told */

struct mirror {
	char *path;
	const struct log_sink *log;
	struct backing_quotas quotas;
	pthread_t thread;
	int stop_fd;                   /* eventfd; readable: stop */
	bool complained;               /* of a device process that makes no sense, until one does */
	struct resource_packet packet; /* of the thread */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	int fd; /* -1: no device process */
	uint64_t n_connections;
	uint32_t cookie, synced; /* the last sent, and answered */
	uint64_t n_voids;        /* times a MEMORY made void what was known */
	struct table table;
	int watchers[MIRROR_WATCHERS_MAX];
	unsigned n_watchers;
};

/* What was dropped is released without the lock: munmap(2) takes its time. */
static void unlock(struct mirror *m)
{
	struct backing *dropped = table_take_dropped(&m->table);

	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	table_release(dropped);
}

static void tell_watchers(struct mirror *m)
{
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->n_watchers; i++)
		eventfd_write(m->watchers[i], 1);
	pthread_mutex_unlock(&m->lock);
}

static bool connect_device(struct mirror *m)
{
	int fd;

	if (seqpacket_connect(m->path, &fd) < 0)
		return false;
	pthread_mutex_lock(&m->lock);
	m->fd = fd;
	m->n_connections++;
	m->synced = m->cookie;
	unlock(m);
	log_write(m->log, LOG_LEVEL_INFO, "resources: connected to %s", m->path);
	return true;
}

static void disconnect_device(struct mirror *m, int error)
{
	pthread_mutex_lock(&m->lock);
	close(m->fd);
	m->fd = -1;
	table_clear(&m->table);
	unlock(m);
	tell_watchers(m);
	if (error == -ENOTCONN)
		log_write(m->log, LOG_LEVEL_INFO, "resources: %s is gone", m->path);
	else if (!m->complained)
		log_write(m->log, LOG_LEVEL_WARNING, "resources: %s makes no sense (%s); again",
			m->path, strerror(-error));
	m->complained = error != -ENOTCONN;
}

static int apply(struct mirror *m, struct regions *regions)
{
	int r = 0;

	pthread_mutex_lock(&m->lock);
	if (m->packet.type == RESOURCE_MEMORY && m->table.regions)
		m->n_voids++;
	if (m->packet.type == RESOURCE_SYNCED && (int32_t)(m->cookie - m->packet.sync.cookie) < 0)
		r = -EBADMSG;
	else if (m->packet.type == RESOURCE_SYNCED)
		m->synced = m->packet.sync.cookie;
	else
		r = table_apply(&m->table, &m->packet, regions);
	unlock(m);
	return r;
}

static int take_packet(struct mirror *m)
{
	struct regions *regions;

	int r = inlet_receive(m->fd, &m->packet, &regions);
	if (r < 0)
		return r;
	r = apply(m, regions);
	regions_unref(regions);
	return r;
}

static void take_packets(struct mirror *m)
{
	uint64_t before = m->table.serial;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < PACKETS_PER_ROUND; i++)
		r = take_packet(m);
	if (r < 0 && r != -EAGAIN)
		disconnect_device(m, r);
	else if (m->table.serial != before)
		tell_watchers(m);
}

static void *mirror_main(void *user)
{
	struct mirror *m = user;
	struct pollfd fds[] = { { .fd = m->stop_fd, .events = POLLIN }, { .events = POLLIN } };

	for (;;) {
		fds[1].fd = m->fd;
		poll(fds, 2, m->fd < 0 ? (int)MIRROR_RETRY_MS : -1);
		if (fds[0].revents)
			break;
		if (m->fd < 0)
			connect_device(m);
		else if (fds[1].revents)
			take_packets(m);
	}
	return NULL;
}

static void init_lock(struct mirror *m)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void mirror_free(struct mirror *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->stop_fd >= 0)
		close(m->stop_fd);
	table_finish(&m->table);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m->path);
	free(m);
}

static int start(struct mirror *m)
{
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->stop_fd < 0)
		return -errno;
	/* Here, so that a device process that is there already is there from the start. */
	connect_device(m);
	return -pthread_create(&m->thread, NULL, mirror_main, m);
}

int mirror_new(const char *path, const struct log_sink *log, struct mirror **ret)
{
	if (strlen(path) == 0 || strlen(path) > MIRROR_PATH_MAX)
		return -EMSGSIZE;
	struct mirror *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->path = strdup(path);
	if (!m->path) {
		free(m);
		return -ENOMEM;
	}
	m->log = log;
	m->fd = m->stop_fd = -1;
	quota_init(&m->quotas.runs, MIRROR_RUNS_MAX);
	quota_init(&m->quotas.bytes, MIRROR_MAPPED_MAX);
	quota_init(&m->quotas.mappings, MIRROR_MAPPINGS_MAX);
	table_init(&m->table, &m->quotas);
	init_lock(m);
	int r = start(m);
	if (r < 0) {
		mirror_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void mirror_destroy(struct mirror *mirror)
{
	if (!mirror)
		return;
	eventfd_write(mirror->stop_fd, 1);
	pthread_join(mirror->thread, NULL);
	mirror_free(mirror);
}

static int send_sync(struct mirror *m)
{
	if (m->fd < 0)
		return -ENOTCONN;
	int r = inlet_send_sync(m->fd, ++m->cookie);
	return r == 0 || r == -EAGAIN ? r : -ENOTCONN;
}

static struct timespec sync_deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += MIRROR_SYNC_TIMEOUT_MS / 1000;
	t.tv_nsec += MIRROR_SYNC_TIMEOUT_MS % 1000 * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Under the lock. */
static int wait_for_resource(
	struct mirror *m, uint32_t id, bool patient, const struct table_resource **ret)
{
	const struct timespec deadline = sync_deadline();
	int r = 0;

	*ret = table_find(&m->table, id);
	if (*ret)
		return 0;
	if (!patient)
		return m->fd < 0 ? -ENOTCONN : -ENOENT;
	const uint64_t connection = m->n_connections;
	uint64_t n_voids = m->n_voids;
	r = send_sync(m);
	uint32_t cookie = m->cookie;
	while (r == 0) {
		*ret = table_find(&m->table, id);
		if (*ret)
			return 0;
		if (m->fd < 0 || m->n_connections != connection)
			return -ENOTCONN;
		if ((int32_t)(m->synced - cookie) < 0) {
			r = -pthread_cond_timedwait(&m->changed, &m->lock, &deadline);
		} else if (m->n_voids == n_voids) {
			return -ENOENT;
		} else {
			n_voids = m->n_voids;
			r = send_sync(m);
			cookie = m->cookie;
		}
	}
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

int mirror_catch_up(struct mirror *m)
{
	const struct table_resource *none;

	pthread_mutex_lock(&m->lock);
	int r = wait_for_resource(m, 0, true, &none); /* an id that no resource has */
	pthread_mutex_unlock(&m->lock);
	return r == -ENOENT ? 0 : r;
}

/* References are only taken under the lock. */
static void unmap_idle(struct mirror *m)
{
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->table.n_resources; i++)
		if (m->table.resources[i].backing)
			backing_unmap_idle(m->table.resources[i].backing);
	pthread_mutex_unlock(&m->lock);
}

static int map(struct mirror *m, uint32_t id, bool patient, struct mirror_pixels *ret)
{
	const struct table_resource *resource;
	struct mirror_pixels pixels = { 0 };

	pthread_mutex_lock(&m->lock);
	int r = wait_for_resource(m, id, patient, &resource);
	if (r == 0)
		pixels = (struct mirror_pixels){
			.id = id,
			.width = resource->width,
			.height = resource->height,
			.format = resource->format,
			.backing = backing_ref(resource->backing),
		};
	pthread_mutex_unlock(&m->lock);
	if (r < 0)
		return r;
	r = backing_map(pixels.backing, &pixels.data, &pixels.size);
	if (r == -EDQUOT) {
		unmap_idle(m);
		r = backing_map(pixels.backing, &pixels.data, &pixels.size);
	}
	if (r < 0) {
		backing_unref(pixels.backing);
		return r;
	}
	*ret = pixels;
	return 0;
}

int mirror_map(struct mirror *mirror, uint32_t id, struct mirror_pixels *ret)
{
	return map(mirror, id, true, ret);
}

int mirror_map_known(struct mirror *mirror, uint32_t id, struct mirror_pixels *ret)
{
	return map(mirror, id, false, ret);
}

void mirror_unmap(struct mirror *mirror, const struct mirror_pixels *pixels)
{
	(void)mirror;
	backing_unref(pixels->backing);
}

int mirror_scanout(struct mirror *mirror, uint32_t scanout, struct mirror_scanout *ret)
{
	if (scanout >= RESOURCE_SCANOUTS_MAX)
		return -ENOENT;
	pthread_mutex_lock(&mirror->lock);
	struct table_scanout found = mirror->table.scanouts[scanout];
	pthread_mutex_unlock(&mirror->lock);
	if (found.id == 0)
		return -ENOENT;
	*ret = (struct mirror_scanout){
		.id = found.id,
		.x = found.x,
		.y = found.y,
		.width = found.width,
		.height = found.height,
		.serial = found.serial,
	};
	return 0;
}

int mirror_cursor(struct mirror *mirror, uint32_t scanout, struct table_cursor *ret)
{
	if (scanout >= RESOURCE_SCANOUTS_MAX)
		return -ENOENT;
	pthread_mutex_lock(&mirror->lock);
	struct table_cursor found = mirror->table.cursors[scanout];
	pthread_mutex_unlock(&mirror->lock);
	if (found.id == 0)
		return -ENOENT;
	*ret = found;
	return 0;
}

int mirror_watch(struct mirror *mirror, int event_fd)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&mirror->lock);
	if (mirror->n_watchers < MIRROR_WATCHERS_MAX) {
		mirror->watchers[mirror->n_watchers++] = event_fd;
		r = 0;
	}
	pthread_mutex_unlock(&mirror->lock);
	return r;
}

void mirror_unwatch(struct mirror *mirror, int event_fd)
{
	pthread_mutex_lock(&mirror->lock);
	for (unsigned i = 0; i < mirror->n_watchers; i++)
		if (mirror->watchers[i] == event_fd) {
			mirror->watchers[i] = mirror->watchers[--mirror->n_watchers];
			break;
		}
	pthread_mutex_unlock(&mirror->lock);
}
