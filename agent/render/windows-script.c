/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "windows.h"

#include <gio/gio.h>
#include <string.h>

const char *const windows_script_names[WINDOWS_SCRIPTS] = { "apply.ps1", "rollback.ps1",
	"apply.cmd", "rollback.cmd" };
const char *const windows_script_templates[WINDOWS_SCRIPTS] = { "script.ps1.in", "script.ps1.in",
	"script.cmd.in", "script.cmd.in" };
const char *const windows_kind_names[WINDOWS_KINDS] = { "registry", "service", "plan",
	"hibernation", "appx" };

char *windows_quote_ps(const char *text)
{
	GString *quoted = g_string_new("'");

	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		if (c == '\'' || (c >= 0x2018 && c <= 0x201b))
			g_string_append_unichar(quoted, c);
		g_string_append_unichar(quoted, c);
	}
	g_string_append_c(quoted, '\'');
	return g_string_free(quoted, FALSE);
}

char *windows_assign_cmd(const char *name, const char *text)
{
	for (const char *p = text; *p; p++)
		if (!g_ascii_isprint(*p) || strchr("\"%^!", *p))
			return NULL;
	if (g_str_has_suffix(text, "\\"))
		return NULL;
	return g_strdup_printf("\"%s=%s\"", name, text);
}

/* --- PowerShell --- */

static void append_bytes(GString *out, const char *hex)
{
	g_string_append(out, "[byte[]]@(");
	for (const char *p = hex; *p; p += 2)
		g_string_append_printf(out, "%s0x%.2s", p == hex ? "" : ", ", p);
	g_string_append(out, ")");
}

static void append_field(GString *out, const char *field, const char *text)
{
	g_autofree char *quoted = windows_quote_ps(text);

	g_string_append_printf(out, "; %s = %s", field, quoted);
}

/* PowerShell has the numbers of the registry signed. */
static void append_data(GString *out, const struct windows_entry *entry)
{
	g_autofree char *quoted = windows_quote_ps(entry->data ?: "");

	if (!strcmp(entry->type, "absent")) {
		g_string_append(out, "; State = 'none'");
		return;
	}
	g_string_append(out, "; State = 'value'");
	if (!strcmp(entry->type, "dword"))
		g_string_append_printf(out, "; Type = 'DWord'; Data = %d",
			(gint32)(guint32)g_ascii_strtoull(entry->data, NULL, 10));
	else if (!strcmp(entry->type, "sz"))
		g_string_append_printf(out, "; Type = 'String'; Data = %s", quoted);
	else {
		g_string_append(out, "; Type = 'Binary'; Data = ");
		append_bytes(out, entry->data ?: "");
	}
}

static void append_ps(GString *out, const struct windows_entry *entry)
{
	if (entry->reason)
		g_string_append_printf(out, "\t# %s\n", entry->reason);
	g_string_append_printf(
		out, "\t@{ Id = '%s'; Kind = '%s'", entry->id, windows_kind_names[entry->kind]);
	if (entry->target)
		append_field(out, "Target", entry->target);
	if (entry->kind == WINDOWS_APPX) {
		append_field(out, "Store", entry->data ?: "");
	} else {
		append_field(out, "Key", entry->key);
		append_field(out, "Name", entry->name);
		append_data(out, entry);
	}
	if (entry->high_risk)
		g_string_append(out, "; HighRisk = $true");
	if (entry->guard_vbs)
		g_string_append(out, "; Guard = 'vbs'");
	g_string_append(out, " }\n");
}

/* --- batch files --- */

/* As reg.exe prints it, which is also how it takes it. */
static char *print_data(const struct windows_entry *entry)
{
	if (entry->data && !strcmp(entry->type, "dword"))
		return g_strdup_printf("0x%x", (guint32)g_ascii_strtoull(entry->data, NULL, 10));
	if (entry->data && !strcmp(entry->type, "binary"))
		return g_ascii_strup(entry->data, -1);
	return g_strdup(entry->data ?: "");
}

static const char *print_type(const char *type)
{
	static const char *const types[][2] = { { "dword", "REG_DWORD" }, { "sz", "REG_SZ" },
		{ "binary", "REG_BINARY" } };

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
		if (!strcmp(type, types[i][0]))
			return types[i][1];
	return "none";
}

static bool append_cmd(GString *out, const struct windows_entry *entry, GError **error)
{
	g_autofree char *printed = print_data(entry);
	g_autofree char *key = windows_assign_cmd("KEY", entry->key);
	g_autofree char *name = windows_assign_cmd("NAME", entry->name);
	g_autofree char *data = windows_assign_cmd("WANT_DATA", printed);

	if (!key || !name || !data) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"%s: a batch file cannot say this", entry->key);
		return false;
	}
	g_string_append_printf(out, "set \"KEY=%s%s\nset %s\nset %s\n",
		entry->user ? "%HIVE%\\" : "", key + strlen("\"KEY="), name, data);
	g_string_append_printf(out, "call :entry %s %s %s %s %s", entry->id,
		windows_kind_names[entry->kind], print_type(entry->type),
		entry->high_risk ? "high" : "low", entry->guard_vbs ? "vbs" : "none");
	g_string_append_printf(out, "%s%s\n", entry->target ? " " : "", entry->target ?: "");
	return true;
}

/* --- both --- */

static void use_windows_line_ends(GString *text)
{
	g_string_replace(text, "\r", "", 0);
	g_string_replace(text, "\n", "\r\n", 0);
}

static unsigned count_users(const GPtrArray *entries)
{
	unsigned n = 0;

	for (unsigned i = 0; i < entries->len; i++)
		n += ((const struct windows_entry *)entries->pdata[i])->user;
	return n;
}

/* Those of the machine or of every user, in the order of the script. */
static char *list_entries(
	const GPtrArray *entries, bool user, bool batch, bool backwards, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (unsigned i = 0; i < entries->len; i++) {
		const struct windows_entry *entry =
			entries->pdata[backwards ? entries->len - 1 - i : i];

		if (entry->user != user || (batch && entry->kind == WINDOWS_APPX))
			continue;
		if (!batch)
			append_ps(list, entry);
		else if (!append_cmd(list, entry, error))
			return NULL;
	}
	return g_string_free(g_steal_pointer(&list), FALSE);
}

char *windows_render(enum windows_script script, const char *template, const char *name,
	const GPtrArray *entries, GError **error)
{
	bool rollback = script == WINDOWS_ROLLBACK_PS1 || script == WINDOWS_ROLLBACK_CMD;
	bool batch = script == WINDOWS_APPLY_CMD || script == WINDOWS_ROLLBACK_CMD;
	g_autofree char *machine = list_entries(entries, false, batch, rollback, error);
	g_autofree char *user = NULL;
	g_autofree char *n_users = g_strdup_printf("%u", count_users(entries));
	GString *text;

	if (!machine)
		return NULL;
	user = list_entries(entries, true, batch, rollback, error);
	if (!user)
		return NULL;
	text = g_string_new(template);
	g_string_replace(text, "@PROFILE@", name, 0);
	g_string_replace(text, "@ACTION@", rollback ? "rollback" : "apply", 0);
	g_string_replace(text, "@USERS@", n_users, 0);
	g_string_replace(text, "@MACHINE@\n", machine, 1);
	g_string_replace(text, "@USER@\n", user, 1);
	use_windows_line_ends(text);
	/* Without it PowerShell 5 takes the file for one in the code page. */
	if (!batch)
		g_string_prepend(text, "\xef\xbb\xbf");
	return g_string_free(text, FALSE);
}
