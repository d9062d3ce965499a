/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setting/journal.h"

#include "sandbox.h"
#include "suite.h"

#include <stdio.h>
#include <unistd.h>

static struct sandbox sandbox;
static char *path;

static void setup(void)
{
	sandbox_init(&sandbox);
	path = g_build_filename(sandbox.state, "journal", NULL);
}

static void teardown(void)
{
	g_free(path);
	sandbox_finish(&sandbox);
}

static struct journal *open_journal(void)
{
	struct journal *journal = NULL;
	GError *error = NULL;

	ck_assert_msg(journal_open(&sandbox.env, sandbox.state, &journal, &error), "%s",
		error ? error->message : "");
	return journal;
}

static void write_three(void)
{
	struct journal *journal = open_journal();

	for (int i = 0; i < 3; i++)
		ck_assert(journal_append(
			journal, json_pack("{ss si}", "record", "r\n", "n", i), NULL));
	ck_assert(journal_sync(journal, NULL));
	journal_close(journal);
}

START_TEST(what_was_written_is_read)
{
	struct journal *journal;
	const json_t *records;

	write_three();
	journal = open_journal();
	records = journal_records(journal);
	ck_assert_uint_eq(json_array_size(records), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(records, 2), "n")), 2);
	journal_close(journal);
}
END_TEST

START_TEST(every_truncation_leaves_whole_records)
{
	g_autofree char *text = NULL;
	gsize size;

	write_three();
	ck_assert(g_file_get_contents(path, &text, &size, NULL));
	for (gsize cut = 0; cut <= size; cut++) {
		struct journal *journal;
		size_t whole = 0;

		for (gsize i = 0; i < cut; i++)
			whole += text[i] == '\n';
		ck_assert(g_file_set_contents(path, text, (gssize)cut, NULL));
		journal = open_journal();
		ck_assert_uint_eq(json_array_size(journal_records(journal)), whole);
		/* What is appended now is read again. */
		ck_assert(journal_append(journal, json_pack("{ss}", "record", "x"), NULL));
		journal_close(journal);
		journal = open_journal();
		ck_assert_uint_eq(json_array_size(journal_records(journal)), whole + 1);
		journal_close(journal);
	}
}
END_TEST

START_TEST(damage_before_a_whole_record_is_refused_and_left)
{
	g_autofree char *text = NULL, *after = NULL;
	struct journal *journal;
	GError *error = NULL;
	gsize size, size_after;

	write_three();
	ck_assert(g_file_get_contents(path, &text, &size, NULL));
	poison(&journal);
	for (gsize i = 0; i < size * 2 / 3 - 1; i++) {
		char was = text[i];

		text[i] ^= 1;
		ck_assert(g_file_set_contents(path, text, (gssize)size, NULL));
		ck_assert(!journal_open(&sandbox.env, sandbox.state, &journal, &error));
		ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
		g_clear_error(&error);
		assert_poisoned(&journal);
		ck_assert(g_file_get_contents(path, &after, &size_after, NULL));
		ck_assert_uint_eq(size_after, size);
		g_clear_pointer(&after, g_free);
		text[i] = was;
	}
}
END_TEST

START_TEST(a_second_process_waits_outside)
{
	struct journal *first = open_journal(), *second;
	GError *error = NULL;

	poison(&second);
	ck_assert(!journal_open(&sandbox.env, sandbox.state, &second, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY));
	assert_poisoned(&second);
	g_clear_error(&error);
	journal_close(first);
}
END_TEST

START_TEST(a_turned_journal_has_what_was_kept)
{
	struct journal *journal;
	json_t *kept = json_array();

	write_three();
	journal = open_journal();
	json_array_append(kept, json_array_get(journal_records(journal), 1));
	ck_assert(journal_turn(journal, kept, NULL));
	ck_assert(journal_append(journal, json_pack("{ss}", "record", "x"), NULL));
	journal_close(journal);
	journal = open_journal();
	ck_assert_uint_eq(json_array_size(journal_records(journal)), 2);
	journal_close(journal);
}
END_TEST

START_TEST(a_record_too_long_is_refused_and_nothing_written)
{
	struct journal *journal = open_journal();
	g_autofree char *text = g_strnfill(JOURNAL_RECORD_MAX, 'x');

	ck_assert(!journal_append(journal, json_pack("{ss}", "record", text), NULL));
	ck_assert_uint_eq(journal_size(journal), 0);
	ck_assert(journal_append(journal, json_pack("{ss}", "record", "x"), NULL));
	journal_close(journal);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_written_is_read,
		every_truncation_leaves_whole_records,
		damage_before_a_whole_record_is_refused_and_left,
		a_second_process_waits_outside,
		a_turned_journal_has_what_was_kept,
		a_record_too_long_is_refused_and_nothing_written,
		NULL,
	};

	return suite_run_with("agent-journal", tests, setup, teardown);
}
