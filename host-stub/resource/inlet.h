/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a client of a device process says and hears. */

#include "backing.h"

/*
 * The next packet. *ret_regions: a reference for the caller to what came with a MEMORY, else NULL.
 * -EAGAIN: none is there; -ENOTCONN: the device process closed; -EBADMSG: no packet, or other
 * descriptors than it should have, which are closed; -ENOMEM.
 */
int inlet_receive(int fd, struct resource_packet *ret, struct regions **ret_regions);
/* Waits for nothing. -EAGAIN: the device process does not read; else as sendmsg(2). */
int inlet_send_sync(int fd, uint32_t cookie);
