/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-cpu.h"

#include "facts.h"
#include "probe-list.h"

#include <string.h>

#define CPU_DIR "/sys/devices/system/cpu/"

/* --- cpu.isolation --- */

static char *replace(const char *text, const char *what, const char *by)
{
	g_auto(GStrv) pieces = g_strsplit(text, what, -1);

	return g_strjoinv(by, pieces);
}

bool isolation_parse(const char *text, unsigned last_cpu, struct env_cpus *ret, bool *ret_domain)
{
	g_autofree char *last = g_strdup_printf("%u", last_cpu);
	g_autofree char *range = g_strconcat("0-", last, NULL), *list = NULL, *numbers = NULL;
	bool flags = false, domain = false;

	while (g_ascii_islower(*text) && !g_str_has_prefix(text, "all")) {
		size_t length = strcspn(text, ",");

		flags = true;
		domain |= strncmp(text, "domain", MAX(length, 6)) == 0;
		text += length;
		text += *text == ',';
	}
	list = replace(text, "all", range);
	numbers = replace(list, "N", last);
	if (!env_cpus_parse(numbers, ret))
		return false;
	if (ret_domain)
		*ret_domain = domain || !flags;
	return true;
}

static bool say_difference(const char *what, const struct env_cpus *asked,
	const struct env_cpus *effective, struct probe_result *ret)
{
	struct env_cpus missing = facts_cpus_without(asked, effective);
	g_autofree char *asked_text = env_cpus_format(asked);
	g_autofree char *effective_text = env_cpus_format(effective);

	if (env_cpus_count(&missing) == 0)
		return false;
	probe_say(ret, PROBE_WARN,
		"isolate CPUs from 1 on that exist, and leave CPU 0 to the system: see dmesg | "
		"grep -i -e isol -e nohz",
		"%s=%s was asked for, in effect is \"%s\"", what, asked_text, effective_text);
	return true;
}

static void say_not_isolated(unsigned online, bool dsp, struct probe_result *ret)
{
	if (dsp && online > 1)
		probe_say(ret, PROBE_WARN, "helix-agent profile plan rt-audio",
			"none of %u CPUs is isolated", online);
	else
		probe_say(ret, PROBE_NA, NULL,
			online > 1 ? "no isolation is wanted" : "there is only one CPU");
}

void cpu_isolation_judge(const struct isolation_facts *facts, const struct probe_wanted *wanted,
	struct probe_result *ret)
{
	static const char keep[] = "leave at least CPU 0 out of isolcpus= and nohz_full=";
	struct env_cpus offline = facts_cpus_without(&facts->isolated, &facts->online);
	struct env_cpus rest = facts_cpus_without(&facts->online, &facts->isolated);
	g_autofree char *offline_text = env_cpus_format(&offline), *text = NULL;

	probe_measure(ret, env_cpus_count(&facts->isolated), NULL, NULL);
	if (env_cpus_count(&rest) == 0) {
		probe_say(
			ret, PROBE_FAIL, keep, "every CPU is isolated: none is left to the system");
	} else if (env_cpus_count(&offline) > 0) {
		probe_say(ret, PROBE_FAIL, "echo 1 > /sys/devices/system/cpu/cpuN/online",
			"isolated CPUs %s are offline", offline_text);
	} else if (facts->unclear) {
		probe_say(ret, PROBE_UNKNOWN, "cat /proc/cmdline: a list of CPUs looks like 2-3,5",
			"isolcpus= or nohz_full= of /proc/cmdline was not understood");
	} else if (say_difference("isolcpus", &facts->asked_isolated, &facts->isolated, ret) ||
		   say_difference("nohz_full", &facts->asked_nohz, &facts->nohz, ret)) {
		return;
	} else if (env_cpus_count(&facts->isolated) == 0) {
		say_not_isolated(
			env_cpus_count(&facts->online), wanted->role == PROBE_ROLE_DSP, ret);
	} else {
		text = env_cpus_format(&facts->isolated);
		probe_say(ret, PROBE_OK, NULL, "CPUs %s are isolated, %u are left", text,
			env_cpus_count(&rest));
	}
}

static unsigned last_possible(const struct env *env)
{
	g_autofree char *text = NULL;
	struct env_cpus possible;
	unsigned last = 0;

	if (!env_read_line(env, CPU_DIR "possible", &text, NULL) ||
		!env_cpus_parse(text, &possible))
		return 0;
	for (unsigned cpu = 0; cpu < ENV_CPUS_MAX; cpu++)
		if (env_cpus_has(&possible, cpu))
			last = cpu;
	return last;
}

static void isolation_asked(const char *cmdline, unsigned last_cpu, struct isolation_facts *facts)
{
	g_autofree char *isolcpus = facts_cmdline_value(cmdline, "isolcpus");
	g_autofree char *nohz_full = facts_cmdline_value(cmdline, "nohz_full");
	struct env_cpus cpus;
	bool domain;

	if (isolcpus && !isolation_parse(isolcpus, last_cpu, &cpus, &domain))
		facts->unclear = true;
	else if (isolcpus && domain)
		facts->asked_isolated = cpus;
	if (nohz_full && !isolation_parse(nohz_full, last_cpu, &facts->asked_nohz, NULL))
		facts->unclear = true;
}

static void isolation_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *cmdline = NULL, *nohz = NULL;
	struct isolation_facts facts = { 0 };
	g_autoptr(GError) error = NULL;

	if (!env_read_line(env, "/proc/cmdline", &cmdline, &error) ||
		!facts_cpus_online(env, &facts.online, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	isolation_asked(cmdline, last_possible(env), &facts);
	facts_cpus_isolated(env, &facts.isolated);
	/* "(null)" where no CPU is: then the set stays empty. */
	if (env_read_line(env, CPU_DIR "nohz_full", &nohz, NULL))
		env_cpus_parse(nohz, &facts.nohz);
	cpu_isolation_judge(&facts, wanted, ret);
}

const struct probe probe_cpu_isolation = {
	.id = "cpu.isolation",
	.group = PROBE_GROUP_ISOLATION,
	.title = "isolated CPUs",
	.period_s = 300,
	.timeout_ms = 1000,
	.run = isolation_run,
};

/* --- cpu.irq_leak --- */

/* Numbers of the CPUs in the heading "  CPU0  CPU2 ..."; returns the line behind it. */
static const char *interrupts_heading(const char *text, GArray *cpus)
{
	const char *end = strchr(text, '\n');
	g_auto(GStrv) words = NULL;
	g_autofree char *heading = NULL;

	if (!end)
		return NULL;
	heading = g_strndup(text, (size_t)(end - text));
	words = g_strsplit_set(heading, " \t", -1);
	for (char **word = words; *word; word++) {
		guint64 number;

		if (!**word)
			continue;
		if (!g_str_has_prefix(*word, "CPU") || !g_ascii_string_to_unsigned(*word + 3, 10, 0,
							       ENV_CPUS_MAX - 1, &number, NULL))
			return NULL;
		g_array_append_val(cpus, number);
	}
	return cpus->len > 0 ? end + 1 : NULL;
}

static uint64_t interrupts_of_line(
	const char *line, const GArray *columns, const struct env_cpus *cpus)
{
	const char *counts = strchr(line, ':') + 1;
	uint64_t sum = 0;

	for (unsigned i = 0; i < columns->len; i++) {
		char *end;
		uint64_t count;

		counts += strspn(counts, " \t");
		if (!g_ascii_isdigit(*counts))
			break;
		count = g_ascii_strtoull(counts, &end, 10);
		if (env_cpus_has(cpus, (unsigned)g_array_index(columns, guint64, i)))
			sum += count;
		counts = end;
	}
	return sum;
}

bool interrupts_count(const char *text, const struct env_cpus *cpus, uint64_t *ret)
{
	g_autoptr(GArray) columns = g_array_new(FALSE, FALSE, sizeof(guint64));
	const char *line = interrupts_heading(text, columns);
	uint64_t sum = 0;

	if (!line)
		return false;
	for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
		const char *number = line + strspn(line, " ");

		if (g_ascii_isdigit(*number) && number[strspn(number, "0123456789")] == ':')
			sum += interrupts_of_line(number, columns, cpus);
	}
	*ret = sum;
	return true;
}

void cpu_irq_leak_judge(double per_s, const char *pinned, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, per_s, "0", "10");
	static const char hint[] = "systemctl stop irqbalance; boot with irqaffinity= of the other "
				   "CPUs, or write them to /proc/irq/N/smp_affinity_list";

	if (pinned && status == PROBE_OK)
		probe_say(
			ret, PROBE_WARN, hint, "interrupts are bound to isolated CPUs: %s", pinned);
	else if (status == PROBE_OK)
		probe_say(ret, PROBE_OK, NULL, "isolated CPUs take no interrupts of devices");
	else
		probe_say(ret, status, hint,
			"isolated CPUs take %.1f interrupts of devices a second%s%s", per_s,
			pinned ? ", bound there: " : "", pinned ? pinned : "");
}

static char *irq_actions(const struct env *env, const char *irq)
{
	g_autofree char *path = g_strdup_printf("/sys/kernel/irq/%s/actions", irq);
	char *actions;

	return env_read_line(env, path, &actions, NULL) ? actions : NULL;
}

/* "24 (eth0), 25 (vda)"; NULL when there is none. */
static char *pinned_irqs(const struct env *env, const struct env_cpus *isolated)
{
	g_auto(GStrv) irqs = env_list(env, "/proc/irq");
	g_autoptr(GString) pinned = g_string_new(NULL);

	for (char **irq = irqs; *irq; irq++) {
		g_autofree char *path =
			g_strdup_printf("/proc/irq/%s/effective_affinity_list", *irq);
		g_autofree char *text = NULL, *actions = NULL;
		struct env_cpus cpus;

		if (!env_read_line(env, path, &text, NULL) || !env_cpus_parse(text, &cpus))
			continue;
		cpus = facts_cpus_and(&cpus, isolated);
		if (env_cpus_count(&cpus) == 0)
			continue;
		actions = irq_actions(env, *irq);
		if (actions && *actions)
			g_string_append_printf(
				pinned, "%s%s (%s)", pinned->len ? ", " : "", *irq, actions);
	}
	return pinned->len ? g_string_free(g_steal_pointer(&pinned), FALSE) : NULL;
}

struct irq_leak_state {
	uint64_t count;
	int64_t at_ns;
};

static void irq_leak_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct irq_leak_state *last = state, now = { 0 };
	g_autofree char *text = NULL, *pinned = NULL;
	g_autoptr(GError) error = NULL;
	struct env_cpus isolated;
	double seconds;

	facts_cpus_isolated(env, &isolated);
	if (env_cpus_count(&isolated) == 0) {
		probe_say(ret, PROBE_NA, NULL, "no CPU is isolated");
		return;
	}
	if (!env_read(env, "/proc/interrupts", &text, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	now.at_ns = env->now_ns(env);
	if (!interrupts_count(text, &isolated, &now.count) || now.at_ns <= last->at_ns) {
		probe_say_nonsense(ret, "/proc/interrupts");
		return;
	}
	seconds = (double)(now.at_ns - last->at_ns) / 1e9;
	pinned = pinned_irqs(env, &isolated);
	cpu_irq_leak_judge(
		(double)(now.count - MIN(now.count, last->count)) / seconds, pinned, ret);
	*last = now;
}

const struct probe probe_cpu_irq_leak = {
	.id = "cpu.irq_leak",
	.group = PROBE_GROUP_ISOLATION,
	.title = "interrupts on isolated CPUs",
	.unit = "1/s",
	.period_s = 30,
	.rest_s = 1,
	.timeout_ms = 2000,
	.state_size = sizeof(struct irq_leak_state),
	.run = irq_leak_run,
};

/* --- cpu.steal --- */

bool cpu_times_parse(const char *stat, struct cpu_times *ret)
{
	struct cpu_times times = { 0 };
	const char *at = stat + 4;

	if (!g_str_has_prefix(stat, "cpu "))
		return false;
	/* user nice system idle iowait irq softirq steal; guest time is part of user, proc(5). */
	for (unsigned column = 0; column < 8; column++) {
		char *end;
		uint64_t ticks = g_ascii_strtoull(at, &end, 10);

		if (end == at)
			return false;
		times.total += ticks;
		times.steal = ticks;
		at = end;
	}
	*ret = times;
	return true;
}

void cpu_steal_judge(const struct cpu_times *before, const struct cpu_times *now, bool told,
	const struct probe_wanted *wanted, struct probe_result *ret)
{
	uint64_t total = now->total - MIN(now->total, before->total);
	uint64_t steal = now->steal - MIN(now->steal, before->steal);
	double percent = total > 0 ? 100.0 * (double)steal / (double)total : 0;
	enum probe_status status;

	if (!told && now->steal == 0) {
		probe_say(ret, PROBE_NA, NULL, "no host tells what it takes");
		return;
	}
	status = probe_measure(ret, percent, "0.5", wanted->role == PROBE_ROLE_DSP ? "2" : "5");
	probe_say(ret, status, "on the host: pin the vCPUs, or run fewer of them",
		"the host took %.2f %% of the CPUs' time", percent);
}

static void steal_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *stat = NULL, *clocks = NULL;
	struct cpu_times *last = state, now;
	g_autoptr(GError) error = NULL;
	bool told;

	if (!env_read(env, "/proc/stat", &stat, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	if (!cpu_times_parse(stat, &now)) {
		probe_say_nonsense(ret, "/proc/stat");
		return;
	}
	told = env_read(env, "/sys/devices/system/clocksource/clocksource0/available_clocksource",
		       &clocks, NULL) &&
	       (strstr(clocks, "kvm-clock") || strstr(clocks, "hyperv"));
	cpu_steal_judge(last, &now, told, wanted, ret);
	*last = now;
}

const struct probe probe_cpu_steal = {
	.id = "cpu.steal",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "CPU time taken by the host",
	.unit = "%",
	.period_s = 10,
	.rest_s = 1,
	.timeout_ms = 1000,
	.state_size = sizeof(struct cpu_times),
	.run = steal_run,
};
