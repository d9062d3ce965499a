/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav-thread.h"

#include <time.h>

static struct timespec deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += WAV_THREAD_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

static void *run(void *data)
{
	struct wav_thread *thread = data;
	bool stop;

	do {
		struct timespec until = deadline();

		pthread_mutex_lock(&thread->lock);
		if (!thread->stop)
			pthread_cond_timedwait(&thread->stopped, &thread->lock, &until);
		stop = thread->stop;
		pthread_mutex_unlock(&thread->lock);
		thread->work(thread->user);
	} while (!stop);
	return NULL;
}

int wav_thread_start(struct wav_thread *thread, void (*work)(void *user), void *user)
{
	pthread_condattr_t monotonic;

	*thread = (struct wav_thread){ .work = work, .user = user };
	pthread_mutex_init(&thread->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&thread->stopped, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int r = -pthread_create(&thread->thread, NULL, run, thread);
	if (r < 0) {
		pthread_cond_destroy(&thread->stopped);
		pthread_mutex_destroy(&thread->lock);
	}
	return r;
}

void wav_thread_stop(struct wav_thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	thread->stop = true;
	pthread_cond_signal(&thread->stopped);
	pthread_mutex_unlock(&thread->lock);
	pthread_join(thread->thread, NULL);
	pthread_cond_destroy(&thread->stopped);
	pthread_mutex_destroy(&thread->lock);
}
