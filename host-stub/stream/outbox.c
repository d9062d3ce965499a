/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

void outbox_init(struct outbox *box, int wake_fd)
{
	*box = (struct outbox){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake_fd = wake_fd,
		.owner = pthread_self(),
	};
}

void outbox_finish(struct outbox *box)
{
	while (box->head) {
		unit_release(&box->head->unit);
		outbox_pop(box);
	}
	pthread_mutex_destroy(&box->lock);
}

int outbox_add(struct outbox *box, struct reply **ret)
{
	struct reply *reply = calloc(1, sizeof *reply);

	if (!reply)
		return -ENOMEM;
	reply->box = box;
	if (box->last)
		box->last->next = reply;
	else
		box->head = reply;
	box->last = reply;
	box->count++;
	*ret = reply;
	return 0;
}

struct reply *outbox_head(const struct outbox *box)
{
	return box->head;
}

bool outbox_ready(struct outbox *box, const struct reply *reply)
{
	pthread_mutex_lock(&box->lock);
	bool ready = reply->ready;
	pthread_mutex_unlock(&box->lock);
	return ready;
}

size_t outbox_take_pixels(struct outbox *box)
{
	size_t sum = 0;

	pthread_mutex_lock(&box->lock);
	for (struct reply *reply = box->head; reply; reply = reply->next) {
		if (!reply->ready)
			continue;
		sum += reply->pixels_size;
		reply->pixels_size = 0;
	}
	pthread_mutex_unlock(&box->lock);
	return sum;
}

void outbox_pop(struct outbox *box)
{
	struct reply *reply = box->head;

	box->head = reply->next;
	if (!box->head)
		box->last = NULL;
	box->count--;
	free(reply);
}

void outbox_done(void *token, int result, const struct unit *unit)
{
	struct reply *reply = token;
	struct outbox *box = reply->box;
	bool own = pthread_equal(box->owner, pthread_self());

	pthread_mutex_lock(&box->lock);
	reply->result = result;
	if (unit)
		reply->unit = *unit;
	reply->ready = true;
	/* Within the lock: after it the owner may pop the reply and finish the box. */
	if (!own)
		eventfd_write(box->wake_fd, 1);
	pthread_mutex_unlock(&box->lock);
}
