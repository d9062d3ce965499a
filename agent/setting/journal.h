/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was done to the machine, as records that survive: a file of lines "CRC LENGTH JSON", only
 * ever appended to (CRC-32 of the JSON in hex, its length in bytes). A record that was cut off is
 * removed when the journal is opened; one that is damaged with others behind it makes it unusable,
 * for an original value might be in it. What the records mean is the ledger's business.
 */

#include "../env.h"

#include <jansson.h>

#define JOURNAL_RECORD_MAX ((size_t)512 * 1024)       /* bytes of the JSON of a record */
#define JOURNAL_MAX        ((size_t)16 * 1024 * 1024) /* bytes of a journal */
#define JOURNAL_TURN       ((size_t)1024 * 1024)      /* bytes from which journal_turn() is due */

struct journal;

/* Makes the folder (mode 0700) and the file where they are missing, locks them (G_IO_ERROR_BUSY:
 * another process has them) and reads. `folder` is a path that can be opened; env is for its
 * host->step() only, and has to live as long. */
bool journal_open(const struct env *env, const char *folder, struct journal **ret, GError **error);
void journal_close(struct journal *journal);

/* All records, oldest first, borrowed; grows with journal_append(). */
const json_t *journal_records(const struct journal *journal);
/* Takes the record, an object, also on failure. It lasts once journal_sync() returned. After a
 * failure that could not be taken back every later call fails. */
bool journal_append(struct journal *journal, json_t *record, GError **error);
bool journal_sync(struct journal *journal, GError **error);
size_t journal_size(const struct journal *journal);

/* Puts a journal of only these records (an array, taken) in its place, in one step; the old one stays
 * as journal.old. */
bool journal_turn(struct journal *journal, json_t *records, GError **error);
