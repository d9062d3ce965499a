/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Scripts for Windows: nothing gets out of its quotes, nothing is set that is not put back. */

#include "render/windows.h"
#include "suite.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

START_TEST(powershell_takes_every_quote_for_text)
{
	static const char *const table[][2] = { { "", "''" }, { "a", "'a'" }, { "it's", "'it''s'" },
		{ "$(x)`\"", "'$(x)`\"'" }, { "\u2019; x", "'\u2019\u2019; x'" },
		{ "\u2018\u201a\u201b", "'\u2018\u2018\u201a\u201a\u201b\u201b'" },
		{ "\u201c", "'\u201c'" } };

	for (gsize i = 0; i < N_ELEMENTS(table); i++) {
		g_autofree char *quoted = windows_quote_ps(table[i][0]);

		ck_assert_str_eq(quoted, table[i][1]);
	}
}
END_TEST

START_TEST(batch_files_say_it_right_or_not_at_all)
{
	static const char *const table[][2] = { { "", "\"KEY=\"" }, { "a b", "\"KEY=a b\"" },
		{ "a&b|c<d>", "\"KEY=a&b|c<d>\"" }, { "HKLM\\x\\", NULL }, { "%PATH%", NULL },
		{ "a^b", NULL }, { "a\"b", NULL }, { "a!", NULL }, { "a\nb", NULL },
		{ "\u00e9", NULL } };

	for (gsize i = 0; i < N_ELEMENTS(table); i++) {
		g_autofree char *assignment = windows_assign_cmd("KEY", table[i][0]);

		ck_assert_pstr_eq(assignment, table[i][1]);
	}
}
END_TEST

/* The entries of a profile with this text; NULL: refused, and *ret was left alone. */
static GPtrArray *load_text(const char *text)
{
	g_autofree char *dir = g_dir_make_tmp("windows-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "t.conf", NULL);
	g_autoptr(GError) error = NULL;
	GPtrArray *entries;
	bool loaded;

	poison(&entries);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	loaded = windows_load(dir, "t", &entries, &error);
	g_unlink(path);
	g_rmdir(dir);
	ck_assert(loaded == !error);
	if (!loaded)
		assert_poisoned(&entries);
	return loaded ? entries : NULL;
}

START_TEST(profiles_refuse_what_they_may_not_or_cannot)
{
	static const struct {
		const char *text;
		bool good;
	} table[] = {
		{ "[service:DiagTrack]\nstart=disabled\n", true },
		{ "[service:windefend]\nstart=disabled\n", false },
		{ "[service:XblAuthManager]\nstart=manual\n", false },
		{ "[service:Dhcp]\nstart=disabled\n", false },
		{ "[service:DhcpLike]\nstart=disabled\n", true },
		{ "[service:a b]\nstart=disabled\n", false },
		{ "[service:a]\nstart=never\n", false },
		{ "[service:a]\n", false },
		{ "[service:a]\nstart=disabled\nrisk=some\n", false },
		{ "[registry:HKLM\\A]\nV=dword:4294967295\n", true },
		{ "[registry:HKLM\\A]\nV=dword:4294967296\n", false },
		{ "[registry:HKLM\\A]\nV=dword:0x1\n", false },
		{ "[registry:HKLM\\A]\nV=binary:0g\n", false },
		{ "[registry:HKLM\\A]\nV=binary:012\n", false },
		{ "[registry:HKLM\\A]\nV=1\n", false },
		{ "[registry:HKCR\\A]\n@=sz:a\nURL Protocol=sz:\n", true },
		{ "[registry:HKCC\\A]\nV=sz:a\n", false },
		{ "[registry:HKLM\\A\\]\nV=sz:a\n", false },
		{ "[registry:HKLM\\A]\nV=dword:0\nguard=vbs\n", true },
		{ "[registry:HKLM\\A]\nV=dword:0\nguard=other\n", false },
		{ "[service:a]\nstart=disabled\nguard=vbs\n", false },
		{ "[registry:HKLM\\system\\CurrentControlSet\\Services\\Dhcp]\nStart=dword:4\n",
			false },
		{ "[appx:A]\nstore=B\n", true },
		{ "[appx:A]\n", true },
		{ "[appx:A]\nstore=a b\n", false },
		{ "[appx:Microsoft.WindowsStore]\n", false },
		{ "[appx:microsoft.xbox.tcui]\n", false },
		{ "[appx:Microsoft.MicrosoftEdge.Stable]\n", false },
		{ "[power:plan]\nscheme=8C5E7FDA-E8BF-4A96-9A85-A6E23A8C635C\n", true },
		{ "[power:plan]\nscheme=8c5e7fda\n", false },
		{ "[power:hibernation]\nenabled=no\n", true },
		{ "[power:hibernation]\nenabled=yes\n", false },
		{ "[power:other]\nenabled=no\n", false },
		{ "[file:/a]\nvalue=b\n", false },
	};

	for (gsize i = 0; i < N_ELEMENTS(table); i++) {
		GPtrArray *entries = load_text(table[i].text);

		ck_assert_msg(!entries == !table[i].good, "%s", table[i].text);
		if (entries)
			g_ptr_array_unref(entries);
	}
}
END_TEST

static char *render(enum windows_script script, const char *profile, const GPtrArray *entries)
{
	g_autofree char *path =
		g_build_filename(WINDOWS_PROFILES, windows_script_templates[script], NULL);
	g_autofree char *template = NULL;
	g_autoptr(GError) error = NULL;
	char *text;

	ck_assert(g_file_get_contents(path, &template, NULL, NULL));
	text = windows_render(script, template, profile, entries, &error);
	ck_assert_msg(text != NULL, "%s", error ? error->message : "");
	return text;
}

static unsigned count(const char *text, const char *needle)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, needle)); p += strlen(needle))
		n++;
	return n;
}

static char *mark(bool batch, const struct windows_entry *entry)
{
	const char *kind = windows_kind_names[entry->kind];

	if (!batch)
		return g_strdup_printf("@{ Id = '%s'; Kind = '%s'", entry->id, kind);
	return g_strdup_printf("call :entry %s %s ", entry->id, kind);
}

static const char *const shipped[] = { "debloat-conservative", "debloat-aggressive",
	"debloat-all-apps", "vbs-off" };

START_TEST(every_setting_is_once_in_apply_and_once_in_rollback)
{
	const char *name = shipped[_i / WINDOWS_SCRIPTS];
	enum windows_script script = (enum windows_script)(_i % WINDOWS_SCRIPTS);
	bool batch = script == WINDOWS_APPLY_CMD || script == WINDOWS_ROLLBACK_CMD;
	g_autoptr(GPtrArray) entries = NULL;
	g_autofree char *text = NULL;

	ck_assert(windows_load(WINDOWS_PROFILES, name, &entries, NULL));
	text = render(script, name, entries);
	for (unsigned i = 0; i < entries->len; i++) {
		const struct windows_entry *entry = entries->pdata[i];
		g_autofree char *needle = mark(batch, entry);
		unsigned wanted = batch && entry->kind == WINDOWS_APPX ? 0 : 1;

		ck_assert_msg(count(text, needle) == wanted, "%s: %s", windows_script_names[script],
			needle);
	}
	ck_assert_uint_eq(count(text, "\n"), count(text, "\r\n"));
	ck_assert_ptr_null(g_regex_match_simple("@[A-Z]+@", text, 0, 0) ? text : NULL);
}
END_TEST

START_TEST(rollback_goes_backwards)
{
	g_autoptr(GPtrArray) entries = load_text(
		"[registry:HKLM\\A]\nV=dword:0\nW=dword:0\n[registry:HKLM\\A\\B]\nV=dword:0\n");

	ck_assert_uint_eq(entries->len, 3);
	for (int script = 0; script < WINDOWS_SCRIPTS; script++) {
		g_autofree char *text = render((enum windows_script)script, "t", entries);
		bool rollback = script == WINDOWS_ROLLBACK_PS1 || script == WINDOWS_ROLLBACK_CMD;
		const char *places[3] = { NULL };

		for (unsigned i = 0; i < 3; i++)
			places[i] = strstr(text, ((struct windows_entry *)entries->pdata[i])->id);
		ck_assert((places[0] < places[1]) != rollback);
		ck_assert((places[1] < places[2]) != rollback);
	}
}
END_TEST

static const struct windows_entry *find_key(const GPtrArray *entries, const char *key)
{
	for (unsigned i = 0; i < entries->len; i++) {
		const struct windows_entry *entry = entries->pdata[i];

		if (entry->key && !strcmp(entry->key, key))
			return entry;
	}
	ck_abort_msg("%s is not there", key);
}

/* Records are found under it when a profile was changed, or by another profile. */
START_TEST(an_id_is_that_of_the_setting)
{
	g_autoptr(GPtrArray) one = load_text("[registry:HKCU\\A]\nV=dword:0\n");
	g_autoptr(GPtrArray) two = load_text(
		"[service:a]\nstart=disabled\n[registry:HKCU\\a]\nv=sz:x\n[registry:HKLM\\A]\nV=sz:x\n");
	const struct windows_entry *user = find_key(two, "a");

	ck_assert_str_eq(((struct windows_entry *)one->pdata[0])->id, user->id);
	ck_assert_str_ne(find_key(two, "HKEY_LOCAL_MACHINE\\A")->id, user->id);
}
END_TEST

START_TEST(security_is_only_lowered_on_request)
{
	g_autoptr(GPtrArray) entries = NULL;

	ck_assert(windows_load(WINDOWS_PROFILES, "vbs-off", &entries, NULL));
	ck_assert_uint_gt(entries->len, 0);
	for (unsigned i = 0; i < entries->len; i++) {
		const struct windows_entry *entry = entries->pdata[i];

		ck_assert(entry->high_risk && entry->guard_vbs);
	}
	for (gsize n = 0; n < 3; n++) {
		g_autoptr(GPtrArray) others = NULL;

		ck_assert(windows_load(WINDOWS_PROFILES, shipped[n], &others, NULL));
		for (unsigned i = 0; i < others->len; i++) {
			const struct windows_entry *entry = others->pdata[i];

			ck_assert(!entry->guard_vbs);
			ck_assert(entry->high_risk || entry->kind != WINDOWS_APPX);
			ck_assert(!entry->key || !strstr(entry->key, "DeviceGuard"));
		}
	}
}
END_TEST

/* --- the grammar, as far as quotes, comments and brackets go --- */

/* Behind the quote that ends what begins at p; NULL: there is none. */
static const char *skip_quoted(const char *p)
{
	char quote = *p++;

	for (; *p; p++)
		if (*p == '`' && quote == '"' && p[1])
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			return p + 1;
	return NULL;
}

/* Where a script for PowerShell stops making sense; NULL: nowhere. */
static const char *first_fault(const char *text)
{
	g_autoptr(GString) open = g_string_new(NULL);
	const char *p = text;

	while (*p) {
		const char *closes = strchr(")]}", *p);

		if (*p == '#')
			p += strcspn(p, "\n");
		else if (*p == '\'' || *p == '"') {
			const char *end = skip_quoted(p);

			if (!end)
				return p;
			p = end;
		} else {
			if (strchr("([{", *p))
				g_string_append_c(open, ")]}"[strchr("([{", *p) - "([{"]);
			if (closes && (!open->len || open->str[open->len - 1] != *p))
				return p;
			if (closes)
				g_string_truncate(open, open->len - 1);
			p++;
		}
	}
	return open->len ? p : NULL;
}

START_TEST(powershell_can_read_it)
{
	static const char *const bad[] = { "f(", "f)", "({)}", "'a", "\"a`\"", "@{ a = 'x''" };

	for (gsize i = 0; i < N_ELEMENTS(bad); i++)
		ck_assert_msg(first_fault(bad[i]) != NULL, "%s", bad[i]);
	for (gsize n = 0; n < N_ELEMENTS(shipped); n++) {
		g_autoptr(GPtrArray) entries = NULL;

		ck_assert(windows_load(WINDOWS_PROFILES, shipped[n], &entries, NULL));
		for (int script = WINDOWS_APPLY_PS1; script <= WINDOWS_ROLLBACK_PS1; script++) {
			g_autofree char *text =
				render((enum windows_script)script, shipped[n], entries);
			const char *fault = first_fault(text);

			ck_assert_msg(!fault, "%s: %.60s", shipped[n], fault);
		}
	}
}
END_TEST

/* Every label that is jumped to or called. */
START_TEST(batch_files_jump_to_labels_that_are_there)
{
	g_autoptr(GPtrArray) entries = load_text("[registry:HKLM\\A]\nV=dword:0\n");
	g_autofree char *text = render(WINDOWS_APPLY_CMD, "t", entries);
	g_autoptr(GRegex) regex = g_regex_new("(?:goto|call) :([a-z_]+)(%[A-Z]+%)?", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	unsigned n = 0;

	for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
		g_match_info_next(match, NULL)) {
		g_autofree char *label = g_match_info_fetch(match, 1);
		g_autofree char *rest = g_match_info_fetch(match, 2);
		g_autofree char *wanted =
			g_strdup_printf("\r\n:%s%s", label, rest && *rest ? "" : "\r\n");

		ck_assert_msg(strstr(text, wanted) != NULL, "%s", label);
		n++;
	}
	ck_assert_uint_gt(n, 30);
	for (int kind = 0; kind < WINDOWS_APPX; kind++) {
		g_autofree char *label =
			g_strdup_printf("\r\n:change_%s\r\n", windows_kind_names[kind]);

		ck_assert_msg(strstr(text, label) != NULL, "%s", label);
	}
}
END_TEST

START_TEST(a_batch_file_that_cannot_say_it_is_not_written)
{
	g_autoptr(GPtrArray) entries = load_text("[registry:HKLM\\A]\nV=sz:%PATH%\n");
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(windows_render(WINDOWS_APPLY_CMD, "@MACHINE@\n", "t", entries, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("windows");
	TCase *tcase = tcase_create("windows");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, powershell_takes_every_quote_for_text);
	tcase_add_test(tcase, batch_files_say_it_right_or_not_at_all);
	tcase_add_test(tcase, profiles_refuse_what_they_may_not_or_cannot);
	tcase_add_loop_test(tcase, every_setting_is_once_in_apply_and_once_in_rollback, 0,
		N_ELEMENTS(shipped) * WINDOWS_SCRIPTS);
	tcase_add_test(tcase, rollback_goes_backwards);
	tcase_add_test(tcase, an_id_is_that_of_the_setting);
	tcase_add_test(tcase, security_is_only_lowered_on_request);
	tcase_add_test(tcase, powershell_can_read_it);
	tcase_add_test(tcase, batch_files_jump_to_labels_that_are_there);
	tcase_add_test(tcase, a_batch_file_that_cannot_say_it_is_not_written);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
