/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-libdrm.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <virtgpu_drm.h>
#include <xf86drm.h>

#define HANDLE_OFFSET 1u

struct buffer {
	dev_t dev;
	ino_t ino;
	bool open;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *driver = FAKE_DRM_DRIVER;
static bool info_fails;
static struct fake_drm_counts counts;
static struct buffer buffers[FAKE_DRM_DIRECTORY];
static unsigned n_buffers;

static const char *const nodes[] = { FAKE_DRM_DECOY, FAKE_DRM_NODE };

void fake_drm_reset(void)
{
	pthread_mutex_lock(&lock);
	driver = FAKE_DRM_DRIVER;
	info_fails = false;
	memset(&counts, 0, sizeof(counts));
	n_buffers = 0;
	pthread_mutex_unlock(&lock);
}

void fake_drm_set_driver(const char *name)
{
	pthread_mutex_lock(&lock);
	driver = name;
	pthread_mutex_unlock(&lock);
}

void fake_drm_fail_info(bool fail)
{
	pthread_mutex_lock(&lock);
	info_fails = fail;
	pthread_mutex_unlock(&lock);
}

void fake_drm_get_counts(struct fake_drm_counts *ret)
{
	pthread_mutex_lock(&lock);
	*ret = counts;
	pthread_mutex_unlock(&lock);
}

/* Index of the descriptor's buffer, or -1 for no descriptor. */
static int find_buffer(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	for (unsigned i = 0; i < n_buffers; i++)
		if (buffers[i].dev == st.st_dev && buffers[i].ino == st.st_ino)
			return (int)i;
	if (n_buffers == FAKE_DRM_DIRECTORY)
		abort();
	buffers[n_buffers] = (struct buffer){ .dev = st.st_dev, .ino = st.st_ino };
	return (int)n_buffers++;
}

uint32_t fake_drm_resource_id(int dmabuf_fd)
{
	pthread_mutex_lock(&lock);
	int i = find_buffer(dmabuf_fd);
	pthread_mutex_unlock(&lock);
	return i < 0 ? 0 : FAKE_DRM_FIRST_ID + (uint32_t)i;
}

static bool is_node(int fd, const char *path)
{
	struct stat node, st;

	return fstat(fd, &st) == 0 && stat(path, &node) == 0 && st.st_rdev == node.st_rdev;
}

static drmDevicePtr make_device(const char *path)
{
	drmDevicePtr d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->nodes = calloc(DRM_NODE_MAX, sizeof(*d->nodes));
	if (!d->nodes)
		abort();
	d->nodes[DRM_NODE_RENDER] = strdup(path);
	d->available_nodes = 1 << DRM_NODE_RENDER;
	d->bustype = DRM_BUS_PCI;
	return d;
}

int drmGetDevices2(uint32_t flags, drmDevicePtr devices[], int max_devices)
{
	int n;

	pthread_mutex_lock(&lock);
	n = driver ? 2 : 1;
	counts.scans += devices != NULL;
	pthread_mutex_unlock(&lock);
	for (int i = 0; devices && i < n && i < max_devices; i++)
		devices[i] = make_device(nodes[i]);
	return n;
}

void drmFreeDevices(drmDevicePtr devices[], int count)
{
	for (int i = 0; i < count; i++) {
		if (!devices[i])
			continue;
		free(devices[i]->nodes[DRM_NODE_RENDER]);
		free(devices[i]->nodes);
		free(devices[i]);
		devices[i] = NULL;
	}
}

drmVersionPtr drmGetVersion(int fd)
{
	drmVersionPtr v = calloc(1, sizeof(*v));
	const char *name;

	if (!v)
		abort();
	pthread_mutex_lock(&lock);
	name = is_node(fd, FAKE_DRM_NODE) ? driver : "i915";
	pthread_mutex_unlock(&lock);
	v->name = strdup(name ? name : "");
	v->name_len = (int)strlen(v->name);
	return v;
}

void drmFreeVersion(drmVersionPtr v)
{
	if (v)
		free(v->name);
	free(v);
}

int drmPrimeFDToHandle(int fd, int prime_fd, uint32_t *handle)
{
	pthread_mutex_lock(&lock);
	int i = find_buffer(prime_fd);

	counts.prime++;
	counts.decoys += !is_node(fd, FAKE_DRM_NODE);
	if (i >= 0) {
		/* like the kernel: one handle for a buffer however often it is imported */
		counts.open += !buffers[i].open;
		buffers[i].open = true;
		*handle = (uint32_t)i + HANDLE_OFFSET;
	}
	pthread_mutex_unlock(&lock);
	if (i >= 0)
		return 0;
	errno = EBADF;
	return -1;
}

static bool handle_open(uint32_t handle)
{
	return handle >= HANDLE_OFFSET && handle - HANDLE_OFFSET < n_buffers &&
	       buffers[handle - HANDLE_OFFSET].open;
}

static int resource_info(int fd, struct drm_virtgpu_resource_info *info)
{
	counts.info++;
	counts.decoys += !is_node(fd, FAKE_DRM_NODE);
	if (info_fails || !handle_open(info->bo_handle))
		return EINVAL;
	info->res_handle = info->bo_handle - HANDLE_OFFSET + FAKE_DRM_FIRST_ID;
	info->size = 0;
	return 0;
}

static int close_handle(int fd, uint32_t handle)
{
	counts.close++;
	if (!is_node(fd, FAKE_DRM_NODE) || !handle_open(handle)) {
		counts.decoys++;
		return EINVAL;
	}
	buffers[handle - HANDLE_OFFSET].open = false;
	counts.open--;
	return 0;
}

static int finish_ioctl(int error)
{
	pthread_mutex_unlock(&lock);
	if (!error)
		return 0;
	errno = error;
	return -1;
}

int drmIoctl(int fd, unsigned long request, void *arg)
{
	pthread_mutex_lock(&lock);
	if (request == DRM_IOCTL_VIRTGPU_RESOURCE_INFO)
		return finish_ioctl(resource_info(fd, arg));
	if (request == DRM_IOCTL_GEM_CLOSE)
		return finish_ioctl(close_handle(fd, ((struct drm_gem_close *)arg)->handle));
	return finish_ioctl(ENOTTY);
}

int drmCloseBufferHandle(int fd, uint32_t handle)
{
	pthread_mutex_lock(&lock);
	return finish_ioctl(close_handle(fd, handle));
}
