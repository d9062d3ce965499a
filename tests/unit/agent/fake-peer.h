/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Something that listens on a Unix socket and answers whatever comes with what a test says. */

struct fake_peer;

/* Listens at path; every piece that is received is handed to answer, which returns what is sent
 * back (g_free'd), or NULL for nothing; no bytes: it hangs up. answer runs on a thread of the peer. */
struct fake_peer *fake_peer_new(
	const char *path, char *(*answer)(const char *received, unsigned size, unsigned *ret_size));
/* Ends its thread. */
void fake_peer_free(struct fake_peer *peer);
