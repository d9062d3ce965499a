/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private to libhxfr: host names to addresses, within a deadline. */

#include "wait.h"

#include <netdb.h>

/*
 * Addresses of host for TCP. Numeric ones are answered at once; names by getaddrinfo(3) in a thread
 * of its own, because nothing can interrupt that call: when the wait ends first the thread is left
 * behind and cleans up when the system's resolver gives up.
 *
 * 0 and *ret, for freeaddrinfo(); -EHOSTUNREACH when the name has no address; -ETIMEDOUT,
 * -ECANCELED; -ENOMEM, -EAGAIN (no thread), other -errno.
 */
int hxfr_resolve(const char *host, uint16_t port, const struct hxfr_wait *w, struct addrinfo **ret);

/* The same without deadline or thread, for addresses to listen on. */
int hxfr_resolve_passive(const char *host, uint16_t port, struct addrinfo **ret);
