/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One thing about the machine that can be read, changed and put back. A value is a text that only
 * its kind understands (NULL: absent); what read() returned, write() restores exactly.
 */

#include "../env.h"

enum setting_risk {
	SETTING_SAFE,   /* at worst a little slower */
	SETTING_MEDIUM, /* something may stop working: has to be confirmed */
	SETTING_HIGH,   /* may not boot, or be unreachable: has to be confirmed */
};

struct setting {
	const struct setting_kind *kind;
	char *target;  /* "vm.swappiness", "/sys/...", "irqbalance.service", ... */
	char *desired; /* NULL: absent */
	char modifier; /* '>' only raises, '<' only lowers, 0 sets */
	enum setting_risk risk;
	char *reason; /* why, one sentence */
	char *guard;  /* skip when this is true (setting/guard.h); NULL: never */
	bool needs_reboot;
};

struct setting_kind {
	const char *name; /* section of a profile: "sysctl" */
	bool volatile_;   /* gone after a reboot by itself */
	/* Does it apply here? False and *ret_reason (owned by the caller) when not: no such knob, denied unit. */
	bool (*check)(const struct env *env, const struct setting *setting, char **ret_reason);
	/* What is now; *ret NULL: absent. False and error: cannot be read. */
	bool (*read)(const struct env *env, const char *target, char **ret, GError **error);
	/* Makes it so, durably where it is not volatile. Setting what is already so is harmless. */
	bool (*write)(const struct env *env, const char *target, const char *value, GError **error);
	/* What is in effect, by another way than the knob where there is one. NULL slot: read(). */
	bool (*effective)(const struct env *env, const char *target, char **ret, GError **error);
	/* Are two values the same to this kind? NULL slot: strcmp. */
	bool (*same)(const char *a, const char *b);
};

/* NULL-terminated; every kind there is. */
extern const struct setting_kind *const setting_kinds[];
const struct setting_kind *setting_kind_find(const char *name);
void setting_finish(struct setting *setting);
