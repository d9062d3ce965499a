/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe/range.h"
#include "suite.h"

#include <math.h>

static const struct {
	const char *text;
	double quiet, alarm; /* values */
} good[] = {
	{ "10", 10, 10.5 },
	{ "10", 0, -0.1 },
	{ "10:", 10, 9.9 },
	{ "10:", 1e9, 0 },
	{ "~:10", -1e9, 10.1 },
	{ "10:20", 10, 9 },
	{ "10:20", 20, 21 },
	{ "@10:20", 9.9, 10 },
	{ "@10:20", 20.1, 20 },
	{ ":10", 0, 11 },
	{ "0.5", 0.5, 0.51 },
	{ "-5:-1", -3, 0 },
	{ "1e3:", 1000, 999 },
	{ "0", 0, 1 },
};

static const char *const nonsense[] = { "", ":", "@", "x", "10x", " 10", "10 ", "20:10", "1:2:3",
	"nan", "inf", "0x10", "~", "10:~", "1e999", "@@1", "1,5", "--1" };

START_TEST(a_range_says_when_to_raise_an_alarm)
{
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		struct range range;

		ck_assert_msg(range_parse(good[i].text, &range), "%s", good[i].text);
		ck_assert_msg(!range_alarms(&range, good[i].quiet), "%s", good[i].text);
		ck_assert_msg(range_alarms(&range, good[i].alarm), "%s", good[i].text);
	}
}
END_TEST

START_TEST(nonsense_is_no_range)
{
	for (size_t i = 0; i < N_ELEMENTS(nonsense); i++) {
		struct range range;

		poison(&range);
		ck_assert_msg(!range_parse(nonsense[i], &range), "\"%s\"", nonsense[i]);
		assert_poisoned(&range);
	}
}
END_TEST

START_TEST(the_worse_range_decides)
{
	ck_assert_int_eq(range_judge(3, "5", "10"), PROBE_OK);
	ck_assert_int_eq(range_judge(7, "5", "10"), PROBE_WARN);
	ck_assert_int_eq(range_judge(11, "5", "10"), PROBE_FAIL);
	ck_assert_int_eq(range_judge(11, NULL, "10"), PROBE_FAIL);
	ck_assert_int_eq(range_judge(11, "10", NULL), PROBE_WARN);
	ck_assert_int_eq(range_judge(11, NULL, NULL), PROBE_OK);
}
END_TEST

START_TEST(what_cannot_be_judged_is_unknown)
{
	ck_assert_int_eq(range_judge(NAN, "5", "10"), PROBE_UNKNOWN);
	ck_assert_int_eq(range_judge(3, "five", "10"), PROBE_UNKNOWN);
	ck_assert_int_eq(range_judge(3, "5", "ten"), PROBE_UNKNOWN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_range_says_when_to_raise_an_alarm,
		nonsense_is_no_range,
		the_worse_range_decides,
		what_cannot_be_judged_is_unknown,
		NULL,
	};

	return suite_run("agent-range", tests);
}
