/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between door.c, which waits and receives, and door-place.c, which knows who is here. */

#include "door.h"

#define DOOR_REFUSALS_MAX 16u /* names that are told once why; more are counted only */

enum place_state {
	PLACE_FREE,
	PLACE_PENDING, /* SETUP is said, fd is ours */
	PLACE_TAKEN,   /* the caller has the slave */
	PLACE_LEAVING, /* the caller is told that it is gone */
};

struct place {
	enum place_state state;
	struct netjack_session session; /* agreed on, or about to be; the name as announced */
	char name[NETJACK_NAME_SIZE];   /* unique among those that are here; once it is taken */
	struct sockaddr_in peer;
	int fd;
	int64_t since_ns; /* of the state, as door_dispatch() was told */
	int64_t setup_ns; /* of the SETUP: CLOCK_MONOTONIC, for the report */
};

struct refusal {
	char name[NETJACK_NAME_SIZE];
	struct in_addr address;
};

struct door {
	struct door_config config;
	int epoll_fd;
	int fds[2]; /* of the address, of the group; -1: none */
	uint16_t port;
	bool joined; /* on one interface at least */
	bool warned; /* that it is not, once */
	bool warned_of_version;
	int64_t join_ns; /* when to look for new interfaces */
	double tokens;   /* AVAILABLE that may be answered */
	int64_t tokens_ns;
	struct door_counters counters;
	struct refusal refusals[DOOR_REFUSALS_MAX];
	unsigned n_refusals;
	struct place places[DOOR_SLAVES_MAX];
};

/* A slave announces itself: says SETUP, or why not. */
void door_announced(struct door *door, const struct netjack_session *session,
	const struct sockaddr_in *peer, int64_t now_ns);
/* place says START_MASTER: fills *ret, or frees the place. */
void door_started(struct door *door, struct place *place, int64_t now_ns, struct door_event *ret);
/* The place whose slave has the id and the address, and is not leaving; NULL. */
struct place *door_find(struct door *door, uint32_t id, struct in_addr address);
void door_free(struct door *door, struct place *place);
/* Tells the user once of each name and address why it is not let in. */
void door_tell(struct door *door, enum log_level level, const struct netjack_session *session,
	const struct sockaddr_in *peer, const char *problem);
