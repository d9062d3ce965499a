/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client for tests: sends messages or bytes, takes answers with a deadline; a failure fails the
 * test. */

#include "session.h"

#include <hxfr/connection.h>

#define PEER_TIMEOUT_MS 10000

struct peer {
	struct hxfr_connection *connection;
	struct hxfr_message last; /* what peer_take() returned */
};

/* Takes fd over; it is made non-blocking. */
void peer_init(struct peer *peer, int fd);
void peer_finish(struct peer *peer);

void peer_send(struct peer *peer, const struct hxfr_message *m);
/* A message without payload. */
void peer_send_type(struct peer *peer, uint8_t type, uint16_t session_id);
void peer_send_frame(struct peer *peer, const struct hxfr_frame_request *request);
/* pixels of request->pixels_size bytes follow, in the same sendmsg(2). */
void peer_send_pixels(
	struct peer *peer, const struct hxfr_frame_request *request, const uint8_t *pixels);
void peer_send_bytes(struct peer *peer, const void *data, size_t size);

/* The next message, or NULL when the connection ended or broke (errno says how); borrowed until the
 * next take. */
const struct hxfr_message *peer_take(struct peer *peer);
/* The next message, which must be of that type. */
const struct hxfr_message *peer_expect(struct peer *peer, uint8_t type);
/* Nothing more comes, and the connection ends. */
void peer_expect_end(struct peer *peer);
/* Nothing was sent before the PONG of a PING of session id 4711. */
void peer_expect_silence(struct peer *peer);

/* The access unit of a FRAME_RESPONSE with one blob. */
const uint8_t *peer_unit(const struct hxfr_message *m, size_t *ret_size);
/* The number behind " key=" in the text of a null encoder's unit; -1 when it is not there. */
int64_t peer_spelled(const struct hxfr_message *m, const char *key);

#define HOST_PIXELS_MAX   ((size_t)1024 * 1024 * 1024)
#define HOST_ENCODERS_MAX 64u

/* A session with the null encoder, its client, and what both need. */
struct host {
	struct session *session;
	struct scanout_table scanouts;
	struct stats_counter stats;
	struct quota pixels, encoders;
	int ended_fd; /* of the session; eventfd */
	struct peer peer;
};

/* faults: a SPEC or NULL; encoder: NULL is null. */
void host_start(struct host *host, const char *faults, const char *encoder);
void host_start_with(struct host *host, const char *faults, const struct encoder_choice *encoder);
/* Its frames are those of the guest's resources. */
void host_start_mirror(
	struct host *host, struct mirror *mirror, const struct encoder_choice *encoder);
void host_stop(struct host *host);
