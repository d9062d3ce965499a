/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the server is told to do wrong.
 *
 *   SPEC = RULE[,RULE...]      RULE = NAME[=VALUE][@FRAME]
 *
 * FRAME counts the FRAME_REQUESTs of a connection from 1. fault_rules says which names there are,
 * which of them take a value and what FRAME means to them. No I/O.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_RULES_MAX    32u
#define FAULT_DELAY_MAX_MS 600000

enum fault_kind {
	FAULT_DELAY,
	FAULT_SERIAL_DELAY,
	FAULT_DROP,
	FAULT_ERROR,
	FAULT_ERROR_NO_NUL,
	FAULT_GARBAGE,
	FAULT_HALF,
	FAULT_TRUNCATE,
	FAULT_HANG,
	FAULT_CLOSE,
	FAULT_REFUSE,
	FAULT_MUTE_REQUESTS,
	FAULT_NO_PONG,
	FAULT_HUGE_NAL,
	FAULT_HUGE_COUNT,
	FAULT_HUGE_PAYLOAD,
	FAULT_NO_NALS,
	FAULT_WRONG_PTS,
	FAULT_STATIC,
	FAULT_CONNECTION,
	FAULT_KINDS,
};

enum fault_frames {
	FAULT_FRAMES_NONE,  /* takes no @FRAME */
	FAULT_FRAMES_ALL,   /* @FRAME: that one only; without: every frame */
	FAULT_FRAMES_FIRST, /* @FRAME: that one; without: the first */
	FAULT_FRAMES_FROM,  /* @FRAME: that one and all later ones; without: from the first */
};

enum fault_value {
	FAULT_VALUE_NONE,
	FAULT_VALUE_REQUIRED,
	FAULT_VALUE_OPTIONAL,
};

struct fault_rule {
	const char *name;
	enum fault_value value;
	enum fault_frames frames;
	int64_t value_min, value_max, value_default;
	const char *help; /* with the placeholders of the usage: "delay=MS" */
	const char *usage;
};

/* Indexed by kind. */
extern const struct fault_rule fault_rules[FAULT_KINDS];

struct fault_item {
	enum fault_kind kind;
	int64_t value;
	uint64_t frame; /* 0: not given */
};

struct fault {
	struct fault_item items[FAULT_RULES_MAX];
	unsigned n_items;
};

/*
 * Appends the rules of a SPEC to *fault. -EINVAL: no such rule, a value missing, unwanted or out of
 * range; -ENOSPC: too many rules. *ret_error then points at the rule in spec that is wrong (may be
 * NULL when not wanted).
 */
int fault_parse(const char *spec, struct fault *fault, const char **ret_error);

/*
 * Appends to *ret the rules of a SPEC that apply to connection number n (from 1): all, or none when
 * it says connection=K and K is not n. -ENOSPC: too many rules.
 */
int fault_select(const struct fault *spec, uint64_t n, struct fault *ret);

/* The rule of that kind that hits frame number n (from 1), or NULL. Frame 0 is hit by rules without
 * a frame only. */
const struct fault_item *fault_hit(const struct fault *fault, enum fault_kind kind, uint64_t n);

/* Is a rule of that kind there at all? */
bool fault_has(const struct fault *fault, enum fault_kind kind);
