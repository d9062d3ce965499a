/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the program that changes a machine has besides its struct env. */

#include "rt-guard.h"

/* The service manager: systemd over the system bus, or what a test has in its place. */
struct unit_manager {
	/* *ret: "active", "inactive" ... (ActiveState); "" where there is no such unit. */
	bool (*active_state)(const struct env *env, const char *unit, char **ret, GError **error);
	/* *ret: "enabled", "masked" ... (UnitFileState); "" where there is no such file. */
	bool (*file_state)(const struct env *env, const char *unit, char **ret, GError **error);
	/* To the end of the job. */
	bool (*start)(const struct env *env, const char *unit, GError **error);
	bool (*stop)(const struct env *env, const char *unit, GError **error);
	/* Names of the units that cannot be without this one, separated by spaces. */
	bool (*required_by)(const struct env *env, const char *unit, char **ret, GError **error);
	/* Reads unit files and links again. */
	bool (*reload)(const struct env *env, GError **error);
};
extern const struct unit_manager unit_manager_systemd;

/* What users set for themselves: GSettings, or what a test has in its place. `user` is a name of
 * users_human(), values are GVariants as text. G_IO_ERROR_NOT_SUPPORTED: there is no such key here, the
 * user has no home, or may not change it, or has set what is longer than SETTING_VALUE_MAX.
 * G_IO_ERROR_TIMED_OUT: what runs as the user does not end; who keeps root waiting once is not asked
 * again for USER_STORE_PAUSE_S. */
#define USER_STORE_PAUSE_S 60
struct user_store {
	/* *ret NULL: the user has not set it. effective: what programs of the user see, where the
	 * user has set it. */
	bool (*get)(const struct env *env, const char *user, const char *schema, const char *key,
		bool effective, char **ret, GError **error);
	/* value NULL: as if the user had never set it. */
	bool (*set)(const struct env *env, const char *user, const char *schema, const char *key,
		const char *value, GError **error);
};
extern const struct user_store user_store_gsettings;

struct setting_host {
	/* Called before and after every step that outlives a crash, and before each call to systemd,
	 * which may hang; NULL: nobody asks. */
	void (*step)(struct setting_host *host, const char *name);
	bool tears; /* records of the journal are written in halves, with a step between them */
	size_t journal_turn; /* bytes from which the journal is made anew; 0: JOURNAL_TURN */
	const struct unit_manager *units;
	const struct user_store *users;
	GHashTable *devices; /* device files that are held: path -> struct of kind-device.c */
	GHashTable *silent;  /* users who are not asked now: name -> until (now_ns() of env) */
	const struct rt_guard_impl *guards;
	struct rt_guard *guard; /* while the agent has lifted the limit of real-time threads */
	void (*guard_fired)(void *user); /* of struct rt_guard_config; NULL: nobody asks */
};

/* With systemd for units, GSettings for users, a guard of threads, and nothing held. */
void setting_host_init(struct setting_host *host);
/* Lets go of the devices, forgets the users, ends the guard. */
void setting_host_finish(struct setting_host *host);
