/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One thing about the machine that can be read, changed and put back. A value is a text that only
 * its kind understands (NULL: absent); what read() returned, write() restores exactly.
 */

#include "../env.h"

#define SETTING_VALUE_MAX ((size_t)64 * 1024) /* bytes of a value */

enum setting_risk {
	SETTING_SAFE,   /* at worst a little slower */
	SETTING_MEDIUM, /* something may stop working: has to be confirmed */
	SETTING_HIGH,   /* may not boot, or be unreachable: has to be confirmed */
};

struct setting {
	const struct setting_kind *kind;
	char *target;   /* "vm.swappiness", "/sys/...", "irqbalance.service", ...; may have a * */
	char **aliases; /* other names of the target, tried in order; NULL: none */
	char *desired;  /* as the profile says it, see resolve(); NULL: absent */
	char modifier;  /* '>' only raises, '<' only lowers, 0 sets */
	enum setting_risk risk;
	char *reason;      /* why, one sentence */
	char *guard;       /* skip when this is true (setting/guard.h); NULL: never */
	bool needs_reboot; /* takes effect after one */
	bool optional;     /* its failure is reported and fails nothing else */
};

struct setting_kind {
	const char *name; /* section of a profile: "sysctl" */
	bool volatile_;   /* gone after a reboot by itself */
	bool needs_reboot;
	const char *undo; /* reversibility, in words */
	/* Does it apply here? False and *ret_reason (owned by the caller) when not: no such knob,
	 * denied unit, value out of range. The desired value is expanded, not yet resolved. */
	bool (*check)(const struct env *env, const struct setting *setting, char **ret_reason);
	/* What is now; *ret NULL: absent. False and error: cannot be read. */
	bool (*read)(const struct env *env, const char *target, char **ret, GError **error);
	/* The value that `desired` means, given what is now. NULL slot: the text itself, under the
	 * modifier. */
	bool (*resolve)(const struct env *env, const struct setting *setting, const char *now,
		char **ret, GError **error);
	/* Makes it so, durably where it is not volatile, and removes what an interrupted write left.
	 * Setting what is already so is harmless. G_IO_ERROR_NOT_SUPPORTED: cannot be changed here. */
	bool (*write)(const struct env *env, const char *target, const char *value, GError **error);
	/* Starts what has to run while the agent has set this value, or ends it (NULL: the target is
	 * as it was). G_IO_ERROR_NOT_SUPPORTED: it cannot run, and the value must not be set. NULL slot:
	 * nothing has to. */
	bool (*hold)(const struct env *env, const char *target, const char *value, GError **error);
	/* What is in effect, by another way than the knob where there is one. NULL slot: read(). */
	bool (*effective)(const struct env *env, const char *target, char **ret, GError **error);
	/* Are two values the same to this kind? NULL slot: strcmp. */
	bool (*same)(const char *a, const char *b);
	/* Is `now` a state that an interrupted write() from a to b leaves? NULL slot: never. */
	bool (*between)(const char *a, const char *b, const char *now);
	/* The targets that one with a * stands for; NULL-terminated. NULL slot: no * is known. */
	char **(*expand)(const struct env *env, const char *target);
};

/* NULL-terminated; every kind there is, in the order in which they are applied. */
extern const struct setting_kind *const setting_kinds[];
const struct setting_kind *setting_kind_find(const char *name);
/* Place in setting_kinds. */
unsigned setting_kind_order(const struct setting_kind *kind);

void setting_free(struct setting *setting);
/* "safe", "medium", "high". */
const char *setting_risk_name(enum setting_risk risk);
bool setting_risk_parse(const char *text, enum setting_risk *ret);

/* The slots, where NULL ones mean what they say above. */
bool setting_same(const struct setting_kind *kind, const char *a, const char *b);
bool setting_between(
	const struct setting_kind *kind, const char *a, const char *b, const char *now);
bool setting_resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error);
bool setting_hold(const struct env *env, const struct setting_kind *kind, const char *target,
	const char *value, GError **error);
bool setting_effective(const struct env *env, const struct setting_kind *kind, const char *target,
	char **ret, GError **error);

extern const struct setting_kind setting_kind_sysctl, setting_kind_sysfs, setting_kind_irq,
	setting_kind_device, setting_kind_unit, setting_kind_file, setting_kind_dconf,
	setting_kind_gsettings, setting_kind_cmdline;
