/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The thread of a sound file: calls `work` every WAV_THREAD_MS, and once more when it is stopped. */

#include <pthread.h>
#include <stdbool.h>

#define WAV_THREAD_MS 20

struct wav_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stop;
	void (*work)(void *user);
	void *user;
};

/* -errno. `thread` stays where it is. */
int wav_thread_start(struct wav_thread *thread, void (*work)(void *user), void *user);
void wav_thread_stop(struct wav_thread *thread);
