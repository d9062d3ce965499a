/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-encoder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fake fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static const uint8_t bytes[] = { 0, 0, 0, 1, 0x65 };
static const struct unit unit = { .data = bytes, .size = sizeof bytes, .is_keyframe = true };

static int create(const struct encoder_impl *impl, encoder_done_fn done, struct encoder **ret)
{
	struct encoder *e = malloc(sizeof *e);

	e->impl = impl;
	pthread_mutex_lock(&fake.lock);
	fake.done = done;
	pthread_mutex_unlock(&fake.lock);
	*ret = e;
	return 0;
}

static int create_blind(const struct encoder_choice *choice, const struct encoder_config *config,
	encoder_done_fn done, struct encoder **ret)
{
	(void)choice;
	(void)config;
	return create(&fake_blind_impl, done, ret);
}

static int create_pixels(const struct encoder_choice *choice, const struct encoder_config *config,
	encoder_done_fn done, struct encoder **ret)
{
	(void)choice;
	(void)config;
	return create(&fake_pixels_impl, done, ret);
}

static void note_picture(const struct encoder_frame *frame)
{
	uint64_t hash = frame->picture ? picture_hash(frame->picture) : 0;

	pthread_mutex_lock(&fake.lock);
	fake.hash = hash;
	pthread_mutex_unlock(&fake.lock);
}

static int encode(struct encoder *e, const struct encoder_frame *frame, void *token)
{
	const struct timespec work = {
		.tv_sec = fake.work_ms / 1000,
		.tv_nsec = fake.work_ms % 1000 * 1000000L,
	};

	ck_assert(!e->impl->needs_pixels || frame->picture);
	note_picture(frame);
	pthread_mutex_lock(&fake.lock);
	fake.n_encoded++;
	if (fake.hold) {
		ck_assert_uint_lt(fake.n_held, FAKE_HELD_MAX);
		fake.tokens[fake.n_held++] = token;
	}
	encoder_done_fn done = fake.hold ? NULL : fake.done;
	pthread_cond_broadcast(&fake.changed);
	while (fake.blocked)
		pthread_cond_wait(&fake.changed, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
	note_picture(frame);
	nanosleep(&work, NULL);
	if (done)
		done(token, 0, &unit);
	return 0;
}

static void request_keyframe(struct encoder *e)
{
	(void)e;
}

static int reconfigure(struct encoder *e, const struct encoder_config *config)
{
	(void)e;
	(void)config;
	return 0;
}

static int drain(struct encoder *e, unsigned timeout_ms)
{
	(void)e;
	(void)timeout_ms;
	return 0;
}

static void destroy(struct encoder *e)
{
	free(e);
}

const struct encoder_impl fake_blind_impl = {
	.create = create_blind,
	.encode = encode,
	.request_keyframe = request_keyframe,
	.reconfigure = reconfigure,
	.drain = drain,
	.destroy = destroy,
};

const struct encoder_impl fake_pixels_impl = {
	.needs_pixels = true,
	.create = create_pixels,
	.encode = encode,
	.request_keyframe = request_keyframe,
	.reconfigure = reconfigure,
	.drain = drain,
	.destroy = destroy,
};

void fake_reset(void)
{
	fake.work_ms = 0;
	fake.hold = fake.blocked = false;
	fake.n_encoded = fake.n_held = 0;
}

unsigned fake_encoded(void)
{
	pthread_mutex_lock(&fake.lock);
	unsigned n = fake.n_encoded;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

uint64_t fake_hash(void)
{
	pthread_mutex_lock(&fake.lock);
	uint64_t hash = fake.hash;
	pthread_mutex_unlock(&fake.lock);
	return hash;
}

static bool wait_for(const unsigned *count, unsigned n, unsigned timeout_ms)
{
	struct timespec deadline;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	uint64_t ns = (uint64_t)deadline.tv_nsec + (uint64_t)timeout_ms * 1000000;
	deadline.tv_sec += (time_t)(ns / 1000000000);
	deadline.tv_nsec = (long)(ns % 1000000000);
	pthread_mutex_lock(&fake.lock);
	while (r == 0 && *count < n)
		r = pthread_cond_timedwait(&fake.changed, &fake.lock, &deadline);
	pthread_mutex_unlock(&fake.lock);
	return r == 0;
}

bool fake_wait_encoded(unsigned n, unsigned timeout_ms)
{
	return wait_for(&fake.n_encoded, n, timeout_ms);
}

bool fake_wait_held(unsigned n, unsigned timeout_ms)
{
	return wait_for(&fake.n_held, n, timeout_ms);
}

void fake_let_go(unsigned n)
{
	void *tokens[FAKE_HELD_MAX];

	ck_assert(fake_wait_held(n, FAKE_TIMEOUT_MS));
	pthread_mutex_lock(&fake.lock);
	ck_assert_uint_eq(fake.n_held, n);
	memcpy(tokens, fake.tokens, sizeof tokens);
	fake.n_held = 0;
	encoder_done_fn done = fake.done;
	pthread_mutex_unlock(&fake.lock);
	for (unsigned i = 0; i < n; i++)
		done(tokens[i], 0, &unit);
}

void fake_unblock(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.blocked = false;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}
