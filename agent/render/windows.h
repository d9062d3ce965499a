/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Profiles for a Windows guest, and the scripts that apply them and take them back. There is no agent
 * in such a guest: text goes in, text comes out.
 *
 * NAME.conf:
 *
 *   [main]           summary=, include=NAME;...
 *   [service:NAME]   start=disabled|manual|automatic
 *   [registry:KEY]   VALUE=dword:N, sz:TEXT, binary:HEX or absent; any number of them. KEY begins with
 *                    HKLM\ or HKCU\ (of the user who runs the script)
 *   [appx:PACKAGE]   store=ID, from where it comes back
 *
 * Each with reason= and risk=safe|medium|high. Services that a guest cannot do without are refused.
 */

#include <glib.h>
#include <stdbool.h>

#define WINDOWS_INCLUDE_MAX 8u /* profiles within profiles */

enum windows_kind { WINDOWS_REGISTRY, WINDOWS_SERVICE, WINDOWS_APPX };

struct windows_entry {
	enum windows_kind kind;
	char *target; /* key, service or package */
	char *name;   /* of the value, else NULL */
	char *type;   /* dword, sz, binary or absent; else NULL */
	char *data;   /* decimal, text, hex; start of sc.exe; id in the Store. NULL for absent */
	char *reason; /* may be NULL */
};

enum windows_script {
	WINDOWS_APPLY_PS1,
	WINDOWS_ROLLBACK_PS1,
	WINDOWS_APPLY_CMD,
	WINDOWS_ROLLBACK_CMD
};
#define WINDOWS_SCRIPTS 4

/* "apply.ps1"; its template is that with .in behind it. */
extern const char *const windows_script_names[WINDOWS_SCRIPTS];

/* *ret: of struct windows_entry, owned; what a profile says itself wins over what it includes, at the
 * place of the first. G_KEY_FILE_ERROR with the file and the group, or G_IO_ERROR. */
bool windows_load(const char *dir, const char *name, GPtrArray **ret, GError **error);
/* The script: the template with @PROFILE@ and @ENTRIES@ filled in, with the line ends of Windows.
 * Batch files leave out apps. Transfer full; NULL: a batch file cannot say it (G_IO_ERROR). */
char *windows_render(enum windows_script script, const char *template, const char *name,
	const GPtrArray *entries, GError **error);

/* 'text' for PowerShell, to which typographic single quotes are quotes as well. Transfer full. */
char *windows_quote_ps(const char *text);
/* "text" for an argument of `call` in a batch file. NULL where there is no way to say it: quotes, %, ^
 * and all but printable ASCII. Transfer full. */
char *windows_quote_cmd(const char *text);
