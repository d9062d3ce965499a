/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A non-blocking socket, a framer and a bounded send queue. Nothing here waits, and nothing raises
 * SIGPIPE: the caller polls hxfr_connection_fd() for hxfr_connection_events() in a loop of its own.
 *
 * Threads: the receiving half (receive, next) and the sending half (send, flush, queue state) are
 * independent. One thread at a time may be in each; callers with more lock around each half.
 * events() and the queue state may be read from any thread.
 */

#include <hxfr/messages.h>

#include <sys/uio.h>

#define HXFR_SEND_QUEUE_MAX 64u /* messages */
#define HXFR_SEND_IOV_MAX   4u  /* pieces of bulk data of one message */

struct hxfr_connection;

/* Called once when the bulk data of a message is no longer needed: sent, or given up by destroy.
 * From within send, flush or destroy; it must not call into the connection. */
typedef void (*hxfr_release_fn)(void *owner);

/* Takes fd over (also on failure: it is closed), which must be non-blocking. payload_max: see
 * hxfr_framer_init(). -ENOMEM. */
int hxfr_connection_new(int fd, uint32_t payload_max, struct hxfr_connection **ret);
/* Closes the socket, releases what is queued. NULL is fine. */
void hxfr_connection_destroy(struct hxfr_connection *c);

int hxfr_connection_fd(const struct hxfr_connection *c);
/* POLLIN, and POLLOUT while something is queued. */
short hxfr_connection_events(const struct hxfr_connection *c);

/*
 * Reads what the socket has, one recv(2) a call. 0 when bytes arrived; -EAGAIN when none wait;
 * -ENOTCONN, -ECONNRESET when the peer is gone (hxfr/error.h), other -errno of recv(2); -ENOMEM,
 * -ENOBUFS: hxfr_framer_reserve(). EINTR is retried. Take every message with hxfr_connection_next()
 * before the next call.
 */
int hxfr_connection_receive(struct hxfr_connection *c);

/* The next decoded message: 1 and *ret, which borrows until the next receive; 0 when none is
 * complete; else the error of framer or decoder: close the connection. */
int hxfr_connection_next(struct hxfr_connection *c, struct hxfr_message *ret);
/* Is a message partly received? Of the receiving half. */
bool hxfr_connection_in_message(const struct hxfr_connection *c);

/*
 * Sends a message: head (copied if it has to be queued, at most HXFR_HEAD_MAX bytes) and behind it
 * n_body pieces of bulk data (at most HXFR_SEND_IOV_MAX), which are never copied: they stay
 * borrowed until release(owner) is called. One sendmsg(2) carries it all when the queue is empty;
 * what the socket does not take is queued in order.
 *
 * 0: taken over, sent or queued. -ENOBUFS: the queue is full, nothing was taken. -EMSGSIZE,
 * -EINVAL: head (empty, too long) or n_body beyond the limits. -ECONNRESET (also for EPIPE): the
 * peer is gone. Other -errno: the socket failed, nothing was taken, the connection is of no more
 * use. release is called if and only if 0 is returned, possibly before the return; NULL is fine.
 */
int hxfr_connection_send(struct hxfr_connection *c, const void *head, size_t head_size,
	const struct iovec *body, size_t n_body, hxfr_release_fn release, void *owner);

/* Encodes m and sends it; for messages without bulk data. */
int hxfr_connection_send_message(struct hxfr_connection *c, const struct hxfr_message *m);

/* Sends from the queue what the socket takes. 0 (look at events() for whether something is left),
 * or -errno. */
int hxfr_connection_flush(struct hxfr_connection *c);

/* Messages not yet fully handed to the kernel, and their bytes. */
unsigned hxfr_connection_queued(const struct hxfr_connection *c);
size_t hxfr_connection_queued_bytes(const struct hxfr_connection *c);
