/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/probe-mem.h"

#define SECONDS G_GINT64_CONSTANT(1000000000)
#define THP     "/sys/kernel/mm/transparent_hugepage/enabled"

#define MEMINFO(available, swap, huge, huge_free)                                                  \
	"MemTotal:        4000000 kB\nMemFree:          100000 kB\n"                               \
	"MemAvailable:    " available " kB\nSwapTotal:       " swap                                \
	" kB\nHugePages_Total:     " huge "\nHugePages_Free:      " huge_free                      \
	"\nHugepagesize:       2048 kB\n"

static const struct {
	const char *available;
	enum probe_status status;
} availables[] = {
	{ "600000", PROBE_OK },
	{ "599999", PROBE_WARN },
	{ "200000", PROBE_WARN },
	{ "199999", PROBE_FAIL },
	{ "0", PROBE_FAIL },
};

START_TEST(little_memory_is_told)
{
	assert_probe("mem.avail", PROBE_NA, "/proc/meminfo");
	for (size_t i = 0; i < N_ELEMENTS(availables); i++) {
		g_autofree char *text = g_strdup_printf(
			"MemTotal: 4000000 kB\nMemAvailable: %s kB\n", availables[i].available);

		machine_put(&machine, "/proc/meminfo", text);
		assert_probe("mem.avail", availables[i].status, NULL);
	}
	machine_put(&machine, "/proc/meminfo", "MemTotal: 4000000 kB\nMemFree: 7 kB\n");
	assert_probe("mem.avail", PROBE_UNKNOWN, NULL);
}
END_TEST

static const struct {
	const char *text;
	enum probe_status status;
} pressures[] = {
	{ "some avg10=0.00 avg60=99.00 avg300=0.00 total=1\n"
	  "full avg10=0.00 avg60=99.00 avg300=0.00 total=1\n",
		PROBE_OK },
	{ "some avg10=10.00 avg60=0 avg300=0 total=1\nfull avg10=1.99 a\n", PROBE_OK },
	{ "some avg10=10.01 avg60=0 avg300=0 total=1\nfull avg10=0.00 a\n", PROBE_WARN },
	{ "some avg10=1.00 avg60=0 avg300=0 total=1\nfull avg10=2.00 a\n", PROBE_WARN },
	{ "some avg10=40.01 avg60=0 avg300=0 total=1\nfull avg10=0.00 a\n", PROBE_FAIL },
	{ "some avg10=15.00 avg60=0 avg300=0 total=1\nfull avg10=10.00 a\n", PROBE_FAIL },
	{ "some avg10=3.00 avg60=0.00 avg300=0.00 total=7\n", PROBE_OK },
	{ "full avg10=3.00\n", PROBE_UNKNOWN },
	{ "some avg60=3.00\n", PROBE_UNKNOWN },
	{ "", PROBE_UNKNOWN },
};

START_TEST(pressure_is_judged_by_both_its_lines)
{
	static const struct {
		const char *id, *path;
	} kinds[] = {
		{ "mem.psi", "/proc/pressure/memory" },
		{ "cpu.psi", "/proc/pressure/cpu" },
		{ "io.psi", "/proc/pressure/io" },
	};

	for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
		assert_probe(kinds[k].id, PROBE_NA, "psi=1");
		for (size_t i = 0; i < N_ELEMENTS(pressures); i++) {
			machine_put(&machine, kinds[k].path, pressures[i].text);
			assert_probe(kinds[k].id, pressures[i].status, NULL);
		}
	}
}
END_TEST

static const struct {
	struct swap_facts facts;
	enum probe_status on_desktop, on_dsp;
} swaps[] = {
	{ { 0, 60, 0, false }, PROBE_NA, PROBE_NA },
	{ { 1000, 10, 0, true }, PROBE_OK, PROBE_OK },
	{ { 1000, 11, 0, true }, PROBE_OK, PROBE_WARN },
	{ { 1000, 10, 0.1, false }, PROBE_OK, PROBE_WARN },
	{ { 1000, 10, 0.1, true }, PROBE_OK, PROBE_FAIL },
	{ { 1000, 60, 101, true }, PROBE_WARN, PROBE_FAIL },
};

START_TEST(swap_is_judged_by_what_comes_back_from_it)
{
	for (size_t i = 0; i < N_ELEMENTS(swaps); i++) {
		struct probe_result result = { 0 };

		mem_swap_judge(&swaps[i].facts, &desktop, &result);
		assert_result(&result, swaps[i].on_desktop, NULL);
		mem_swap_judge(&swaps[i].facts, &dsp, &result);
		assert_result(&result, swaps[i].on_dsp, NULL);
	}
}
END_TEST

START_TEST(swap_is_read_from_run_to_run)
{
	machine.now_ns = 100 * SECONDS;
	machine_put(&machine, "/proc/meminfo", MEMINFO("1000000", "500000", "0", "0"));
	machine_put(&machine, "/proc/vmstat", "nr_free_pages 5\npswpin 1000\npswpout 9\n");
	assert_probe("mem.swap", PROBE_NA, "swappiness");
	machine_put(&machine, "/proc/sys/vm/swappiness", "10\n");
	assert_probe("mem.swap", PROBE_WARN, "10.0 pages");
	machine.now_ns = 110 * SECONDS;
	assert_probe("mem.swap", PROBE_OK, NULL);
	machine.now_ns = 120 * SECONDS;
	machine_put(&machine, "/proc/77/comm", "jackd\n");
	machine_put(&machine, "/proc/vmstat", "pswpin 1010\n");
	assert_probe("mem.swap", PROBE_FAIL, "1.0 pages");
	machine.now_ns = 130 * SECONDS;
	machine_put(&machine, "/proc/vmstat", "pswpout 9\n");
	assert_probe("mem.swap", PROBE_UNKNOWN, NULL);
}
END_TEST

START_TEST(hugepages_are_counted_against_the_wish)
{
	machine_put(&machine, "/proc/meminfo", MEMINFO("1000000", "0", "64", "60"));
	assert_probe("mem.hugepages", PROBE_NA, "64 are reserved");
	wanted.hugepages = 64;
	assert_probe("mem.hugepages", PROBE_OK, "64 of 64 wanted, 60 of them free");
	wanted.hugepages = 65;
	assert_probe("mem.hugepages", PROBE_WARN, NULL);
	machine_put(&machine, "/proc/meminfo", MEMINFO("1000000", "0", "0", "0"));
	assert_probe("mem.hugepages", PROBE_FAIL, NULL);
	machine_put(&machine, "/proc/meminfo", "MemTotal: 1 kB\n");
	assert_probe("mem.hugepages", PROBE_NA, "no huge pages");
}
END_TEST

START_TEST(transparent_huge_pages_may_be_asked_for)
{
	assert_probe("mem.thp", PROBE_NA, NULL);
	machine_put(&machine, THP, "always [madvise] never\n");
	assert_probe("mem.thp", PROBE_OK, "madvise");
	machine_put(&machine, THP, "[always] madvise never\n");
	assert_probe("mem.thp", PROBE_WARN, "always");
	wanted = desktop;
	assert_probe("mem.thp", PROBE_OK, "always");
	machine_put(&machine, THP, "always\n");
	assert_probe("mem.thp", PROBE_UNKNOWN, NULL);
	machine_put(&machine, THP, "always [mad\n");
	assert_probe("mem.thp", PROBE_UNKNOWN, NULL);
}
END_TEST

static const struct {
	const char *status;
	enum probe_status on_desktop, on_dsp;
} locks[] = {
	{ "Name:\tjackd\nVmLck:\t   90000 kB\nRssAnon:\t  100000 kB\n", PROBE_OK, PROBE_OK },
	{ "Name:\tjackd\nVmLck:\t  900000 kB\nRssAnon:\t  100000 kB\n", PROBE_OK, PROBE_OK },
	{ "Name:\tjackd\nVmLck:\t   89000 kB\nRssAnon:\t  100000 kB\n", PROBE_OK, PROBE_WARN },
	{ "Name:\tjackd\nVmLck:\t       0 kB\nRssAnon:\t  100000 kB\n", PROBE_OK, PROBE_FAIL },
	{ "Name:\tjackd\n", PROBE_UNKNOWN, PROBE_UNKNOWN },
};

START_TEST(the_audio_server_locks_its_memory)
{
	machine_put(&machine, "/proc/5/comm", "bash\n");
	assert_probe("mem.locked", PROBE_NA, "no JACK server");
	machine_put(&machine, "/proc/77/comm", "jackd\n");
	assert_probe("mem.locked", PROBE_NA, "/proc/77/status");
	for (size_t i = 0; i < N_ELEMENTS(locks); i++) {
		machine_put(&machine, "/proc/77/status", locks[i].status);
		wanted = desktop;
		assert_probe("mem.locked", locks[i].on_desktop, NULL);
		wanted = dsp;
		assert_probe("mem.locked", locks[i].on_dsp, NULL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		little_memory_is_told,
		pressure_is_judged_by_both_its_lines,
		swap_is_judged_by_what_comes_back_from_it,
		swap_is_read_from_run_to_run,
		hugepages_are_counted_against_the_wish,
		transparent_huge_pages_may_be_asked_for,
		the_audio_server_locks_its_memory,
		NULL,
	};

	return suite_run_with(
		"agent-probe-mem", tests, probe_fixture_setup, probe_fixture_teardown);
}
