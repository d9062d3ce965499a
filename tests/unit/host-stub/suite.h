/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <check.h>
#include <stdlib.h>

#define SUITE_TIMEOUT_S 30

/* Runs the tests of a NULL-terminated list as one suite; returns main's exit code. */
static inline int suite_run(
	const char *name, const TTest *const *tests, void (*set_up)(void), void (*tear_down)(void))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, SUITE_TIMEOUT_S);
	if (set_up || tear_down)
		tcase_add_checked_fixture(tcase, set_up, tear_down);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
