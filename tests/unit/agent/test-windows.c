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
	static const char *const table[][2] = { { "", "\"\"" }, { "a b", "\"a b\"" },
		{ "a&b|c<d>!", "\"a&b|c<d>!\"" }, { "HKLM\\x\\", "\"HKLM\\x\\\\\"" },
		{ "%PATH%", NULL }, { "a^b", NULL }, { "a\"b", NULL }, { "a\nb", NULL },
		{ "\u00e9", NULL } };

	for (gsize i = 0; i < N_ELEMENTS(table); i++) {
		g_autofree char *quoted = windows_quote_cmd(table[i][0]);

		ck_assert_pstr_eq(quoted, table[i][1]);
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
		{ "[registry:HKCR\\A]\nV=sz:a\n", false },
		{ "[registry:HKLM\\system\\CurrentControlSet\\Services\\Dhcp]\nStart=dword:4\n",
			false },
		{ "[appx:A]\nstore=B\n", true },
		{ "[appx:A]\n", false },
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
	g_autofree char *base = g_strconcat(windows_script_names[script], ".in", NULL);
	g_autofree char *path = g_build_filename(WINDOWS_PROFILES, base, NULL);
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

static char *mark(enum windows_script script, unsigned id, const struct windows_entry *entry)
{
	bool batch = script == WINDOWS_APPLY_CMD || script == WINDOWS_ROLLBACK_CMD;
	static const char *const kinds[] = { "registry", "service", "appx" };

	if (!batch)
		return g_strdup_printf("@{ Id = %u; Kind = '%s'; Name = '%s'", id,
			kinds[entry->kind], entry->name ?: entry->target);
	return g_strdup_printf("_%s %u \"%s\" ", kinds[entry->kind], id, entry->target);
}

START_TEST(every_setting_is_once_in_apply_and_once_in_rollback)
{
	static const char *const names[] = { "debloat-conservative", "debloat-aggressive" };
	const char *name = names[_i / WINDOWS_SCRIPTS];
	enum windows_script script = (enum windows_script)(_i % WINDOWS_SCRIPTS);
	bool batch = script == WINDOWS_APPLY_CMD || script == WINDOWS_ROLLBACK_CMD;
	g_autoptr(GPtrArray) entries = NULL;
	g_autofree char *text = NULL;

	ck_assert(windows_load(WINDOWS_PROFILES, name, &entries, NULL));
	ck_assert_uint_gt(entries->len, 50);
	text = render(script, name, entries);
	for (unsigned i = 0; i < entries->len; i++) {
		const struct windows_entry *entry = entries->pdata[i];
		g_autofree char *needle = mark(script, i + 1, entry);
		unsigned wanted = batch && entry->kind == WINDOWS_APPX ? 0 : 1;

		ck_assert_msg(count(text, needle) == wanted, "%s: %s", windows_script_names[script],
			needle);
	}
	ck_assert_uint_eq(count(text, "\n"), count(text, "\r\n"));
	ck_assert_uint_eq(count(text, "@PROFILE@") + count(text, "@ENTRIES@"), 0);
}
END_TEST

START_TEST(a_batch_file_that_cannot_say_it_is_not_written)
{
	g_autoptr(GPtrArray) entries = load_text("[registry:HKLM\\A]\nV=sz:%PATH%\n");
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(windows_render(WINDOWS_APPLY_CMD, "@ENTRIES@\n", "t", entries, &error));
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
	tcase_add_loop_test(
		tcase, every_setting_is_once_in_apply_and_once_in_rollback, 0, 2 * WINDOWS_SCRIPTS);
	tcase_add_test(tcase, a_batch_file_that_cannot_say_it_is_not_written);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
