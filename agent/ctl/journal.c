/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "rows.h"

static char *format_time(const json_t *row)
{
	return rows_time(json_object_get(row, "time"));
}

static int list(struct ctl *ctl, const char *command, const struct rows_column *columns,
	unsigned n_columns, const char *empty)
{
	json_t *rows = ctl_ask(ctl, command, NULL);

	if (!rows)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(rows);
	else
		rows_print(&ctl->print, rows, columns, n_columns, empty);
	json_decref(rows);
	return CTL_DONE;
}

static int run_checkpoints(struct ctl *ctl, char **arguments)
{
	static const struct rows_column columns[] = {
		{ "CHECKPOINT", "checkpoint" },
		{ "TXN", "txn" },
		{ "PROFILE", "profile" },
		{ "REACHED", NULL, format_time },
		{ "SETTINGS", "settings" },
	};

	return list(ctl, "helix-checkpoint-list", columns, G_N_ELEMENTS(columns),
		"Nothing was applied: this is how the machine was found.");
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

	return list(ctl, "helix-journal-list", columns, G_N_ELEMENTS(columns),
		"The journal is empty: nothing is changed that could be taken back.");
}

const struct ctl_command ctl_journal_commands[] = {
	{ "checkpoint list", NULL, "Named states, and what they changed", NULL, 0, 0,
		run_checkpoints },
	{ "journal list", NULL, "What was changed and can be taken back", NULL, 0, 0, run_journal },
	{ NULL },
};
