/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Profiles for a Windows guest, and the scripts that apply them and take them back. There is no agent
 * in such a guest: text goes in, text comes out.
 *
 * NAME.conf:
 *
 *   [main]               summary=, include=NAME;...
 *   [service:NAME]       start=disabled|manual|automatic; one that starts less is left alone
 *   [registry:KEY]       VALUE=dword:N, sz:TEXT, binary:HEX or absent; any number of them, @ is the
 *                        one without a name. KEY begins with HKLM\, HKCU\ (of every user and of those
 *                        to come) or HKCR\ (the machine's: HKLM\SOFTWARE\Classes)
 *   [power:plan]         scheme=GUID
 *   [power:hibernation]  enabled=no
 *   [appx:PACKAGE]       store=ID, from where it comes back when its files are gone; may be missing
 *
 * Each with reason= and risk=safe|medium|high; those of high risk need a word of whoever runs the
 * script. [registry:KEY] may have guard=vbs: not where virtualization-based security does not run, an
 * error where the firmware locks it. Services and apps that a guest cannot do without are refused.
 */

#include <glib.h>
#include <stdbool.h>

#define WINDOWS_INCLUDE_MAX 8u /* profiles within profiles */
#define WINDOWS_ID_CHARS    16u

enum windows_kind {
	WINDOWS_REGISTRY,
	WINDOWS_SERVICE,
	WINDOWS_PLAN,
	WINDOWS_HIBERNATION,
	WINDOWS_APPX,
	WINDOWS_KINDS
};

/* All but apps are read as a value of the registry; the kind says how it is written. */
struct windows_entry {
	enum windows_kind kind;
	/* Of the key and value (or package) whatever the profile: under this name goes its original. */
	char id[WINDOWS_ID_CHARS + 1];
	char *target; /* of a service or package the name; else NULL */
	char *key; /* HKEY_LOCAL_MACHINE\...; with `user` what is below a user's key. NULL for apps */
	char *name;   /* of the value; "" is the key's own. NULL for apps */
	char *type;   /* dword, sz, binary or absent. NULL for apps */
	char *data;   /* decimal, text, hex; of an app its id in the Store. NULL: none */
	char *reason; /* may be NULL */
	bool user, high_risk, guard_vbs;
};

enum windows_script {
	WINDOWS_APPLY_PS1,
	WINDOWS_ROLLBACK_PS1,
	WINDOWS_APPLY_CMD,
	WINDOWS_ROLLBACK_CMD
};
#define WINDOWS_SCRIPTS 4

/* "apply.ps1", and the file it is made from. */
extern const char *const windows_script_names[WINDOWS_SCRIPTS];
extern const char *const windows_script_templates[WINDOWS_SCRIPTS];

/* "registry" and so on, as the scripts call them. */
extern const char *const windows_kind_names[WINDOWS_KINDS];

/* *ret: of struct windows_entry, owned; what a profile says itself wins over what it includes, at the
 * place of the first. G_KEY_FILE_ERROR with the file and the group, or G_IO_ERROR. */
bool windows_load(const char *dir, const char *name, GPtrArray **ret, GError **error);
/* The script, with the line ends of Windows: the template with @PROFILE@, @ACTION@ and the entries
 * (@MACHINE@, @USER@; @USERS@ is how many of the latter) filled in; a rollback has them in reverse.
 * Batch files leave out apps. Transfer full; NULL: a batch file cannot say it (G_IO_ERROR). */
char *windows_render(enum windows_script script, const char *template, const char *name,
	const GPtrArray *entries, GError **error);

/* 'text' for PowerShell, to which typographic single quotes are quotes as well. Transfer full. */
char *windows_quote_ps(const char *text);
/* "NAME=text" for `set` in a batch file. NULL where there is no way to say it: quotes, %, ^, ! and all
 * but printable ASCII; a \ at the end, which a program would take together with its quote. Transfer
 * full. */
char *windows_assign_cmd(const char *name, const char *text);
