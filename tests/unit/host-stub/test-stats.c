/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats.h"
#include "suite.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

/* Flat JSON (RFC 8259): one object of strings and numbers. Returns what is behind it, or NULL. */
static const char *skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p && *p != '"'; p++)
		if (*p == '\\' || (unsigned char)*p < 0x20)
			return NULL;
	return *p ? p + 1 : NULL;
}

static const char *skip_number(const char *p)
{
	if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1])))
		return NULL;
	p += strspn(p, "0123456789");
	if (*p != '.')
		return p;
	return isdigit((unsigned char)p[1]) ? p + 1 + strspn(p + 1, "0123456789") : NULL;
}

static const char *skip_object(const char *p, unsigned *ret_members)
{
	unsigned members = 0;

	do {
		p += *p == '{' || *p == ',' ? 1 : 0;
		p += strspn(p, " ");
		p = skip_string(p);
		if (!p || strncmp(p, ": ", 2) != 0)
			return NULL;
		p += 2;
		p = *p == '"' ? skip_string(p) : skip_number(p);
		members++;
	} while (p && *p == ',');
	*ret_members = members;
	return p && *p == '}' ? p + 1 : NULL;
}

START_TEST(the_text_is_one_json_object)
{
	struct stats stats;
	char text[STATS_JSON_SIZE];
	unsigned members = 0;

	for (int fill = 0; fill < 2; fill++) {
		memset(&stats, fill ? 0xff : 0, sizeof stats);
		ck_assert_int_eq(stats_json(&stats, "x264enc", 1.5, text, sizeof text), 0);
		ck_assert_msg(text[0] == '{', "%s", text);
		const char *end = skip_object(text, &members);
		ck_assert_msg(end && *end == '\0', "%s", text);
		ck_assert_uint_ge(members, 18);
	}
}
END_TEST

START_TEST(a_locale_with_commas_changes_nothing)
{
	struct stats stats = { 0 };
	char text[STATS_JSON_SIZE];

	setlocale(LC_ALL, "de_DE.UTF-8");
	ck_assert_int_eq(stats_json(&stats, "null", 1.5, text, sizeof text), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"cpu_s\": 1.500"));
}
END_TEST

START_TEST(a_buffer_too_small_is_left_alone)
{
	struct stats stats = { 0 };
	char text[16] = "poison";

	ck_assert_int_eq(stats_json(&stats, "null", 0, text, sizeof text), -ENOSPC);
	ck_assert_str_eq(text, "poison");
}
END_TEST

START_TEST(percentiles_are_right_to_a_quarter)
{
	struct stats_counter counter;
	struct stats stats;

	stats_counter_init(&counter);
	stats_get(&counter, &stats);
	ck_assert_uint_eq(stats_latency(&stats, 50), 0);
	for (uint64_t us = 1; us <= 10000; us++)
		stats_add_latency(&counter, us);
	stats_get(&counter, &stats);
	ck_assert_uint_ge(stats_latency(&stats, 50), 5000);
	ck_assert_uint_le(stats_latency(&stats, 50), 6250);
	ck_assert_uint_ge(stats_latency(&stats, 99), 9900);
	ck_assert_uint_le(stats_latency(&stats, 99), 12375);
	stats_add_latency(&counter, UINT64_MAX);
	stats_counter_finish(&counter);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_text_is_one_json_object,
		a_locale_with_commas_changes_nothing,
		a_buffer_too_small_is_left_alone,
		percentiles_are_right_to_a_quarter,
		NULL,
	};
	return suite_run("stats", tests);
}
