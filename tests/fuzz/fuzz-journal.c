/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is a journal: as it is when its first byte is even, else the records of one, a line each,
 * which get their checksums here. What was read once is read again, and behind it there is room.
 */

#include "fuzz-target.h"
#include "setting/journal.h"
#include "setting/ledger.h"

#include <glib/gstdio.h>
#include <string.h>

#define BOOT    "boot"
#define CRC_LEN 8u

static char *folder, *file;

static void remove_folder(void)
{
	static const char *const names[] = { "journal", "lock" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(folder, names[i], NULL);

		g_remove(path);
	}
	g_rmdir(folder);
	g_free(folder);
	g_free(file);
}

static void make_folder(void)
{
	folder = g_dir_make_tmp("fuzz-journal-XXXXXX", NULL);
	PROMISE(folder);
	file = g_build_filename(folder, "journal", NULL);
	atexit(remove_folder);
}

static uint32_t crc32_of(const char *data, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= (unsigned char)data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void put_records(GString *text, const char *data, size_t size)
{
	const char *end = data + size;

	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t length = (size_t)((newline ? newline : end) - data);

		g_string_append_printf(
			text, "%0*x %zu ", (int)CRC_LEN, crc32_of(data, length), length);
		g_string_append_len(text, data, (gssize)length);
		g_string_append_c(text, '\n');
		data += length + 1;
	}
}

static void put_journal(const uint8_t *data, size_t size)
{
	GString *text = g_string_new(NULL);
	FILE *out = fopen(file, "we");

	if (data[0] % 2)
		put_records(text, (const char *)data + 1, size - 1);
	else
		g_string_append_len(text, (const char *)data + 1, (gssize)size - 1);
	PROMISE(out && fwrite(text->str, 1, text->len, out) == text->len);
	fclose(out);
	g_string_free(text, TRUE);
}

static void check_ledger(const struct journal *journal)
{
	struct ledger *ledger = ledger_new(journal_records(journal), BOOT);

	for (unsigned i = 0; i < ledger->txns->len; i++) {
		const struct ledger_txn *txn = ledger->txns->pdata[i];

		PROMISE(txn->id > 0 && txn->id < ledger->next_txn);
		PROMISE(ledger_find(ledger, txn->id) == txn);
		PROMISE(ledger_state_name(txn->state));
	}
	for (unsigned i = 0; i < ledger->layers->len; i++) {
		struct ledger_layer *layer = ledger->layers->pdata[i];
		const struct ledger_layer *above = ledger_above(ledger, layer);

		PROMISE(layer->kind && layer->target && ledger_holds_any(ledger, layer->txn));
		PROMISE(!above || ledger_below(ledger, above) == layer);
		PROMISE(above || ledger_top(ledger, layer->kind, layer->target) == layer);
		PROMISE(ledger_below(ledger, layer) ||
			ledger_restores(ledger, layer) == layer->original);
	}
	ledger_free(ledger);
}

/* The number of records; *ret_size: bytes. */
static size_t reopen(const struct env *env, size_t *ret_size)
{
	struct journal *journal;
	size_t n;

	PROMISE(journal_open(env, folder, &journal, NULL));
	n = json_array_size(journal_records(journal));
	*ret_size = journal_size(journal);
	journal_close(journal);
	return n;
}

static void check(const struct env *env, struct journal *journal)
{
	size_t n = json_array_size(journal_records(journal)), size = journal_size(journal), again;

	check_ledger(journal);
	journal_close(journal);
	PROMISE(reopen(env, &again) == n && again == size);
	PROMISE(journal_open(env, folder, &journal, NULL));
	PROMISE(journal_append(journal, json_pack("{ss}", "record", "new"), NULL));
	PROMISE(journal_sync(journal, NULL));
	journal_close(journal);
	PROMISE(reopen(env, &again) == n + 1 && again > size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct env env = { 0 };
	struct journal *journal;

	if (size == 0)
		return 0;
	json_object_seed(1);
	if (!folder)
		make_folder();
	put_journal(data, size);
	if (journal_open(&env, folder, &journal, NULL))
		check(&env, journal);
	return 0;
}
