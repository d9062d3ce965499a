/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/bridge/bridge-status.h"
#include "suite.h"

#include "netjack/bridge/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct slave_report a_slave(const char *name)
{
	struct slave_report report = {
		.session = { .sync = true,
			.latency = 1,
			.send_audio = 2,
			.return_audio = 4,
			.rate = 96000,
			.period = 128 },
		.peer = { .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
		.returns = { .verdicts = { 1000, 1, 2, 3 }, .malformed = 4, .slave_xruns = 5 },
		.send_failed = 6,
	};

	snprintf(report.session.name, sizeof report.session.name, "%s", name);
	histogram_init(&report.rtt);
	for (int i = 1; i <= 1000; i++)
		histogram_add(&report.rtt, i * 1000);
	return report;
}

static struct bridge_status a_status(void)
{
	struct bridge_status status = {
		.updated_s = 1700000000,
		.pid = getpid(),
		.has_jack = true,
		.client = "netjack",
		.server = "default",
		.clock = "own",
		.graph_rate = 48000,
		.graph_period = 1024,
		.rate = 96000,
		.period = 128,
		.port = 19000,
		.xruns = 7,
		.servers = 2,
		.late_ticks = 8,
	};
	struct slave_report report = a_slave("dsp");
	struct bridge_status_slave *slave = bridge_status_add(&status, 0, &report);

	slave->recent_good = 7500;
	slave->capture = (struct resample_report){
		400.5,
		403,
		-12.5,
		37.25,
		9,
		10,
		true,
		true,
	};
	return status;
}

START_TEST(what_is_written_can_be_read)
{
	struct bridge_status status = a_status(), read;
	char path[] = "/tmp/bridge-status-XXXXXX";
	struct stat stat_buffer;

	close(mkstemp(path));
	ck_assert_int_eq(bridge_status_write(path, &status), 0);
	ck_assert_int_eq(bridge_status_read(path, &read), 0);
	ck_assert_int_eq(stat(path, &stat_buffer), 0);
	ck_assert_int_eq(stat_buffer.st_mode & 0777, 0644);
	unlink(path);
	char *before = bridge_status_json(&status), *after = bridge_status_json(&read);
	ck_assert_str_eq(before, after);
	ck_assert_str_eq(read.slaves[0].name, "dsp");
	ck_assert_str_eq(read.slaves[0].address, "127.0.0.1");
	ck_assert_uint_eq(read.slaves[0].loop_frames, 128);
	ck_assert_double_eq_tol(read.slaves[0].rtt_us[0], 500, 20);
	ck_assert_double_eq(read.slaves[0].capture.drift_ppm, 37.25);
	free(before);
	free(after);
}
END_TEST

/* Nothing that is cut off, of the wrong type or out of range is taken; the output stays as it was. */
START_TEST(what_is_not_a_status_is_refused)
{
	struct bridge_status status = a_status(), read;
	char *text = bridge_status_json(&status);
	size_t size = strlen(text);
	const char *const broken[] = { "", "[]", "null", "{}", "{\"version\": 2}" };

	poison(&read);
	for (size_t i = 0; i < N_ELEMENTS(broken); i++)
		ck_assert_int_eq(bridge_status_parse(broken[i], &read), -EBADMSG);
	for (size_t n = 0; n < size; n++) {
		char last = text[n];

		text[n] = '\0';
		if (bridge_status_parse(text, &read) != -EBADMSG)
			ck_abort_msg("cut after %zu", n);
		text[n] = last;
	}
	assert_poisoned(&read);
	free(text);
}
END_TEST

static int parse_with(const char *from, const char *to)
{
	struct bridge_status status = a_status(), read;
	char *text = bridge_status_json(&status), *changed;
	char *place = strstr(text, from);

	ck_assert_ptr_nonnull(place);
	ck_assert_int_ge(
		asprintf(&changed, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from)),
		0);
	int r = bridge_status_parse(changed, &read);
	free(changed);
	free(text);
	return r;
}

START_TEST(every_number_has_a_range)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"port\": 19000", "\"port\": 65536" },
		{ "\"port\": 19000", "\"port\": -1" },
		{ "\"port\": 19000", "\"port\": \"19000\"" },
		{ "\"port\": 19000,", "" },
		{ "\"has-jack\": true", "\"has-jack\": 1" },
		{ "\"latency\": 1", "\"latency\": 31" },
		{ "\"seat\": 0", "\"seat\": 256" },
		{ "\"clock\": \"own\"", "\"clock\": \"somebody\"" },
		{ "\"locked\": true", "\"locked\": null" },
	};

	ck_assert_int_eq(parse_with("\"port\": 19000", "\"port\": 19001"), 0);
	for (size_t i = 0; i < N_ELEMENTS(changes); i++)
		ck_assert_msg(parse_with(changes[i].from, changes[i].to) == -EBADMSG, "%s",
			changes[i].to);
}
END_TEST

START_TEST(a_file_that_is_too_long_is_not_read)
{
	char path[] = "/tmp/bridge-status-XXXXXX";
	struct bridge_status status = a_status();
	int fd = mkstemp(path);

	ck_assert_int_eq(ftruncate(fd, BRIDGE_STATUS_MAX + 1), 0);
	close(fd);
	ck_assert_int_eq(bridge_status_read(path, &status), -EFBIG);
	unlink(path);
	ck_assert_int_eq(bridge_status_read(path, &status), -ENOENT);
	ck_assert_int_eq(bridge_status_write("/nonexistent/status.json", &status), -ENOENT);
}
END_TEST

struct lines {
	unsigned n, n_bad;
	char text[4096];
};

static void add_line(void *user, bool is_good, const char *topic, const char *text)
{
	struct lines *lines = user;

	lines->n++;
	lines->n_bad += !is_good;
	snprintf(lines->text + strlen(lines->text), sizeof lines->text - strlen(lines->text),
		"%s %s\n", topic, text);
}

static enum bridge_health judge(const struct bridge_status *status, struct lines *ret)
{
	*ret = (struct lines){ 0 };
	return bridge_status_judge(status, add_line, ret);
}

START_TEST(a_verdict_names_what_is_wrong)
{
	struct bridge_status status = a_status();
	struct lines lines;

	ck_assert_int_eq(judge(&status, &lines), BRIDGE_HEALTHY);
	ck_assert_uint_eq(lines.n_bad, 0);
	ck_assert_ptr_nonnull(strstr(lines.text, "128 frames = 1.333 ms"));

	status.slaves[0].recent_bad = 1;
	ck_assert_int_eq(judge(&status, &lines), BRIDGE_DEGRADED);
	ck_assert_uint_eq(lines.n_bad, 1);

	status.slaves[0].recent_bad = status.slaves[0].recent_good = 0;
	ck_assert_int_eq(judge(&status, &lines), BRIDGE_DEGRADED);
	ck_assert_ptr_nonnull(strstr(lines.text, "nothing comes back"));

	status = a_status();
	status.slaves[0].capture.is_locked = false;
	ck_assert_int_eq(judge(&status, &lines), BRIDGE_DEGRADED);
	ck_assert_ptr_nonnull(strstr(lines.text, "locking"));

	status.n_slaves = 0;
	ck_assert_int_eq(judge(&status, &lines), BRIDGE_DEGRADED);
	ck_assert_ptr_nonnull(strstr(lines.text, "-S -d net"));

	status.has_jack = false;
	ck_assert_int_eq(judge(&status, &lines), BRIDGE_DEGRADED);
	ck_assert_ptr_nonnull(strstr(lines.text, "start jackd"));
}
END_TEST

START_TEST(a_status_gets_old)
{
	struct bridge_status status = a_status();

	ck_assert(bridge_status_is_current(&status, status.updated_s + BRIDGE_STALE_S));
	ck_assert(!bridge_status_is_current(&status, status.updated_s + BRIDGE_STALE_S + 1));
	status.pid = INT32_MAX; /* beyond the largest one there can be */
	ck_assert(!bridge_status_is_current(&status, status.updated_s));
}
END_TEST

START_TEST(recent_is_the_last_ten_seconds)
{
	struct bridge_recent recent = { 0 };
	struct bridge_status_slave slave = { 0 };

	for (unsigned second = 1; second <= 60; second++) {
		slave.verdicts[VERDICT_OK] += 750;
		slave.verdicts[VERDICT_LOST] += second == 30;
		bridge_recent_update(&recent, &slave);
		ck_assert_uint_eq(slave.recent_bad, second >= 30 && second < 40);
		if (second > BRIDGE_RECENT_S)
			ck_assert_uint_eq(slave.recent_good, 7500);
	}
	/* Another session: its counters start again. */
	slave.verdicts[VERDICT_OK] = 100;
	slave.verdicts[VERDICT_LOST] = 0;
	bridge_recent_update(&recent, &slave);
	ck_assert_uint_eq(slave.recent_good, 100);
	ck_assert_uint_eq(slave.recent_bad, 0);
}
END_TEST

START_TEST(what_is_no_file_is_not_replaced)
{
	struct bridge_status status = { 0 };
	char directory[] = "/tmp/netjack-status-XXXXXX", *path = NULL;
	struct stat is;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_gt(asprintf(&path, "%s/fifo", directory), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(bridge_status_write(path, &status), -EEXIST);
	ck_assert_int_eq(lstat(path, &is), 0);
	ck_assert(S_ISFIFO(is.st_mode));
	unlink(path);
	rmdir(directory);
	free(path);
}
END_TEST

START_TEST(a_full_status_takes_no_more_slaves)
{
	struct bridge_status status = { 0 };
	struct slave_report report = a_slave("many");

	for (unsigned i = 0; i < N_ELEMENTS(status.slaves); i++)
		ck_assert_ptr_nonnull(bridge_status_add(&status, i, &report));
	ck_assert_ptr_null(bridge_status_add(&status, 0, &report));
}
END_TEST

START_TEST(a_connection_is_two_names)
{
	static const char *const bad[] = { "", "=", "a", "a=", "=b", "a=b=c" };

	ck_assert_ptr_null(bridge_connection_problem("capture_1=system:playback_1"));
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		ck_assert_msg(bridge_connection_problem(bad[i]) != NULL, "%s", bad[i]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_written_can_be_read,
		what_is_not_a_status_is_refused,
		every_number_has_a_range,
		a_file_that_is_too_long_is_not_read,
		a_verdict_names_what_is_wrong,
		a_status_gets_old,
		recent_is_the_last_ten_seconds,
		what_is_no_file_is_not_replaced,
		a_full_status_takes_no_more_slaves,
		a_connection_is_two_names,
		NULL,
	};

	return suite_run("bridge-status", tests);
}
