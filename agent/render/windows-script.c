/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "windows.h"

#include <gio/gio.h>
#include <string.h>

const char *const windows_script_names[WINDOWS_SCRIPTS] = { "apply.ps1", "rollback.ps1",
	"apply.cmd", "rollback.cmd" };

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

char *windows_quote_cmd(const char *text)
{
	GString *quoted = g_string_new("\"");
	gsize n_slashes = 0;

	for (const char *p = text; *p; p++) {
		if (!g_ascii_isprint(*p) || strchr("\"%^", *p)) {
			g_string_free(quoted, TRUE);
			return NULL;
		}
		n_slashes = *p == '\\' ? n_slashes + 1 : 0;
		g_string_append_c(quoted, *p);
	}
	/* A program takes \" for a quote that does not end the argument. */
	for (; n_slashes > 0; n_slashes--)
		g_string_append_c(quoted, '\\');
	g_string_append_c(quoted, '"');
	return g_string_free(quoted, FALSE);
}

/* --- PowerShell --- */

static void append_bytes(GString *out, const char *hex)
{
	g_string_append(out, "; Data = [byte[]]@(");
	for (const char *p = hex; *p; p += 2)
		g_string_append_printf(out, "%s0x%.2s", p == hex ? "" : ", ", p);
	g_string_append(out, ")");
}

static void append_value(GString *out, const struct windows_entry *entry)
{
	const char *data = entry->data ?: "";
	g_autofree char *quoted = windows_quote_ps(data);

	if (!strcmp(entry->type, "dword"))
		g_string_append_printf(out,
			"; Type = 'DWord'; Data = [BitConverter]::ToInt32("
			"[BitConverter]::GetBytes([uint32]%s), 0)",
			data);
	else if (!strcmp(entry->type, "sz"))
		g_string_append_printf(out, "; Type = 'String'; Data = %s", quoted);
	else if (!strcmp(entry->type, "absent"))
		g_string_append(out, "; Type = 'absent'");
	else {
		g_string_append(out, "; Type = 'Binary'");
		append_bytes(out, data);
	}
}

static void append_ps(GString *out, unsigned id, const struct windows_entry *entry, bool rollback)
{
	static const char *const kinds[] = { "registry", "service", "appx" };
	g_autofree char *target = windows_quote_ps(entry->target);
	g_autofree char *name = windows_quote_ps(entry->name ?: entry->target);
	g_autofree char *data = windows_quote_ps(entry->data ?: "");

	if (entry->reason && !rollback)
		g_string_append_printf(out, "\t# %s\n", entry->reason);
	g_string_append_printf(
		out, "\t@{ Id = %u; Kind = '%s'; Name = %s", id, kinds[entry->kind], name);
	if (entry->kind == WINDOWS_REGISTRY)
		g_string_append_printf(out, "; Key = %s", target);
	if (entry->kind == WINDOWS_REGISTRY && !rollback)
		append_value(out, entry);
	if (entry->kind == WINDOWS_SERVICE && !rollback)
		g_string_append_printf(out, "; Start = %s", data);
	if (entry->kind == WINDOWS_APPX)
		g_string_append_printf(out, "; Store = %s", data);
	g_string_append(out, " }\n");
}

/* --- batch files --- */

static bool append_cmd(
	GString *out, unsigned id, const struct windows_entry *entry, bool rollback, GError **error)
{
	static const struct {
		const char *type, *name;
	} types[] = { { "dword", "REG_DWORD" }, { "sz", "REG_SZ" }, { "binary", "REG_BINARY" },
		{ "absent", "absent" } };
	g_autofree char *target = windows_quote_cmd(entry->target);
	g_autofree char *name = windows_quote_cmd(entry->name ?: "");
	g_autofree char *data = windows_quote_cmd(entry->data ?: "");
	const char *step = rollback ? "restore" : "%STEP%";
	gsize i = 0;

	if (entry->kind == WINDOWS_APPX)
		return true;
	if (!target || !name || !data) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"%s: a batch file cannot say this", entry->target);
		return false;
	}
	if (entry->kind == WINDOWS_SERVICE) {
		g_string_append_printf(out, "call :%s_service %u %s %s\n", step, id, target,
			rollback ? "" : entry->data);
		return true;
	}
	while (strcmp(types[i].type, entry->type) != 0)
		i++;
	g_string_append_printf(out, "call :%s_registry %u %s %s", step, id, target, name);
	if (!rollback)
		g_string_append_printf(out, " %s %s", types[i].name, data);
	g_string_append_c(out, '\n');
	return true;
}

/* --- both --- */

static void use_windows_line_ends(GString *text)
{
	g_string_replace(text, "\r", "", 0);
	g_string_replace(text, "\n", "\r\n", 0);
}

char *windows_render(enum windows_script script, const char *template, const char *name,
	const GPtrArray *entries, GError **error)
{
	bool rollback = script == WINDOWS_ROLLBACK_PS1 || script == WINDOWS_ROLLBACK_CMD;
	bool batch = script == WINDOWS_APPLY_CMD || script == WINDOWS_ROLLBACK_CMD;
	g_autoptr(GString) list = g_string_new(NULL);
	GString *text;

	for (unsigned i = 0; i < entries->len; i++) {
		if (!batch)
			append_ps(list, i + 1, entries->pdata[i], rollback);
		else if (!append_cmd(list, i + 1, entries->pdata[i], rollback, error))
			return NULL;
	}
	text = g_string_new(template);
	g_string_replace(text, "@PROFILE@", name, 0);
	g_string_replace(text, "@ENTRIES@\n", list->str, 1);
	use_windows_line_ends(text);
	/* Without it PowerShell 5 takes the file for one in the code page. */
	if (!batch)
		g_string_prepend(text, "\xef\xbb\xbf");
	return g_string_free(text, FALSE);
}
