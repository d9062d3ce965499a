/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of a publisher (resource/publisher.h) that reads what it is told as text:
 *
 *   MEMORY 2; ADD 3 64x48 f2 0:4096+8192 1:0+4096; ADD 5 4x4 f2 600 runs 512-600;
 *   SCANOUT 0 3 1,2 30x40; CURSOR 0 5 hot 1,2 at -3,4; FLUSH 3 0,0 64x48; REMOVE 3; SYNCED 7
 */

#include "resource/publisher.h"

/* A new client; its end of the socket. */
int resource_client_attach(struct publisher *publisher);
/* Asks for a SYNCED. */
void resource_client_sync(int fd, uint32_t cookie);
/* All that waits, until the next call. Descriptors are closed; their number must be right. "hung up" is
 * the last word of a publisher that closed. */
const char *resource_client_told(int fd);

#define assert_told(fd, text) ck_assert_str_eq(resource_client_told(fd), text)
