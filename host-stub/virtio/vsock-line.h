/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The line by which a host program names the guest's port that it wants: "CONNECT 5001\n". */

#include <stddef.h>
#include <stdint.h>

/* A whole line, its '\n' included. -EBADMSG: not CONNECT, one blank and a plain decimal number (no
 * sign, no leading zero, nothing behind it); -ERANGE: more than 32 bits. */
int vsock_line_parse(const char *line, size_t size, uint32_t *ret_port);
