/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static gboolean show_all, yes, force;
static char *plan_hash;
static int confirm_s = -1;

static const GOptionEntry plan_options[] = {
	{ "all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "Also what is so already, or does not apply",
		NULL },
	{ NULL },
};

static const GOptionEntry apply_options[] = {
	{ "yes", 'y', 0, G_OPTION_ARG_NONE, &yes, "Do not ask", NULL },
	{ "plan-hash", 'H', 0, G_OPTION_ARG_STRING, &plan_hash,
		"Only if the plan is still this one", "HASH" },
	{ "confirm-timeout-s", 't', 0, G_OPTION_ARG_INT, &confirm_s,
		"Take it back unless it is confirmed within S seconds", "S" },
	{ NULL },
};

static const GOptionEntry rollback_options[] = {
	{ "force", 'f', 0, G_OPTION_ARG_NONE, &force,
		"Also what somebody else changed in the meantime", NULL },
	{ NULL },
};

static json_t *named(const char *name)
{
	return name ? json_pack("{s:s}", "name", name) : NULL;
}

static bool read_txn(const struct ctl *ctl, const char *text, guint64 *ret)
{
	if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, ret, NULL))
		return true;
	ctl_complain(ctl, "'%s' is no transaction; helix-agent journal list names them", text);
	return false;
}

static int run_list(struct ctl *ctl, char **arguments)
{
	static const struct rows_column columns[] = { { "PROFILE", "name" }, { "RISK", "risk" },
		{ "CHECKPOINT", "checkpoint" }, { "SUMMARY", "summary" } };
	json_t *profiles = ctl_ask(ctl, "helix-profile-list", NULL);

	if (!profiles)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(profiles);
	else
		rows_print(&ctl->print, profiles, columns, G_N_ELEMENTS(columns),
			"There are no profiles. helix-applyd looks in /etc/helix-agent/profiles "
			"and " HELIX_PROFILE_DIR ", or where its --profile-dir DIR says.");
	json_decref(profiles);
	return CTL_DONE;
}

static char *format_value(const json_t *row)
{
	return rows_value(json_object_get(row, "value"));
}

static int run_show(struct ctl *ctl, char **arguments)
{
	static const struct rows_column columns[] = { { "KIND", "kind" }, { "TARGET", "target" },
		{ "VALUE", NULL, format_value }, { "RISK", "risk" }, { "UNDO", "undo" },
		{ "REASON", "reason" } };
	json_t *profile = ctl_ask(ctl, "helix-profile-show", named(arguments[0]));

	if (!profile)
		return CTL_UNASKED;
	if (ctl->json) {
		ctl_print_json(profile);
	} else {
		g_autofree char *summary = print_clean(print_text(profile, "summary"));

		printf("%s: %s\n\n", arguments[0], summary);
		rows_print(&ctl->print, json_object_get(profile, "settings"), columns,
			G_N_ELEMENTS(columns), "It sets nothing.");
	}
	json_decref(profile);
	return CTL_DONE;
}

/* --- plan --- */

static void print_entry(const struct print *print, const json_t *entry)
{
	g_autofree char *target = print_clean(print_text(entry, "target"));
	g_autofree char *reason = print_clean(print_text(entry, "reason"));
	const char *skipped = print_text(entry, "na-reason");
	g_autofree char *current = rows_value(json_object_get(entry, "current"));
	g_autofree char *desired = rows_value(json_object_get(entry, "desired"));
	g_autofree char *clean_current = print_clean(current);
	g_autofree char *clean_desired = print_clean(desired);

	if (*skipped) {
		g_autofree char *clean = print_clean(skipped);

		printf("  %s %s: does not apply: %s\n", print_text(entry, "kind"), target, clean);
	} else if (!json_is_true(json_object_get(entry, "change"))) {
		printf("  %s %s: is %s already\n", print_text(entry, "kind"), target,
			clean_desired);
	} else {
		printf("%s %s %s%s\n", print->colour ? "\033[1m*\033[0m" : "*",
			print_text(entry, "kind"), target,
			json_is_true(json_object_get(entry, "needs-reboot")) ? " (after a reboot)"
									     : "");
		printf("    - %s\n    + %s\n", clean_current, clean_desired);
		printf("    risk %s%s%s\n", print_text(entry, "risk"), *reason ? ": " : "", reason);
	}
}

#define REASONS_SHOWN 3u

/* Why some do not apply: the first few of the reasons, each once. Transfer full. */
static char *first_reasons(const json_t *entries)
{
	g_autoptr(GPtrArray) seen = g_ptr_array_new();
	GString *text = g_string_new(NULL);
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)entries, i, entry)
	{
		const char *reason = print_text(entry, "na-reason");
		g_autofree char *clean = print_clean(reason);

		if (!*reason || g_ptr_array_find_with_equal_func(seen, reason, g_str_equal, NULL))
			continue;
		g_ptr_array_add(seen, (void *)reason);
		if (seen->len <= REASONS_SHOWN)
			g_string_append_printf(text, "%s%s", text->len ? "; " : "", clean);
	}
	if (seen->len > REASONS_SHOWN)
		g_string_append(text, "; ...");
	return g_string_free(text, FALSE);
}

static void print_rest(const json_t *entries)
{
	g_autofree char *reasons = first_reasons(entries);
	unsigned n_skipped = 0, n_same = 0;
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)entries, i, entry)
	{
		if (*print_text(entry, "na-reason"))
			n_skipped++;
		else if (!json_is_true(json_object_get(entry, "change")))
			n_same++;
	}
	if (n_same + n_skipped == 0)
		return;
	printf("%u do not: %u are so already, %u do not apply here%s%s%s%s\n", n_same + n_skipped,
		n_same, n_skipped, *reasons ? " (" : "", reasons, *reasons ? ")" : "",
		show_all ? "" : "; --all shows them");
}

static void print_plan(const struct print *print, const json_t *plan)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(plan, "entries"), i,
		entry) if (show_all || json_is_true(json_object_get(entry, "change")))
		print_entry(print, entry);
	printf("\n%lld of %zu settings change, risk %s%s\n",
		(long long)json_integer_value(json_object_get(plan, "changes")),
		json_array_size(json_object_get(plan, "entries")), print_text(plan, "risk"),
		json_is_true(json_object_get(plan, "needs-confirm"))
			? "; has to be confirmed, else it is taken back"
			: "");
	print_rest(json_object_get(plan, "entries"));
	printf("plan-hash %s\n", print_text(plan, "plan-hash"));
}

static int run_plan(struct ctl *ctl, char **arguments)
{
	json_t *plan = ctl_ask(ctl, "helix-profile-plan", named(arguments[0]));

	if (!plan)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(plan);
	else
		print_plan(&ctl->print, plan);
	json_decref(plan);
	return CTL_DONE;
}

/* --- apply --- */

static bool ask_user(void)
{
	char answer[16] = "";

	fputs("\nApply this? [y/N] ", stdout);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The hash of what the user agreed to; NULL: did not, or there is nothing. Transfer full. */
static char *agree(struct ctl *ctl, const char *name, int *ret_status)
{
	json_t *plan = ctl_ask(ctl, "helix-profile-plan", named(name));
	char *hash = NULL;

	*ret_status = CTL_UNASKED;
	if (!plan)
		return NULL;
	if (!ctl->json)
		print_plan(&ctl->print, plan);
	if (json_integer_value(json_object_get(plan, "changes")) == 0)
		*ret_status = CTL_DONE;
	else if (!yes && !isatty(STDIN_FILENO))
		ctl_complain(ctl, "nobody can be asked here: give --yes, or --plan-hash %s",
			print_text(plan, "plan-hash"));
	else if (!yes && !ask_user())
		*ret_status = CTL_FAILED;
	else
		hash = g_strdup(print_text(plan, "plan-hash"));
	json_decref(plan);
	return hash;
}

/* How many did not come out well. */
static unsigned print_results(const struct print *print, const json_t *results)
{
	unsigned n_bad = 0;
	json_t *result;
	size_t i;

	json_array_foreach((json_t *)results, i, result)
	{
		const char *how = print_text(result, "result");
		bool bad = !strcmp(how, "failed") || !strcmp(how, "drift");
		g_autofree char *name = g_strdup_printf(
			"%s %s", print_text(result, "kind"), print_text(result, "target"));
		g_autofree char *text = g_strdup_printf("%s%s%s", how,
			*print_text(result, "message") ? ": " : "", print_text(result, "message"));

		n_bad += bad;
		print_line(print, bad ? "FAIL" : "OK", name, text, NULL);
	}
	return n_bad;
}

static void print_applied(const struct print *print, const json_t *done)
{
	json_int_t txn = json_integer_value(json_object_get(done, "txn"));
	json_int_t wait_s = json_integer_value(json_object_get(done, "confirm-s"));

	print_results(print, json_object_get(done, "results"));
	if (txn > 0)
		printf("\nApplied as transaction %lld. Take it back: helix-agent profile rollback "
		       "%lld\n",
			(long long)txn, (long long)txn);
	if (wait_s > 0)
		printf("It is taken back in %lld s unless you say: helix-agent profile confirm "
		       "%lld\n",
			(long long)wait_s, (long long)txn);
}

static int run_apply(struct ctl *ctl, char **arguments)
{
	int status = CTL_UNASKED;
	g_autofree char *hash = plan_hash ? g_strdup(plan_hash) : agree(ctl, arguments[0], &status);
	json_t *asked, *done;

	if (!hash)
		return status;
	asked = json_pack("{s:s, s:s}", "name", arguments[0], "plan-hash", hash);
	if (confirm_s >= 0)
		json_object_set_new(asked, "confirm-timeout-s", json_integer(confirm_s));
	done = ctl_ask(ctl, "helix-profile-apply", asked);
	if (!done)
		return CTL_FAILED;
	if (ctl->json)
		ctl_print_json(done);
	else
		print_applied(&ctl->print, done);
	json_decref(done);
	return CTL_DONE;
}

static int run_confirm(struct ctl *ctl, char **arguments)
{
	json_t *reply;
	guint64 txn;

	if (!read_txn(ctl, arguments[0], &txn))
		return CTL_UNASKED;
	reply = ctl_ask(ctl, "helix-profile-confirm", json_pack("{s:I}", "txn", (json_int_t)txn));
	if (!reply)
		return CTL_FAILED;
	if (ctl->json)
		ctl_print_json(reply);
	else
		printf("Transaction %s stays.\n", arguments[0]);
	json_decref(reply);
	return CTL_DONE;
}

/* --- rollback, verify --- */

static int run_rollback(struct ctl *ctl, char **arguments)
{
	json_t *asked = json_object(), *results;
	unsigned n_bad;
	guint64 txn;

	if (arguments[0] && !read_txn(ctl, arguments[0], &txn)) {
		json_decref(asked);
		return CTL_UNASKED;
	}
	if (arguments[0])
		json_object_set_new(asked, "txn", json_integer((json_int_t)txn));
	if (force)
		json_object_set_new(asked, "force", json_true());
	results = ctl_ask(ctl, "helix-profile-rollback", asked);
	if (!results)
		return CTL_FAILED;
	if (ctl->json)
		ctl_print_json(results);
	n_bad = ctl->json ? 0 : print_results(&ctl->print, results);
	if (n_bad > 0)
		puts("\nWhat failed stays in the journal: try again, or with --force where it "
		     "drifted.");
	json_decref(results);
	return n_bad > 0 ? CTL_FAILED : CTL_DONE;
}

static unsigned print_verified(const struct print *print, const json_t *rows)
{
	unsigned n_bad = 0;
	json_t *row;
	size_t i;

	if (json_array_size(rows) == 0)
		puts("Nothing is applied.");
	json_array_foreach((json_t *)rows, i, row)
	{
		bool same = json_is_true(json_object_get(row, "same"));
		bool later = json_is_true(json_object_get(row, "needs-reboot"));
		g_autofree char *name = g_strdup_printf(
			"%s %s", print_text(row, "kind"), print_text(row, "target"));
		g_autofree char *effective = rows_value(json_object_get(row, "effective"));
		g_autofree char *desired = rows_value(json_object_get(row, "desired"));
		const char *why = json_string_value(json_object_get(row, "message"));
		g_autofree char *text = same  ? g_strdup(effective)
					: why ? g_strdup(why)
					      : g_strdup_printf("%s, not %s", effective, desired);

		n_bad += !same;
		print_line(print,
			same    ? "OK"
			: later ? "WARN"
				: "FAIL",
			name, text, later && !same ? "reboot" : NULL);
	}
	return n_bad;
}

static int run_verify(struct ctl *ctl, char **arguments)
{
	json_t *rows = ctl_ask(ctl, "helix-profile-verify", named(arguments[0]));
	unsigned n_bad = 0;
	json_t *row;
	size_t i;

	if (!rows)
		return CTL_UNASKED;
	if (ctl->json) {
		ctl_print_json(rows);
		json_array_foreach(rows, i, row) n_bad +=
			!json_is_true(json_object_get(row, "same"));
	} else {
		n_bad = print_verified(&ctl->print, rows);
	}
	json_decref(rows);
	return n_bad > 0 ? CTL_FAILED : CTL_DONE;
}

const struct ctl_command ctl_profile_commands[] = {
	{ "profile list", NULL, "The profiles there are", NULL, 0, 0, run_list },
	{ "profile show", "NAME", "What a profile sets, and why", NULL, 1, 1, run_show },
	{ "profile plan", "NAME", "What it would change on this machine", plan_options, 1, 1,
		run_plan },
	{ "profile apply", "NAME", "Change it", apply_options, 1, 1, run_apply },
	{ "profile confirm", "TXN", "Keep what was applied", NULL, 1, 1, run_confirm },
	{ "profile rollback", "[TXN]", "Put back what was there before", rollback_options, 0, 1,
		run_rollback },
	{ "profile verify", "[NAME]", "Is in effect what was applied?", NULL, 0, 1, run_verify },
	{ NULL },
};
