/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One output of the virtio-gpu's card, and buffers that can be shown there. Whoever opens the card first is its
 * master and may set modes: no compositor may run. */

#include <stddef.h>
#include <stdint.h>
#include <xf86drmMode.h>

struct kms {
	int fd; /* the card */
	uint32_t connector, crtc;
	drmModeModeInfo mode;
};

struct kms_buffer {
	uint32_t width, height, stride; /* pixels, pixels, bytes */
	uint8_t *pixels;                /* mapped; B, G, R, x */
	size_t size;                    /* bytes */
	uint32_t handle;                /* GEM */
	uint32_t fb;
	uint32_t id; /* virtio-gpu resource */
};

/*
 * The output-th connector (0 is the console) with its mode of that size, or the preferred one for a
 * width of 0; nothing is set yet. 0 and *ret; -ENODEV without a virtio-gpu; -ENXIO for an output
 * that is not there or not connected; -EINVAL for a size that no mode has; other -errno.
 */
int kms_open(unsigned output, uint32_t width, uint32_t height, struct kms *ret);
void kms_close(struct kms *k);

/* A dumb buffer of 32-bit pixels with a framebuffer around it: XRGB, or ARGB without framebuffer
 * for a cursor. 0 and *ret; -errno. */
int kms_buffer_new(struct kms *k, uint32_t width, uint32_t height, struct kms_buffer *ret);
int kms_buffer_new_cursor(struct kms *k, uint32_t side, struct kms_buffer *ret);
void kms_buffer_free(struct kms *k, struct kms_buffer *b);

/* Sets the mode and shows the buffer. 0; -EACCES: somebody else is master; other -errno. */
int kms_show(struct kms *k, const struct kms_buffer *b);
/* Shows the buffer from the next refresh on, and waits until that was done. 0; -ETIMEDOUT; other -errno. */
int kms_flip(struct kms *k, const struct kms_buffer *b, unsigned timeout_ms);
/* Tells that pixels of the buffer on screen have changed, all of them. 0; -errno. */
int kms_dirty(struct kms *k, const struct kms_buffer *b);
