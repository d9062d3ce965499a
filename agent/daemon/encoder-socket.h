/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where encoders of this machine report (docs/agent-protocol.md, section 9). Anybody may write to it
 * and nobody is answered: a look at it every ENCODER_SOCKET_PAUSE_MS takes ENCODER_SOCKET_BATCH
 * datagrams at most, so that a flood costs the flooders, not the agent.
 */

#include "../env.h"
#include "../probe/encoder-log.h"

#define ENCODER_SOCKET_BATCH    32u
#define ENCODER_SOCKET_PAUSE_MS 250u

struct encoder_socket;
/* Makes the socket, mode 0622, in place of one that nobody listens on; takes a reference to log. env
 * is borrowed. NULL and error. */
struct encoder_socket *encoder_socket_new(
	const char *path, const struct env *env, struct encoder_log *log, GError **error);
/* Removes the file. NULL is fine. */
void encoder_socket_free(struct encoder_socket *socket);
