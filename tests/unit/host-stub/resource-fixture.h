/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A session whose frames are the resources of a guest, which a fake device process publishes, and
 * its client; a failure fails the test. */

#include "fake-device.h"
#include "peer.h"
#include "resource/mirror.h"

#define WIDTH      64u /* of the resource that is there from the start, a B8G8R8X8 one */
#define HEIGHT     48u
#define ID         5u
#define FIRST_PAGE 16u /* of its pages */
#define PAGE       FAKE_DEVICE_PAGE

extern struct fake_device device;
extern struct mirror *mirror;
extern struct host host;
extern struct peer *peer;

/* With the null encoder. */
void resources_set_up(void);
void resources_tear_down(void);
/* fake_pixels_impl instead. */
void use_fake_encoder(void);
/* MEMORY and the resource, whenever a client comes. */
void publish(struct fake_device *d);

/* AR24, of the resource's size. */
struct hxfr_frame_request request_of(uint32_t id);
const struct hxfr_message *exchange(const struct hxfr_frame_request *request);
void expect_error(const struct hxfr_frame_request *request, int32_t code);
/* After this the mirror has seen all that was sent. */
void catch_up(void);

/* The scanout shows that much of the resource, and the mirror knows. */
void show(uint32_t scanout, uint32_t width, uint32_t height);
/* Of a picture in the guest's memory; of what such a scanout shows. */
uint64_t hash_memory(
	uint32_t width, uint32_t height, uint32_t format, uint32_t stride, size_t offset);
uint64_t hash_shown(uint32_t width, uint32_t height);
/* What the null encoder spelled. */
void expect_hash(const struct hxfr_message *m, uint64_t hash);
