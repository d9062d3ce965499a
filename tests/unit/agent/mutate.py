#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mutate.py DEFECT IN OUT: a source of the agent with a defect that its tests have to find.

Text that is not there once in its file ends the build: a defect follows the code that it is in.
"""

import pathlib
import sys

# defect: file: (what it says, what it says instead)
DEFECTS = {
    # The machine is changed before the journal has what was there.
    "write-first": {
        "transaction.c": [
            (
                "if (!write_intents(all, plan, id, error) || !set_all(all, plan, id, results, error) ||",
                "if (!set_all(all, plan, id, results, error) || !write_intents(all, plan, id, error) ||",
            )
        ]
    },
    # A later original replaces the one that was recorded, and nothing recovers.
    "overwrite": {
        "transaction.c": [
            (
                "text_or_null(top ? top->original : entry->current)",
                "text_or_null(top && 0 ? NULL : entry->current)",
            ),
            (
                "return txn->state == LEDGER_OPEN || txn->state == LEDGER_UNDOING ||",
                "return",
            ),
        ],
        "ledger.c": [
            ("	layer = layer_of(ledger, txn, record);\n	if (layer)\n		return;\n	top = ledger_top(ledger, kind, target);\n",
             "	top = ledger_top(ledger, kind, target);\n	if (top)\n		g_ptr_array_remove(ledger->layers, top);\n	top = NULL;\n"),
        ],
    },
    # The new journal takes the place of the old one before it is on the disk.
    "turn-unsynced": {
        "journal.c": [("	if (fsync(journal->fd) < 0)\n		return false;\n	durable_step(journal->env, \"turn-synced\");\n", "")]
    },
    # What was appended is not waited for.
    "no-sync": {
        "transaction.c": [("return done && journal_sync(all->journal, error);", "return done;")]
    },
}


def main():
    defect, source, made = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    text = source.read_text()
    for old, new in DEFECTS[defect].get(source.name, []):
        if text.count(old) != 1:
            sys.exit(f"{source}: not there once, for {defect}: {old}")
        text = text.replace(old, new)
    made.write_text(text)


main()
