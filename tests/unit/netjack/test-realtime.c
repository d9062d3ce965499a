/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said where the machine does not allow real time. */
#include "netjack/endpoint/realtime.h"
#include "suite.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY 65534

static char said[4096];

static void take_log(void *user, enum log_level level, const char *text)
{
	(void)user;
	ck_assert_int_eq(level, LOG_LEVEL_WARNING);
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static const struct log_sink log_sink = { .level = LOG_LEVEL_DEBUG, .write = take_log };

/* The test's own process: nothing is left of it afterwards. */
static void become_powerless(void)
{
	const struct rlimit none = { 0 };

	ck_assert_int_eq(setrlimit(RLIMIT_RTPRIO, &none), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

START_TEST(scheduling_that_is_refused_is_a_warning_with_advice)
{
	become_powerless();
	ck_assert(!realtime_schedule(REALTIME_PRIORITY, &log_sink));
	ck_assert_ptr_nonnull(strstr(said, "ulimit -r 70"));
	ck_assert_ptr_nonnull(strstr(said, "limits.d"));
	ck_assert_ptr_nonnull(strstr(said, "LimitRTPRIO"));
	ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n'));
}
END_TEST

START_TEST(memory_that_is_not_locked_is_a_warning_with_advice)
{
	become_powerless();
	ck_assert(!realtime_lock(&log_sink));
	ck_assert_ptr_nonnull(strstr(said, "ulimit -l"));
	ck_assert_ptr_nonnull(strstr(said, "limits.d"));
	ck_assert_ptr_nonnull(strstr(said, "LimitMEMLOCK"));
}
END_TEST

int main(void)
{
	/* Both give up rights for good: never in the process of the other. */
	setenv("CK_FORK", "yes", 1);
	return suite_run(
		"netjack-realtime", (const TTest *const[]){
					    scheduling_that_is_refused_is_a_warning_with_advice,
					    memory_that_is_not_locked_is_a_warning_with_advice,
					    NULL,
				    });
}
