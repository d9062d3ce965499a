/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-guest.h"
#include "suite.h"
#include "virtio/gpu-backing.h"

#include <errno.h>

#define N_MAX 8u

static struct guest_memory memory;
static struct gpu_backing backing;

static void setup(void)
{
	gpu_guest_map_all(&memory);
	gpu_backing_init(&backing);
}

static void teardown(void)
{
	gpu_backing_finish(&backing);
	guest_memory_finish(&memory);
}

START_TEST(entries_become_runs_of_whole_pages)
{
	static const struct {
		unsigned n;
		struct gpu_run entries[N_MAX];
		int result; /* of the last one */
		unsigned n_runs;
		struct gpu_run runs[N_MAX];
	} cases[] = {
		{ 1, { { 0x1000, 0x1000 } }, 0, 1, { { 0x1000, 0x1000 } } },
		{ 1, { { 0x1000, 1 } }, 0, 1, { { 0x1000, 1 } } },
		{ 1, { { 0x1001, 0x1000 } }, -EINVAL, 0, { { 0 } } },
		{ 1, { { 0x1000, 0 } }, -EINVAL, 0, { { 0 } } },
		{ 2, { { 0x1000, 0x1000 }, { 0x2000, 0x3000 } }, 0, 1, { { 0x1000, 0x4000 } } },
		{ 2, { { 0x2000, 0x1000 }, { 0x1000, 0x1000 } }, 0, 2,
			{ { 0x2000, 0x1000 }, { 0x1000, 0x1000 } } },
		{ 2, { { 0x1000, 0x1000 }, { 0x1000, 0x1000 } }, 0, 2,
			{ { 0x1000, 0x1000 }, { 0x1000, 0x1000 } } },
		{ 3, { { 0x1000, 0x100 }, { 0x1100, 0x100 }, { 0x1200, 0xe00 } }, 0, 1,
			{ { 0x1000, 0x1000 } } },
		{ 2, { { 0x1000, 0x800 }, { 0x4000, 0x1000 } }, -EINVAL, 1, { { 0x1000, 0x800 } } },
		{ 2, { { 0x1000, 0x1000 }, { 0x4000, 0x10 } }, 0, 2,
			{ { 0x1000, 0x1000 }, { 0x4000, 0x10 } } },
		{ 1, { { UINT64_MAX, 1 } }, -EINVAL, 0, { { 0 } } },
		{ 1, { { 0xfffffffffffff000, 0x1000 } }, -EINVAL, 0, { { 0 } } },
		{ 1, { { 0xffffffffffffe000, 0x1001 } }, -EINVAL, 0, { { 0 } } },
		{ 1, { { 0x1000, UINT64_MAX } }, -EINVAL, 0, { { 0 } } },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		int r = 0;

		for (unsigned n = 0; n < cases[i].n; n++) {
			ck_assert_int_eq(r, 0);
			r = gpu_backing_add(
				&backing, cases[i].entries[n].addr, cases[i].entries[n].size);
		}
		ck_assert_msg(r == cases[i].result, "case %zu: %d", i, r);
		ck_assert_msg(backing.n_runs == cases[i].n_runs, "case %zu", i);
		for (unsigned n = 0; n < backing.n_runs; n++) {
			ck_assert_uint_eq(backing.runs[n].addr, cases[i].runs[n].addr);
			ck_assert_uint_eq(backing.runs[n].size, cases[i].runs[n].size);
		}
		gpu_backing_finish(&backing);
	}
}
END_TEST

START_TEST(runs_are_found_in_the_descriptors_of_the_regions)
{
	static const struct {
		unsigned n;
		struct gpu_run runs[N_MAX];
		int result;
		unsigned n_located;
		struct resource_run located[N_MAX];
	} cases[] = {
		{ 1, { { 0x1000, 0x3000 } }, 0, 1, { { 0, 0x1000, 0x3000 } } },
		{ 1, { { 0x1000, 1 } }, 0, 1, { { 0, 0x1000, 0x1000 } } },
		{ 1, { { LOW_SIZE - PAGE, PAGE } }, 0, 1, { { 0, LOW_SIZE - PAGE, PAGE } } },
		{ 1, { { LOW_SIZE - PAGE, PAGE + 1 } }, -EFAULT, 0, { { 0 } } },
		{ 1, { { LOW_SIZE, PAGE } }, -EFAULT, 0, { { 0 } } },
		{ 1, { { HIGH_BASE, PAGE } }, 0, 1, { { 1, 4 * PAGE, PAGE } } },
		/* Two regions that touch each other are two files. */
		{ 1, { { HIGH_BASE + PAGE, 2 * HIGH_SIZE - PAGE } }, 0, 2,
			{ { 1, 5 * PAGE, HIGH_SIZE - PAGE }, { 2, 0, HIGH_SIZE } } },
		{ 1, { { HIGH_BASE + PAGE, 2 * HIGH_SIZE } }, -EFAULT, 0, { { 0 } } },
		{ 2, { { 0x1000, 0x1000 }, { 0x10000, 1 } }, 0, 2,
			{ { 0, 0x1000, 0x1000 }, { 0, 0x10000, 0x1000 } } },
		{ 2, { { 0x1000, 0x1000 }, { LOW_SIZE, PAGE } }, -EFAULT, 0, { { 0 } } },
		{ 0, { { 0 } }, -EINVAL, 0, { { 0 } } },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct resource_run *runs;
		uint32_t n_runs;

		for (unsigned n = 0; n < cases[i].n; n++)
			ck_assert_int_eq(gpu_backing_add(&backing, cases[i].runs[n].addr,
						 cases[i].runs[n].size),
				0);
		poison(&runs);
		poison(&n_runs);
		ck_assert_msg(
			gpu_backing_locate(&backing, &memory, &runs, &n_runs) == cases[i].result,
			"case %zu", i);
		gpu_backing_finish(&backing);
		if (cases[i].result < 0) {
			assert_poisoned(&runs);
			assert_poisoned(&n_runs);
			continue;
		}
		ck_assert_uint_eq(n_runs, cases[i].n_located);
		for (unsigned n = 0; n < n_runs; n++) {
			ck_assert_uint_eq(runs[n].region, cases[i].located[n].region);
			ck_assert_uint_eq(runs[n].offset, cases[i].located[n].offset);
			ck_assert_uint_eq(runs[n].size, cases[i].located[n].size);
		}
		free(runs);
	}
}
END_TEST

START_TEST(a_region_that_is_on_no_page_of_its_file_cannot_be_shown)
{
	struct guest_memory odd;
	struct resource_run *runs;
	uint32_t n_runs;

	guest_memory_init(&odd);
	gpu_guest_map(&odd, 0, 4 * PAGE, 512);
	ck_assert_int_eq(gpu_backing_add(&backing, PAGE, PAGE), 0);
	ck_assert_int_eq(gpu_backing_locate(&backing, &odd, &runs, &n_runs), -EFAULT);
	guest_memory_finish(&odd);
}
END_TEST

START_TEST(the_last_page_counts_whole)
{
	ck_assert_int_eq(gpu_backing_add(&backing, PAGE, PAGE), 0);
	ck_assert_int_eq(gpu_backing_add(&backing, 8 * PAGE, 1), 0);
	ck_assert_uint_eq(backing.size, PAGE + 1);
	ck_assert_uint_eq(gpu_backing_pages_size(&backing), 2 * PAGE);
}
END_TEST

START_TEST(one_run_more_than_can_be_told_of_is_too_many)
{
	struct resource_run *runs;
	uint32_t n_runs;

	/* From the top down, so that no two are joined. */
	for (uint32_t i = 0; i < RESOURCE_RUNS_MAX - 1; i++)
		ck_assert_int_eq(
			gpu_backing_add(&backing, LOW_SIZE - (i % 8000 + 1) * PAGE, PAGE), 0);
	/* Two when they are located. */
	ck_assert_int_eq(gpu_backing_add(&backing, HIGH_BASE + HIGH_SIZE - PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(gpu_backing_locate(&backing, &memory, &runs, &n_runs), -E2BIG);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		entries_become_runs_of_whole_pages,
		runs_are_found_in_the_descriptors_of_the_regions,
		a_region_that_is_on_no_page_of_its_file_cannot_be_shown,
		the_last_page_counts_whole,
		one_run_more_than_can_be_told_of_is_too_many,
		NULL,
	};
	return suite_run_with("gpu-backing", tests, setup, teardown);
}
