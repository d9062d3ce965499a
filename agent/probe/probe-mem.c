/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-mem.h"

#include "facts.h"
#include "probe-list.h"
#include "process.h"

#include <string.h>

/* --- mem.avail --- */

void mem_avail_judge(int64_t available, int64_t total, struct probe_result *ret)
{
	double percent = total > 0 ? 100.0 * (double)available / (double)total : 0;
	enum probe_status status = probe_measure(ret, percent, "15:", "5:");

	probe_say(ret, status, "see what takes it: ps -eo rss,comm --sort=-rss | head",
		"%.1f %% of %" G_GINT64_FORMAT " MB are available", percent, total / 1024);
}

static void avail_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	int64_t available, total;

	if (!env_read(env, "/proc/meminfo", &text, &error))
		probe_say_unreadable(ret, error);
	else if (!facts_number(text, "MemAvailable", &available) ||
		 !facts_number(text, "MemTotal", &total))
		probe_say_nonsense(ret, "/proc/meminfo");
	else
		mem_avail_judge(available, total, ret);
}

const struct probe probe_mem_avail = {
	.id = "mem.avail",
	.group = PROBE_GROUP_MEMORY,
	.title = "available memory",
	.unit = "%",
	.period_s = 15,
	.timeout_ms = 1000,
	.run = avail_run,
};

/* --- mem.psi, cpu.psi, io.psi --- */

static bool psi_line(const char *text, const char *name, double *ret)
{
	const char *line = strstr(text, name), *value;
	char *end;

	if (!line || !(value = strstr(line, "avg10=")))
		return false;
	value += strlen("avg10=");
	*ret = g_ascii_strtod(value, &end);
	return end > value;
}

bool psi_parse(const char *text, struct psi *ret)
{
	struct psi psi = { 0 };

	if (!psi_line(text, "some ", &psi.some))
		return false;
	psi_line(text, "full ", &psi.full);
	*ret = psi;
	return true;
}

void psi_judge(const char *what, const struct psi *psi, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, psi->some, "10", "40");

	if (psi->full >= 10)
		status = PROBE_FAIL;
	else if (psi->full >= 2)
		status = MAX(status, PROBE_WARN);
	probe_say(ret, status, "see who is kept waiting: systemd-cgtop, top",
		"some tasks waited for %s %.1f %% of the time, all of them %.1f %%", what,
		psi->some, psi->full);
}

static void psi_run(
	const struct env *env, const char *what, const char *path, struct probe_result *ret)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	struct psi psi;

	/* A kernel booted without psi=1 has the files but refuses to open them. */
	if (!env_read(env, path, &text, &error))
		probe_say(ret, PROBE_NA, NULL, "the kernel does not measure it (boot with psi=1)");
	else if (!psi_parse(text, &psi))
		probe_say_nonsense(ret, path);
	else
		psi_judge(what, &psi, ret);
}

#define PSI_PROBE(name, id_, group_, what)                                                         \
	static void name##_psi_run(const struct env *env, const struct probe_wanted *wanted,       \
		void *state, struct probe_result *ret)                                             \
	{                                                                                          \
		psi_run(env, what, "/proc/pressure/" #name, ret);                                  \
	}                                                                                          \
	const struct probe probe_##name##_psi = {                                                  \
		.id = (id_),                                                                       \
		.group = (group_),                                                                 \
		.title = "waiting for " what,                                                      \
		.unit = "%",                                                                       \
		.period_s = 15,                                                                    \
		.timeout_ms = 1000,                                                                \
		.run = name##_psi_run,                                                             \
	}
PSI_PROBE(memory, "mem.psi", PROBE_GROUP_MEMORY, "memory");
PSI_PROBE(cpu, "cpu.psi", PROBE_GROUP_SCHEDULING, "a CPU");
PSI_PROBE(io, "io.psi", PROBE_GROUP_SYSTEM, "a disk");

/* --- mem.swap --- */

void mem_swap_judge(
	const struct swap_facts *facts, const struct probe_wanted *wanted, struct probe_result *ret)
{
	bool dsp = wanted->role == PROBE_ROLE_DSP;
	enum probe_status status;

	if (facts->total_kb == 0) {
		probe_say(ret, PROBE_NA, NULL, "there is no swap");
		return;
	}
	status = probe_measure(ret, facts->pages_in_per_s, dsp ? "0" : "100", NULL);
	if (status != PROBE_OK)
		probe_say(ret, dsp && facts->audio ? PROBE_FAIL : status,
			"free memory, or switch swap off: swapoff -a",
			"%.1f pages a second come back from swap", facts->pages_in_per_s);
	else if (dsp && facts->swappiness > 10)
		probe_say(ret, PROBE_WARN, "sysctl vm.swappiness=10",
			"swappiness is %" G_GINT64_FORMAT, facts->swappiness);
	else
		probe_say(ret, PROBE_OK, NULL, "swap is at rest, swappiness is %" G_GINT64_FORMAT,
			facts->swappiness);
}

struct swap_state {
	int64_t pages_in, at_ns;
};

static void swap_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	static const char *const servers[] = { "jackd", "jackdbus", "pipewire", NULL };
	struct swap_state *last = state, now = { 0 };
	g_autofree char *meminfo = NULL, *vmstat = NULL;
	g_autoptr(GPtrArray) audio = NULL;
	struct swap_facts facts = { 0 };
	g_autoptr(GError) error = NULL;

	if (!env_read(env, "/proc/meminfo", &meminfo, &error) ||
		!env_read(env, "/proc/vmstat", &vmstat, &error) ||
		!env_read_number(env, "/proc/sys/vm/swappiness", &facts.swappiness, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	now.at_ns = env->now_ns(env);
	if (!facts_number(meminfo, "SwapTotal", &facts.total_kb) ||
		!facts_number(vmstat, "pswpin", &now.pages_in) || now.at_ns <= last->at_ns) {
		probe_say_nonsense(ret, "/proc/vmstat");
		return;
	}
	facts.pages_in_per_s = (double)MAX(0, now.pages_in - last->pages_in) * 1e9 /
			       (double)(now.at_ns - last->at_ns);
	if (facts.pages_in_per_s > 0) {
		audio = process_find(env, servers);
		facts.audio = audio->len > 0;
	}
	*last = now;
	mem_swap_judge(&facts, wanted, ret);
}

const struct probe probe_mem_swap = {
	.id = "mem.swap",
	.group = PROBE_GROUP_MEMORY,
	.title = "swap",
	.unit = "1/s",
	.period_s = 15,
	.rest_s = 1,
	.timeout_ms = 1000,
	.state_size = sizeof(struct swap_state),
	.run = swap_run,
};

/* --- mem.hugepages --- */

void mem_hugepages_judge(
	int64_t total, int64_t free, const struct probe_wanted *wanted, struct probe_result *ret)
{
	g_autofree char *hint = g_strdup_printf(
		"sysctl vm.nr_hugepages=%u; better reserved at boot, before memory is in pieces: "
		"hugepages=%u",
		wanted->hugepages, wanted->hugepages);
	g_autofree char *least = g_strdup_printf("%u:", wanted->hugepages);
	enum probe_status status;

	if (total < 0) {
		probe_say(ret, PROBE_NA, NULL, "the kernel has no huge pages");
		return;
	}
	if (wanted->hugepages == 0) {
		probe_measure(ret, (double)total, NULL, NULL);
		probe_say(ret, PROBE_NA, NULL, "none are wanted, %" G_GINT64_FORMAT " are reserved",
			total);
		return;
	}
	status = probe_measure(ret, (double)total, least, "1:");
	probe_say(ret, status, hint,
		"%" G_GINT64_FORMAT " of %u wanted, %" G_GINT64_FORMAT " of them free", total,
		wanted->hugepages, free);
}

static void hugepages_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	int64_t total = -1, free = 0;

	if (!env_read(env, "/proc/meminfo", &text, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	facts_number(text, "HugePages_Total", &total);
	facts_number(text, "HugePages_Free", &free);
	mem_hugepages_judge(total, free, wanted, ret);
}

const struct probe probe_mem_hugepages = {
	.id = "mem.hugepages",
	.group = PROBE_GROUP_HUGEPAGES,
	.title = "reserved huge pages",
	.period_s = 60,
	.timeout_ms = 1000,
	.run = hugepages_run,
};

/* --- mem.thp --- */

void mem_thp_judge(const char *mode, const struct probe_wanted *wanted, struct probe_result *ret)
{
	bool always = g_str_equal(mode, "always");

	probe_say(ret, always && wanted->role == PROBE_ROLE_DSP ? PROBE_WARN : PROBE_OK,
		"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
		"transparent huge pages: %s", mode);
}

static void thp_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	g_autofree char *text = NULL, *mode = NULL;
	g_autoptr(GError) error = NULL;

	if (!env_read(env, path, &text, &error))
		probe_say_unreadable(ret, error);
	else if (!(mode = facts_chosen_word(text)))
		probe_say_nonsense(ret, path);
	else
		mem_thp_judge(mode, wanted, ret);
}

const struct probe probe_mem_thp = {
	.id = "mem.thp",
	.group = PROBE_GROUP_HUGEPAGES,
	.title = "transparent huge pages",
	.period_s = 300,
	.timeout_ms = 1000,
	.run = thp_run,
};

/* --- mem.locked --- */

void mem_locked_judge(const char *process, int64_t locked, int64_t anonymous,
	const struct probe_wanted *wanted, struct probe_result *ret)
{
	static const char hint[] =
		"give its group memlock in /etc/security/limits.d (a wrapper that "
		"locks and then execs does nothing)";
	double percent = anonymous > 0 ? MIN(100.0 * (double)locked / (double)anonymous, 100) : 100;
	bool dsp = wanted->role == PROBE_ROLE_DSP;
	enum probe_status status =
		probe_measure(ret, percent, dsp ? "90:" : NULL, dsp ? "1:" : NULL);

	probe_say(ret, status, hint, "%s has locked %.0f %% of its memory", process, percent);
}

static void locked_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	/* PipeWire locks single buffers only. */
	static const char *const servers[] = { "jackd", "jackdbus", NULL };
	g_autoptr(GPtrArray) found = process_find(env, servers);
	g_autofree char *path = NULL, *text = NULL;
	g_autoptr(GError) error = NULL;
	const struct process *process;
	int64_t locked, anonymous;

	if (found->len == 0) {
		probe_say(ret, PROBE_NA, NULL, "no JACK server runs");
		return;
	}
	process = found->pdata[0];
	path = g_strdup_printf("/proc/%d/status", process->pid);
	if (!env_read(env, path, &text, &error))
		probe_say_unreadable(ret, error);
	else if (!facts_number(text, "VmLck", &locked) ||
		 !facts_number(text, "RssAnon", &anonymous))
		probe_say_nonsense(ret, path);
	else
		mem_locked_judge(process->name, locked, anonymous, wanted, ret);
}

const struct probe probe_mem_locked = {
	.id = "mem.locked",
	.group = PROBE_GROUP_MEMORY,
	.title = "locked memory of the audio server",
	.unit = "%",
	.period_s = 60,
	.timeout_ms = 2000,
	.run = locked_run,
};
