/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve.h"

#include <hxfr/endpoint.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the thread and the one who waits for it; the last of the two to leave frees it. */
struct lookup {
	atomic_int refs;
	int done_fd; /* eventfd, readable when error and addresses are set */
	char host[HXFR_HOST_NAME_MAX + 1];
	uint16_t port;
	int error;
	struct addrinfo *addresses;
};

static int get_addresses(const char *host, uint16_t port, int flags, struct addrinfo **ret)
{
	struct addrinfo hints = {
		.ai_flags = flags | AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	switch (getaddrinfo(host, service, &hints, ret)) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return errno > 0 ? -errno : -EHOSTUNREACH;
	default:
		return -EHOSTUNREACH;
	}
}

static void lookup_unref(struct lookup *l)
{
	if (atomic_fetch_sub(&l->refs, 1) > 1)
		return;
	if (l->addresses)
		freeaddrinfo(l->addresses);
	close(l->done_fd);
	free(l);
}

static void *lookup_run(void *data)
{
	struct lookup *l = data;

	l->error = get_addresses(l->host, l->port, 0, &l->addresses);
	eventfd_write(l->done_fd, 1);
	lookup_unref(l);
	return NULL;
}

/* The caller's signals stay the caller's: the thread must not run the handlers of a program that
 * does not know of it. */
static int start_thread(struct lookup *l)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&l->refs, 1);
	r = pthread_create(&thread, NULL, lookup_run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		atomic_fetch_sub(&l->refs, 1);
		return -r;
	}
	pthread_detach(thread);
	return 0;
}

/* Takes done_fd over, also on failure (NULL). */
static struct lookup *lookup_new(const char *host, uint16_t port, int done_fd)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l) {
		close(done_fd);
		return NULL;
	}
	atomic_init(&l->refs, 1);
	l->done_fd = done_fd;
	l->port = port;
	memcpy(l->host, host, strnlen(host, HXFR_HOST_NAME_MAX));
	return l;
}

static int lookup_wait(struct lookup *l, const struct hxfr_wait *w, struct addrinfo **ret)
{
	eventfd_t done;
	int r;

	r = hxfr_wait_for(w, l->done_fd, POLLIN);
	if (r < 0)
		return r;
	if (eventfd_read(l->done_fd, &done) < 0)
		return -errno;
	if (l->error < 0)
		return l->error;
	*ret = l->addresses;
	l->addresses = NULL;
	return 0;
}

int hxfr_resolve(const char *host, uint16_t port, const struct hxfr_wait *w, struct addrinfo **ret)
{
	struct lookup *l;
	int done_fd, r;

	if (get_addresses(host, port, AI_NUMERICHOST, ret) == 0)
		return 0;
	done_fd = eventfd(0, EFD_CLOEXEC);
	if (done_fd < 0)
		return -errno;
	l = lookup_new(host, port, done_fd);
	if (!l)
		return -ENOMEM;
	r = start_thread(l);
	if (r == 0)
		r = lookup_wait(l, w, ret);
	lookup_unref(l);
	return r;
}

int hxfr_resolve_passive(const char *host, uint16_t port, struct addrinfo **ret)
{
	return get_addresses(host, port, AI_PASSIVE, ret);
}
