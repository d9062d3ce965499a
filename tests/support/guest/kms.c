/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kms.h"

#include "drm-node.h"
#include "virtgpu.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

static int find_crtc(
	int fd, const drmModeRes *resources, const drmModeConnector *connector, uint32_t *ret)
{
	for (int i = 0; i < connector->count_encoders; i++) {
		drmModeEncoder *encoder = drmModeGetEncoder(fd, connector->encoders[i]);
		uint32_t possible = encoder ? encoder->possible_crtcs : 0;

		drmModeFreeEncoder(encoder);
		for (int c = 0; c < resources->count_crtcs; c++)
			if (possible >> c & 1) {
				*ret = resources->crtcs[c];
				return 0;
			}
	}
	return -ENXIO;
}

static int find_mode(
	const drmModeConnector *connector, uint32_t width, uint32_t height, drmModeModeInfo *ret)
{
	for (int i = 0; i < connector->count_modes; i++) {
		const drmModeModeInfo *mode = &connector->modes[i];

		if (width == 0 || (mode->hdisplay == width && mode->vdisplay == height)) {
			*ret = *mode;
			return 0;
		}
	}
	return -EINVAL;
}

static int choose(struct kms *k, const drmModeRes *resources, unsigned output, uint32_t width,
	uint32_t height)
{
	if (!resources || output >= (unsigned)resources->count_connectors)
		return -ENXIO;
	drmModeConnector *connector = drmModeGetConnector(k->fd, resources->connectors[output]);
	if (!connector)
		return -errno;
	int r = -ENXIO;

	if (connector->connection == DRM_MODE_CONNECTED)
		r = find_mode(connector, width, height, &k->mode);
	if (r == 0)
		r = find_crtc(k->fd, resources, connector, &k->crtc);
	k->connector = connector->connector_id;
	drmModeFreeConnector(connector);
	return r;
}

int kms_open(unsigned output, uint32_t width, uint32_t height, struct kms *ret)
{
	struct kms k = { 0 };

	int r = drm_node_open(DRM_DRIVER_VIRTIO, DRM_NODE_PRIMARY, &k.fd);
	if (r < 0)
		return r;
	drmModeRes *resources = drmModeGetResources(k.fd);
	r = choose(&k, resources, output, width, height);
	drmModeFreeResources(resources);
	if (r < 0) {
		close(k.fd);
		return r;
	}
	*ret = k;
	return 0;
}

void kms_close(struct kms *k)
{
	close(k->fd);
	k->fd = -1;
}

static int allocate(struct kms *k, uint32_t width, uint32_t height, struct kms_buffer *b)
{
	uint64_t size, offset;

	*b = (struct kms_buffer){ .width = width, .height = height };
	if (drmModeCreateDumbBuffer(k->fd, width, height, 32, 0, &b->handle, &b->stride, &size) !=
		0)
		return -errno;
	b->size = size;
	int r = virtgpu_info(k->fd, b->handle, &b->id);
	if (r < 0)
		return r;
	if (drmModeMapDumbBuffer(k->fd, b->handle, &offset) != 0)
		return -errno;
	void *pixels =
		mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, (off_t)offset);
	if (pixels == MAP_FAILED)
		return -errno;
	b->pixels = pixels;
	return 0;
}

static int add_framebuffer(struct kms *k, struct kms_buffer *b)
{
	const uint32_t handles[4] = { b->handle }, strides[4] = { b->stride }, offsets[4] = { 0 };

	if (drmModeAddFB2(k->fd, b->width, b->height, DRM_FORMAT_XRGB8888, handles, strides,
		    offsets, &b->fb, 0) != 0)
		return -errno;
	return 0;
}

static int buffer_new(struct kms *k, uint32_t width, uint32_t height, bool with_framebuffer,
	struct kms_buffer *ret)
{
	struct kms_buffer b;

	int r = allocate(k, width, height, &b);
	if (r == 0 && with_framebuffer)
		r = add_framebuffer(k, &b);
	if (r < 0) {
		kms_buffer_free(k, &b);
		return r;
	}
	*ret = b;
	return 0;
}

int kms_buffer_new(struct kms *k, uint32_t width, uint32_t height, struct kms_buffer *ret)
{
	return buffer_new(k, width, height, true, ret);
}

int kms_buffer_new_cursor(struct kms *k, uint32_t side, struct kms_buffer *ret)
{
	return buffer_new(k, side, side, false, ret);
}

void kms_buffer_free(struct kms *k, struct kms_buffer *b)
{
	if (b->fb)
		drmModeRmFB(k->fd, b->fb);
	if (b->pixels)
		munmap(b->pixels, b->size);
	if (b->handle)
		drmModeDestroyDumbBuffer(k->fd, b->handle);
	*b = (struct kms_buffer){ 0 };
}

int kms_show(struct kms *k, const struct kms_buffer *b)
{
	if (drmModeSetCrtc(k->fd, k->crtc, b->fb, 0, 0, &k->connector, 1, &k->mode) != 0)
		return -errno;
	return 0;
}

static void on_flip(int fd, unsigned sequence, unsigned seconds, unsigned micros, void *data)
{
	bool *done = data;

	(void)fd;
	(void)sequence;
	(void)seconds;
	(void)micros;
	*done = true;
}

int kms_flip(struct kms *k, const struct kms_buffer *b, unsigned timeout_ms)
{
	drmEventContext context = { .version = 2, .page_flip_handler = on_flip };
	struct pollfd pollfd = { .fd = k->fd, .events = POLLIN };
	bool done = false;

	if (drmModePageFlip(k->fd, k->crtc, b->fb, DRM_MODE_PAGE_FLIP_EVENT, &done) != 0)
		return -errno;
	while (!done) {
		int n = poll(&pollfd, 1, (int)timeout_ms);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ETIMEDOUT;
		if (drmHandleEvent(k->fd, &context) != 0)
			return -EIO;
	}
	return 0;
}

int kms_dirty(struct kms *k, const struct kms_buffer *b)
{
	drmModeClip all = { 0, 0, (uint16_t)b->width, (uint16_t)b->height };

	return drmModeDirtyFB(k->fd, b->fb, &all, 1) != 0 ? -errno : 0;
}
