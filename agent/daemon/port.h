/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtio-serial port that speaks the dialect. It has no connections: whoever has the other end is
 * the host, and it is opened again when it goes away or is not there yet.
 */

#include "../dialect/stream.h"

#define PORT_RETRY_MS 5000u /* a port that is not there */

struct port;
/* path is copied. Opens it at once, if it is there. */
struct port *port_new(const char *path, struct dialect *dialect, const struct dialect_terms *terms);
void port_free(struct port *port);
bool port_is_open(const struct port *port);
