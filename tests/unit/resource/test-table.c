/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What packets make of the table, without a socket. */
#include "resource/table.h"
#include "suite.h"

#include <errno.h>

#define PAGE     RESOURCE_RUN_ALIGN
#define MANY     (1u << 20)
#define RUNS_MAX 100u

static struct backing_quotas quotas;
static struct table table;

static void set_up(void)
{
	static const int no_fd = -1;
	const struct resource_packet memory = { .type = RESOURCE_MEMORY,
		.memory = { .n_regions = 1 } };
	struct regions *regions;

	quota_init(&quotas.runs, RUNS_MAX);
	quota_init(&quotas.bytes, MANY);
	quota_init(&quotas.mappings, MANY);
	table_init(&table, &quotas);
	ck_assert_int_eq(regions_new(&no_fd, 1, &regions), 0);
	ck_assert_int_eq(table_apply(&table, &memory, regions), 0);
	regions_unref(regions);
}

static void tear_down(void)
{
	table_finish(&table);
	ck_assert_uint_eq(atomic_load(&quotas.runs.used), 0);
}

static int add(uint32_t id, uint32_t n_runs, uint32_t first, uint32_t n_here)
{
	struct resource_packet packet = { .type = RESOURCE_ADD,
		.add = { .id = id, .n_runs = n_runs, .first_run = first, .n_here = n_here } };

	for (uint32_t i = 0; i < n_here; i++)
		packet.add.runs[i] = (struct resource_run){ 0, i * PAGE, PAGE };
	return table_apply(&table, &packet, NULL);
}

static int remove_id(uint32_t id)
{
	return table_apply(&table,
		&(struct resource_packet){ .type = RESOURCE_REMOVE, .remove = { .id = id } }, NULL);
}

START_TEST(a_resource_is_there_when_all_of_its_runs_are)
{
	ck_assert_int_eq(add(3, 10, 0, 4), 0);
	ck_assert_ptr_null(table_find(&table, 3));
	ck_assert_int_eq(add(4, 1, 0, 1), 0);
	ck_assert_int_eq(add(3, 10, 4, 6), 0);
	ck_assert_ptr_nonnull(table_find(&table, 3));
	ck_assert_ptr_nonnull(table_find(&table, 4));
	ck_assert_uint_eq(table_find(&table, 3)->n_runs, 10);
}
END_TEST

START_TEST(parts_that_do_not_go_on_are_refused)
{
	ck_assert_int_eq(add(3, 10, 0, 4), 0);
	ck_assert_int_eq(add(3, 10, 5, 5), -EBADMSG);
	ck_assert_int_eq(add(3, 10, 3, 4), -EBADMSG);
	ck_assert_int_eq(add(3, 11, 4, 6), -EBADMSG);
	ck_assert_int_eq(add(4, 10, 4, 6), -EBADMSG);
	ck_assert_int_eq(add(3, 10, 4, 6), 0);
	ck_assert_int_eq(add(3, 10, 10, 0), 0);
}
END_TEST

START_TEST(a_detached_resource_is_not_there_and_its_runs_are_free)
{
	ck_assert_int_eq(add(3, RUNS_MAX, 0, RUNS_MAX), 0);
	ck_assert_int_eq(add(3, 0, 0, 0), 0);
	ck_assert_ptr_null(table_find(&table, 3));
	table_release(table_take_dropped(&table));
	ck_assert_int_eq(add(4, RUNS_MAX, 0, RUNS_MAX), 0);
}
END_TEST

START_TEST(runs_of_all_resources_are_counted)
{
	ck_assert_int_eq(add(3, 60, 0, 60), 0);
	ck_assert_int_eq(add(4, 41, 0, 41), -EDQUOT);
	table_clear(&table);
	table_release(table_take_dropped(&table));
	ck_assert_uint_eq(atomic_load(&quotas.runs.used), 0);
}
END_TEST

START_TEST(resources_are_counted_and_removed_ones_are_not)
{
	for (uint32_t id = 1; id <= TABLE_RESOURCES_MAX; id++)
		ck_assert_int_eq(add(id, 0, 0, 0), 0);
	ck_assert_int_eq(add(5000, 0, 0, 0), -ENOSPC);
	ck_assert_int_eq(add(17, 1, 0, 1), 0);
	ck_assert_int_eq(remove_id(1), 0);
	ck_assert_int_eq(remove_id(1), 0);
	ck_assert_int_eq(add(5000, 1, 0, 1), 0);
	ck_assert_ptr_nonnull(table_find(&table, 17));
	ck_assert_ptr_nonnull(table_find(&table, 5000));
}
END_TEST

START_TEST(pages_before_any_memory_are_refused)
{
	table_clear(&table);
	ck_assert_int_eq(add(3, 1, 0, 1), -EBADMSG);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_resource_is_there_when_all_of_its_runs_are,
		parts_that_do_not_go_on_are_refused,
		a_detached_resource_is_not_there_and_its_runs_are_free,
		runs_of_all_resources_are_counted,
		resources_are_counted_and_removed_ones_are_not,
		pages_before_any_memory_are_refused,
		NULL,
	};

	return suite_run_with("table", tests, set_up, tear_down);
}
