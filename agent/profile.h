/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A named set of settings, an INI file NAME.conf:
 *
 *   [main]              summary=, include=NAME;..., checkpoint=NAME
 *   [variables]         NAME=text, for ${NAME} in values (setting/variables.h)
 *   [KIND:TARGET]       value=, absent=true, risk=safe|medium|high, reason=, guard=NAME;...,
 *                       aliases=NAME;..., optional=true; for files also mode=
 *   [KIND]              the same for settings that need no more than TARGET=value
 *   [cmdline], [dconf]  one setting each: every key but risk, reason, guard is part of its value
 *
 * A value that begins with > only raises, with < only lowers. What a profile says itself wins over
 * what it includes. Folders are searched in order, the first that has a profile wins.
 */

#include "setting/setting.h"

#define PROFILE_INCLUDE_MAX  8u  /* profiles within profiles */
#define PROFILE_FILES_MAX    64u /* that are read for one, ENV_FILE_MAX bytes each */
#define PROFILE_SETTINGS_MAX 1000u
#define PROFILE_NAME_MAX     64u

struct profile {
	char *name, *summary;
	char *checkpoint;       /* what the machine has reached once it is applied; NULL: nothing */
	GHashTable *variables;  /* char * -> char * */
	GPtrArray *settings;    /* struct setting, sorted by kind and target; owned */
	enum setting_risk risk; /* the highest of its settings */
};

/* Errors of G_KEY_FILE_ERROR, with the file, and of G_IO_ERROR. dirs: NULL-terminated. */
bool profile_load(const char *const *dirs, const char *name, struct profile **ret, GError **error);
/* The same from text; `origin` is for messages. May not include anything. */
bool profile_parse(const char *text, const char *origin, struct profile **ret, GError **error);
void profile_free(struct profile *profile);
/* Names, sorted; NULL-terminated. */
char **profile_list(const char *const *dirs);
