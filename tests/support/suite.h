/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every suite of tests/unit shares: a main, and a poison that shows whether an output was
 * touched. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define POISON            0xa5

/* A hang, also under a sanitizer. A test that takes longer says so before it includes this. */
#ifndef SUITE_TEST_TIMEOUT_S
#define SUITE_TEST_TIMEOUT_S 40
#endif

#define poison(object)          memset((object), POISON, sizeof(*(object)))
#define assert_poisoned(object) ck_assert(is_poisoned((object), sizeof(*(object))))

static inline int is_poisoned(const void *object, size_t size)
{
	const unsigned char *bytes = object;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != POISON)
			return 0;
	}
	return 1;
}

/* Runs the tests of a NULL-terminated list, setup and teardown (may be NULL) around each. */
static inline int suite_run_with(
	const char *name, const TTest *const *tests, SFun setup, SFun teardown)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, SUITE_TEST_TIMEOUT_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int suite_run(const char *name, const TTest *const *tests)
{
	return suite_run_with(name, tests, NULL, NULL);
}
