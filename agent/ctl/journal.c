/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "rows.h"

#include <stdio.h>

static char *format_time(const json_t *row)
{
	return rows_time(json_object_get(row, "time"));
}

static void print_change(const json_t *change)
{
	g_autofree char *original = rows_value(json_object_get(change, "original"));
	g_autofree char *desired = rows_value(json_object_get(change, "desired"));
	g_autofree char *line = g_strdup_printf("%s %s: %s -> %s", print_text(change, "kind"),
		print_text(change, "target"), original, desired);
	g_autofree char *clean = print_clean(line);

	printf("    %s\n", clean);
}

/* "base" is the machine as it was found: no transaction, no time. */
static void print_checkpoint(const struct print *print, const json_t *checkpoint)
{
	json_int_t txn = json_integer_value(json_object_get(checkpoint, "txn"));
	g_autofree char *when = format_time(checkpoint);
	json_t *change;
	size_t i;

	printf("%s%s%s", print->colour ? "\033[1m" : "", print_text(checkpoint, "checkpoint"),
		print->colour ? "\033[0m" : "");
	if (txn > 0)
		printf("  transaction %lld, profile %s, %s", (long long)txn,
			print_text(checkpoint, "profile"), when);
	else
		printf("  the machine as it was found");
	putchar('\n');
	json_array_foreach(json_object_get(checkpoint, "changes"), i, change) print_change(change);
}

static int run_checkpoints(struct ctl *ctl, char **arguments)
{
	json_t *checkpoints = ctl_ask(ctl, "helix-checkpoint-list", NULL), *one;
	size_t i;

	if (!checkpoints)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(checkpoints);
	else
		json_array_foreach(checkpoints, i, one) print_checkpoint(&ctl->print, one);
	json_decref(checkpoints);
	return CTL_DONE;
}

static int run_journal(struct ctl *ctl, char **arguments)
{
	static const struct rows_column columns[] = {
		{ "TXN", "txn" },
		{ "STATE", "state" },
		{ "PROFILE", "profile" },
		{ "CHECKPOINT", "checkpoint" },
		{ "BEGUN", NULL, format_time },
		{ "SETTINGS", "settings" },
	};

	json_t *rows = ctl_ask(ctl, "helix-journal-list", NULL);

	if (!rows)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(rows);
	else
		rows_print(&ctl->print, rows, columns, G_N_ELEMENTS(columns),
			"The journal is empty: nothing is changed that could be taken back.");
	json_decref(rows);
	return CTL_DONE;
}

const struct ctl_command ctl_journal_commands[] = {
	{ "checkpoint list", NULL, "Named states, and what they changed", NULL, 0, 0,
		run_checkpoints },
	{ "journal list", NULL, "What was changed and can be taken back", NULL, 0, 0, run_journal },
	{ NULL },
};
