/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the records of a journal add up to: the transactions that changed the machine and were not
 * taken back, and for each setting they hold the value that was there before all of them.
 *
 * Records, by "record": begin {txn, profile, checkpoint, boot, time, hash}, intent {txn, kind,
 * target, original, before, desired, volatile, boot}, skipped {txn, kind, target}, commit {txn,
 * confirm-s, boot, deadline-ns}, confirmed {txn}, trial {txn, boot, deadline-ns}, undo {txn, force},
 * undone {txn, kind, target, result}, left {txn}, end {txn}, start {txn}. Unknown ones are passed over;
 * transactions are numbered from 1.
 */

#include "setting.h"

#include <jansson.h>

/* The kind, in reports, of settings of kinds that only a newer version knows. */
#define LEDGER_UNKNOWN     "unknown"
#define LEDGER_UNKNOWN_WHY "only a newer helix-applyd can put them back"

enum ledger_state {
	LEDGER_OPEN,      /* was interrupted, if nobody is at it */
	LEDGER_WAITING,   /* is done, and to be confirmed */
	LEDGER_COMMITTED, /* is done */
	LEDGER_UNDOING,   /* was interrupted while it was taken back */
	LEDGER_LEFT,      /* was taken back, but for what it still holds */
};

/* A setting as one transaction changed it. Strings are borrowed from the records. */
struct ledger_layer {
	struct ledger_txn *txn;
	const struct setting_kind *kind;
	const char *target;
	const char *original; /* before all transactions; the first one that was recorded wins */
	const char *before;   /* when this one came */
	const char *desired;
};

struct ledger_txn {
	int64_t id;
	const char *profile, *checkpoint; /* NULL: none */
	const char *boot;                 /* of its begin; for LEDGER_WAITING of its trial */
	bool trial;                       /* the boot behind it is on trial */
	bool needs_reboot;
	int64_t time_s;      /* CLOCK_REALTIME */
	int64_t deadline_ns; /* of the confirmation, env->now_ns of that boot */
	int64_t confirm_s;
	unsigned
		unknown; /* settings of kinds that only a newer version knows: it holds these too */
	enum ledger_state state;
};

struct ledger {
	GPtrArray *txns;   /* struct ledger_txn, those that have not ended, oldest first; owned */
	GPtrArray *layers; /* struct ledger_layer of these, in the order of their intents; owned */
	int64_t next_txn;
};

/* Volatile layers of another boot than this are void: the machine forgot them by itself. */
struct ledger *ledger_new(const json_t *records, const char *boot);
void ledger_free(struct ledger *ledger);

struct ledger_txn *ledger_find(const struct ledger *ledger, int64_t txn);
bool ledger_holds_any(const struct ledger *ledger, const struct ledger_txn *txn);
/* The newest layer of a setting; NULL: not held. */
struct ledger_layer *ledger_top(
	const struct ledger *ledger, const struct setting_kind *kind, const char *target);
/* The layer of the same setting next above or below; NULL: none. */
struct ledger_layer *ledger_above(const struct ledger *ledger, const struct ledger_layer *layer);
struct ledger_layer *ledger_below(const struct ledger *ledger, const struct ledger_layer *layer);
/* What taking a layer back restores. */
const char *ledger_restores(const struct ledger *ledger, const struct ledger_layer *layer);
/* "open", "waiting", "committed", "undoing", "left". */
const char *ledger_state_name(enum ledger_state state);
