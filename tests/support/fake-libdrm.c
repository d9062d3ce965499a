/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-libdrm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <virtgpu_drm.h>
#include <xf86drm.h>

#define HANDLE_OFFSET 1u
#define NODES_MAX     8u /* descriptors of nodes that one buffer has a handle on at once */

struct buffer {
	dev_t dev;
	ino_t ino;
	unsigned n_nodes;
	int nodes[NODES_MAX];
	int memfd; /* while a handle is open on what was created here; else -1 */
	struct fake_drm_resource seen; /* zeros: not created here */
	uint8_t *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *driver = FAKE_DRM_DRIVER;
static bool info_fails, transfer_fails, has_3d, create_allowed;
static int import_error;
static unsigned may_create;
static struct fake_drm_counts counts;
static struct buffer buffers[FAKE_DRM_DIRECTORY];
static unsigned n_buffers;

static const char *const nodes[] = { FAKE_DRM_DECOY, FAKE_DRM_NODE };

void fake_drm_reset(void)
{
	pthread_mutex_lock(&lock);
	driver = FAKE_DRM_DRIVER;
	info_fails = transfer_fails = has_3d = create_allowed = false;
	import_error = 0;
	may_create = 0;
	memset(&counts, 0, sizeof(counts));
	for (unsigned i = 0; i < n_buffers; i++) {
		if (buffers[i].memfd >= 0)
			close(buffers[i].memfd);
		free(buffers[i].data);
	}
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

void fake_drm_fail_import(int error)
{
	pthread_mutex_lock(&lock);
	import_error = error;
	pthread_mutex_unlock(&lock);
}

void fake_drm_allow_create(unsigned n)
{
	pthread_mutex_lock(&lock);
	create_allowed = true;
	may_create = n;
	pthread_mutex_unlock(&lock);
}

void fake_drm_fail_transfer(bool fail)
{
	pthread_mutex_lock(&lock);
	transfer_fails = fail;
	pthread_mutex_unlock(&lock);
}

void fake_drm_set_3d(bool yes)
{
	pthread_mutex_lock(&lock);
	has_3d = yes;
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
	buffers[n_buffers] = (struct buffer){ .dev = st.st_dev, .ino = st.st_ino, .memfd = -1 };
	return (int)n_buffers++;
}

/* The buffer that a handle is open for on the node, or NULL. */
static struct buffer *find_handle(int node, uint32_t handle)
{
	struct buffer *b = &buffers[handle - HANDLE_OFFSET];

	if (handle < HANDLE_OFFSET || handle - HANDLE_OFFSET >= n_buffers)
		return NULL;
	for (unsigned i = 0; i < b->n_nodes; i++)
		if (b->nodes[i] == node)
			return b;
	return NULL;
}

/* Like the kernel: one handle for a buffer however often a node imports it. */
static uint32_t open_handle(int node, int i)
{
	uint32_t handle = (uint32_t)i + HANDLE_OFFSET;
	struct buffer *b = &buffers[i];

	if (find_handle(node, handle))
		return handle;
	if (b->n_nodes == NODES_MAX)
		abort();
	b->nodes[b->n_nodes++] = node;
	counts.open++;
	return handle;
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

static int import(int fd, int prime_fd, uint32_t *handle)
{
	int i = find_buffer(prime_fd);

	counts.prime++;
	counts.decoys += !is_node(fd, FAKE_DRM_NODE);
	if (i < 0)
		return EBADF;
	if (import_error && !buffers[i].seen.width)
		return import_error;
	*handle = open_handle(fd, i);
	return 0;
}

static int resource_info(int fd, struct drm_virtgpu_resource_info *info)
{
	counts.info++;
	counts.decoys += !is_node(fd, FAKE_DRM_NODE);
	if (info_fails || !find_handle(fd, info->bo_handle))
		return EINVAL;
	info->res_handle = info->bo_handle - HANDLE_OFFSET + FAKE_DRM_FIRST_ID;
	info->size = 0;
	return 0;
}

static int get_param(const struct drm_virtgpu_getparam *get)
{
	if (get->param != VIRTGPU_PARAM_3D_FEATURES)
		return EINVAL;
	*(int *)(uintptr_t)get->value = has_3d;
	return 0;
}

static int resource_create(int fd, struct drm_virtgpu_resource_create *create)
{
	bool sane = create->target == 2 && create->depth == 1 && create->array_size == 1 &&
		    create->size == create->width * create->height * 4;
	int memfd, i;

	counts.decoys += !is_node(fd, FAKE_DRM_NODE);
	if (!create_allowed || !sane || may_create == 0) {
		counts.refused++;
		return !create_allowed ? ENOTTY : sane ? ENOMEM : EINVAL;
	}
	may_create--;
	memfd = memfd_create("fake-resource", MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, create->size) < 0)
		abort();
	i = find_buffer(memfd);
	buffers[i].memfd = memfd;
	buffers[i].seen = (struct fake_drm_resource){
		.width = create->width,
		.height = create->height,
		.size = create->size,
	};
	create->bo_handle = open_handle(fd, i);
	create->res_handle = FAKE_DRM_FIRST_ID + (uint32_t)i;
	counts.create++;
	return 0;
}

static int transfer(int fd, const struct drm_virtgpu_3d_transfer_to_host *t)
{
	struct buffer *b = find_handle(fd, t->bo_handle);

	if (!b || b->memfd < 0 || t->box.x || t->box.y || t->box.w != b->seen.width ||
		t->box.h != b->seen.height || t->box.d != 1 || t->offset) {
		counts.decoys++;
		return EINVAL;
	}
	if (transfer_fails)
		return EIO;
	if (!b->data)
		b->data = malloc(b->seen.size);
	if (!b->data || pread(b->memfd, b->data, b->seen.size, 0) != (ssize_t)b->seen.size)
		abort();
	b->seen.data = b->data;
	b->seen.transfers++;
	counts.transfer++;
	return 0;
}

struct fake_drm_resource fake_drm_resource(uint32_t id)
{
	struct fake_drm_resource seen = { 0 };

	pthread_mutex_lock(&lock);
	if (id >= FAKE_DRM_FIRST_ID && id - FAKE_DRM_FIRST_ID < n_buffers)
		seen = buffers[id - FAKE_DRM_FIRST_ID].seen;
	pthread_mutex_unlock(&lock);
	if (!seen.width)
		abort();
	return seen;
}

static int close_handle(int fd, uint32_t handle)
{
	struct buffer *b = find_handle(fd, handle);

	counts.close++;
	if (!b || !is_node(fd, FAKE_DRM_NODE)) {
		counts.decoys++;
		return EINVAL;
	}
	for (unsigned i = 0; i < b->n_nodes; i++)
		if (b->nodes[i] == fd)
			b->nodes[i] = b->nodes[--b->n_nodes];
	if (b->n_nodes == 0 && b->memfd >= 0) {
		close(b->memfd);
		b->memfd = -1;
	}
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

int drmPrimeFDToHandle(int fd, int prime_fd, uint32_t *handle)
{
	pthread_mutex_lock(&lock);
	return finish_ioctl(import(fd, prime_fd, handle));
}

/* close-on-exec: flags are not looked at */
int drmPrimeHandleToFD(int fd, uint32_t handle, uint32_t flags, int *prime_fd)
{
	struct buffer *b;

	pthread_mutex_lock(&lock);
	b = find_handle(fd, handle);
	if (!b || b->memfd < 0)
		return finish_ioctl(ENOENT);
	*prime_fd = fcntl(b->memfd, F_DUPFD_CLOEXEC, 0);
	return finish_ioctl(*prime_fd < 0 ? EMFILE : 0);
}

int drmIoctl(int fd, unsigned long request, void *arg)
{
	pthread_mutex_lock(&lock);
	if (request == DRM_IOCTL_VIRTGPU_RESOURCE_INFO)
		return finish_ioctl(resource_info(fd, arg));
	if (request == DRM_IOCTL_VIRTGPU_GETPARAM)
		return finish_ioctl(get_param(arg));
	if (request == DRM_IOCTL_VIRTGPU_RESOURCE_CREATE)
		return finish_ioctl(resource_create(fd, arg));
	if (request == DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST)
		return finish_ioctl(transfer(fd, arg));
	if (request == DRM_IOCTL_GEM_CLOSE)
		return finish_ioctl(close_handle(fd, ((struct drm_gem_close *)arg)->handle));
	return finish_ioctl(ENOTTY);
}

int drmCloseBufferHandle(int fd, uint32_t handle)
{
	pthread_mutex_lock(&lock);
	return finish_ioctl(close_handle(fd, handle));
}
