/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>
#include <stdio.h>
#include <string.h>

static struct fault parse(const char *spec)
{
	struct fault fault = { 0 };

	ck_assert_msg(fault_parse(spec, &fault, NULL) == 0, "%s", spec);
	return fault;
}

START_TEST(every_fault_can_be_said)
{
	char spec[64];

	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		const struct fault_rule *rule = &fault_rules[kind];
		snprintf(spec, sizeof spec, "%s%s%s", rule->name,
			rule->value == FAULT_VALUE_REQUIRED ? "=20" : "",
			rule->frames == FAULT_FRAMES_NONE ? "" : "@3");
		struct fault fault = parse(spec);
		ck_assert_msg(fault.n_items == 1 && (int)fault.items[0].kind == kind, "%s", spec);
		ck_assert_msg(rule->help && rule->usage, "%s", spec);
	}
}
END_TEST

START_TEST(nonsense_is_refused_and_pointed_at)
{
	const struct {
		const char *spec;
		size_t where;
	} cases[] = {
		{ "", 0 },
		{ "nonsense", 0 },
		{ "delay", 0 },
		{ "delay=", 0 },
		{ "delay=ten", 0 },
		{ "delay=-1", 0 },
		{ "delay=600001", 0 },
		{ "delay=10 ", 0 },
		{ "delay=0x10", 0 },
		{ "delay=99999999999999999999", 0 },
		{ "delay=10,", 9 },
		{ "delay=10,,drop", 9 },
		{ "drop=0", 0 },
		{ "half=3", 0 },
		{ "half@0", 0 },
		{ "half@-1", 0 },
		{ "half@", 0 },
		{ "refuse@3", 0 },
		{ "mute-requests=1", 0 },
		{ "delay=10,drop=2,Half", 16 },
		{ "dela=10", 0 },
		{ "delays=10", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fault fault = { .n_items = 0 };
		const char *where = NULL;
		ck_assert_msg(fault_parse(cases[i].spec, &fault, &where) == -EINVAL, "'%s'",
			cases[i].spec);
		ck_assert_msg(where == cases[i].spec + cases[i].where, "'%s'", cases[i].spec);
		ck_assert_uint_eq(fault.n_items, 0);
	}
}
END_TEST

START_TEST(too_many_rules_are_refused)
{
	struct fault fault = { 0 };

	for (unsigned i = 0; i < FAULT_RULES_MAX; i++)
		ck_assert_int_eq(fault_parse("drop", &fault, NULL), 0);
	ck_assert_int_eq(fault_parse("drop", &fault, NULL), -ENOSPC);
	ck_assert_uint_eq(fault.n_items, FAULT_RULES_MAX);
}
END_TEST

START_TEST(frames_are_hit_as_the_help_says)
{
	const struct {
		const char *spec;
		enum fault_kind kind;
		const char *hits; /* frames 1 to 6 */
	} cases[] = {
		{ "delay=5", FAULT_DELAY, "xxxxxx" },
		{ "delay=5@2", FAULT_DELAY, ".x...." },
		{ "drop", FAULT_DROP, "xxxxxx" },
		{ "drop=3", FAULT_DROP, "..x..x" },
		{ "drop@3", FAULT_DROP, "..x..." },
		{ "half", FAULT_HALF, "x....." },
		{ "half@4", FAULT_HALF, "...x.." },
		{ "hang", FAULT_HANG, "xxxxxx" },
		{ "hang@3", FAULT_HANG, "..xxxx" },
		{ "close@2", FAULT_CLOSE, ".x...." },
		{ "error,error=-3@2", FAULT_ERROR, "xxxxxx" },
		{ "drop", FAULT_ERROR, "......" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fault fault = parse(cases[i].spec);
		for (unsigned n = 1; n <= 6; n++)
			ck_assert_msg(!!fault_hit(&fault, cases[i].kind, n) ==
					      (cases[i].hits[n - 1] == 'x'),
				"%s, frame %u", cases[i].spec, n);
	}
}
END_TEST

START_TEST(values_have_their_defaults)
{
	struct fault fault = parse("error,error=-3@2,wrong-pts=-5");

	ck_assert_int_eq(fault.items[0].value, HXFR_CODE_ENCODE_FAILED);
	ck_assert_int_eq(fault.items[1].value, -3);
	ck_assert_int_eq(fault.items[2].value, -5);
}
END_TEST

START_TEST(a_spec_may_be_for_one_connection)
{
	struct fault spec = parse("connection=2,half@3"), selected = { 0 };

	ck_assert_int_eq(fault_select(&spec, 1, &selected), 0);
	ck_assert_uint_eq(selected.n_items, 0);
	ck_assert_int_eq(fault_select(&spec, 2, &selected), 0);
	ck_assert(fault_has(&selected, FAULT_HALF));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_fault_can_be_said,
		nonsense_is_refused_and_pointed_at,
		too_many_rules_are_refused,
		frames_are_hit_as_the_help_says,
		values_have_their_defaults,
		a_spec_may_be_for_one_connection,
		NULL,
	};
	return suite_run("fault", tests);
}
