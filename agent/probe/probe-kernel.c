/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-kernel.h"

#include "facts.h"
#include "probe-list.h"

#include <string.h>
#include <time.h>

#define THROTTLED_RECENTLY_S 3600
#define TIMER_LIST           "/proc/timer_list"
#define CLOCKSOURCE          "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* --- kernel.preempt --- */

static const char *const model_names[] = { "none", "voluntary", "lazy", "full", "real-time",
	"dynamic" };

static bool model_by_name(const char *name, enum preempt_model *ret)
{
	for (enum preempt_model model = PREEMPT_NONE; name && model <= PREEMPT_FULL; model++) {
		if (g_str_equal(name, model_names[model])) {
			*ret = model;
			return true;
		}
	}
	return false;
}

enum preempt_model preempt_model_parse(const char *version, const char *cmdline, const char *sched)
{
	g_autofree char *in_force = sched ? facts_chosen_word(sched) : NULL;
	g_autofree char *asked = facts_cmdline_value(cmdline, "preempt");
	enum preempt_model model;

	if (strstr(version, "PREEMPT_RT"))
		return PREEMPT_RT;
	if (model_by_name(in_force, &model))
		return model;
	if (strstr(version, "PREEMPT_DYNAMIC"))
		return model_by_name(asked, &model) ? model : PREEMPT_DYNAMIC;
	return strstr(version, "PREEMPT") ? PREEMPT_FULL : PREEMPT_NONE;
}

void kernel_preempt_judge(enum preempt_model model, bool threadirqs,
	const struct probe_wanted *wanted, struct probe_result *ret)
{
	enum probe_status status = PROBE_OK;

	if (wanted->role == PROBE_ROLE_DSP) {
		if (model == PREEMPT_NONE)
			status = PROBE_FAIL;
		else if (model != PREEMPT_RT && !(model == PREEMPT_FULL && threadirqs))
			status = PROBE_WARN;
	} else if (model == PREEMPT_NONE) {
		status = PROBE_WARN;
	}
	probe_say(ret, status,
		wanted->role == PROBE_ROLE_DSP
			? "install a real-time kernel (apt install linux-image-rt-amd64), or boot "
			  "with preempt=full threadirqs"
			: "boot with preempt=full",
		"preemption is %s%s", model_names[model],
		threadirqs && model != PREEMPT_RT ? ", with threaded interrupts" : "");
}

static void preempt_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *version = NULL, *cmdline = NULL, *sched = NULL, *threadirqs = NULL;
	g_autofree char *realtime = NULL;
	g_autoptr(GError) error = NULL;
	enum preempt_model model;

	if (!env_read_line(env, "/proc/sys/kernel/version", &version, &error) ||
		!env_read_line(env, "/proc/cmdline", &cmdline, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	env_read_line(env, "/sys/kernel/debug/sched/preempt", &sched, NULL);
	model = preempt_model_parse(version, cmdline, sched);
	if (env_read_line(env, "/sys/kernel/realtime", &realtime, NULL) &&
		g_str_equal(realtime, "1"))
		model = PREEMPT_RT;
	threadirqs = facts_cmdline_value(cmdline, "threadirqs");
	kernel_preempt_judge(model, threadirqs != NULL, wanted, ret);
}

const struct probe probe_kernel_preempt = {
	.id = "kernel.preempt",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "kernel preemption",
	.period_s = 3600,
	.timeout_ms = 1000,
	.run = preempt_run,
};

/* --- kernel.hrtimers --- */

static void hrtimers_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	static const char hint[] = "boot a kernel with CONFIG_HIGH_RES_TIMERS, without highres=off";
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	struct timespec resolution;
	bool fine;

	/* /proc/timer_list is root's; what a clock tells of itself is the same number. */
	if (env_read(env, TIMER_LIST, &text, &error)) {
		fine = strstr(text, ".resolution: 1 nsecs") != NULL;
	} else if (!*env->root && clock_getres(CLOCK_MONOTONIC, &resolution) == 0) {
		fine = resolution.tv_sec == 0 && resolution.tv_nsec == 1;
	} else {
		probe_say_unreadable(ret, error);
		return;
	}
	probe_say(ret, fine ? PROBE_OK : PROBE_FAIL, hint,
		fine ? "timers have nanoseconds" : "timers only fire at ticks");
}

const struct probe probe_kernel_hrtimers = {
	.id = "kernel.hrtimers",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "high-resolution timers",
	.period_s = 3600,
	.timeout_ms = 1000,
	.run = hrtimers_run,
};

/* --- kernel.clocksource --- */

void kernel_clocksource_judge(const char *name, struct probe_result *ret)
{
	static const char *const good[] = { "tsc", "kvm-clock", "arch_sys_counter", "xen", NULL };
	static const char *const slow[] = { "hpet", "acpi_pm", "jiffies", "refined-jiffies", NULL };
	static const char hint[] =
		"let the host pass an invariant TSC (-cpu host,+invtsc) or kvm-clock";

	if (g_strv_contains(good, name) || g_str_has_prefix(name, "hyperv_clocksource"))
		probe_say(ret, PROBE_OK, NULL, "time comes from %s", name);
	else if (g_strv_contains(slow, name))
		probe_say(
			ret, PROBE_FAIL, hint, "time comes from %s, which is slow or coarse", name);
	else
		probe_say(ret, PROBE_WARN, hint, "time comes from %.40s, of which nothing is known",
			*name ? name : "nowhere");
}

static void clocksource_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *name = NULL;
	g_autoptr(GError) error = NULL;

	if (env_read_line(env, CLOCKSOURCE, &name, &error))
		kernel_clocksource_judge(name, ret);
	else
		probe_say_unreadable(ret, error);
}

const struct probe probe_kernel_clocksource = {
	.id = "kernel.clocksource",
	.group = PROBE_GROUP_SYSTEM,
	.title = "clock source",
	.period_s = 300, /* a TSC found unstable is replaced while running */
	.timeout_ms = 1000,
	.run = clocksource_run,
};

/* --- kernel.throttle --- */

void kernel_throttle_judge(const struct throttle_facts *facts, struct probe_result *ret)
{
	static const char unlimited[] =
		"sysctl kernel.sched_rt_runtime_us=950000, or keep a CPU out of isolcpus=";

	if (facts->throttled_s >= 0 && facts->throttled_s <= THROTTLED_RECENTLY_S)
		probe_say(ret, PROBE_FAIL,
			"find the real-time thread that does not sleep: ps -eLo rtprio,pcpu,comm "
			"--sort=-pcpu",
			"real-time threads were throttled %" G_GINT64_FORMAT " s ago",
			facts->throttled_s);
	else if (facts->runtime_us >= 0)
		probe_say(ret, PROBE_OK, NULL, "real-time threads may run %.4g %% of a second",
			(double)facts->runtime_us / 1e4);
	else if (facts->online <= 1)
		probe_say(ret, PROBE_WARN, unlimited,
			"real-time threads are unlimited on the only CPU: one that loops hangs it");
	else if (facts->housekeeping == 0)
		probe_say(ret, PROBE_WARN, unlimited,
			"real-time threads are unlimited and no CPU is left for the system");
	else
		probe_say(ret, PROBE_OK, NULL, "real-time threads are unlimited, %u CPUs are left",
			facts->housekeeping);
}

static int64_t seconds_since_throttled(const struct env *env)
{
	g_autofree char *log = facts_log_read(env);
	double at_s = log ? facts_log_last(log, FACTS_LOG_THROTTLED) : -1;

	return at_s < 0 ? -1 : MAX(0, env->now_ns(env) / 1000000000 - (int64_t)at_s);
}

static void throttle_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct throttle_facts facts = { 0 };
	struct env_cpus online, isolated;
	g_autoptr(GError) error = NULL;

	if (!env_read_number(
		    env, "/proc/sys/kernel/sched_rt_runtime_us", &facts.runtime_us, &error) ||
		!facts_cpus_online(env, &online, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	facts_cpus_isolated(env, &isolated);
	isolated = facts_cpus_without(&online, &isolated);
	facts.online = env_cpus_count(&online);
	facts.housekeeping = env_cpus_count(&isolated);
	facts.throttled_s = seconds_since_throttled(env);
	kernel_throttle_judge(&facts, ret);
}

const struct probe probe_kernel_throttle = {
	.id = "kernel.throttle",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "real-time throttling",
	.period_s = 300,
	.rest_s = 5,
	.timeout_ms = FACTS_LOG_MS + 1000,
	.run = throttle_run,
};

/* --- kernel.watchdogs --- */

void kernel_watchdogs_judge(
	int64_t nmi, int64_t soft, const struct probe_wanted *wanted, struct probe_result *ret)
{
	bool on = nmi > 0 || soft > 0;

	if (nmi < 0 && soft < 0)
		probe_say(ret, PROBE_NA, NULL, "the kernel has no watchdogs");
	else
		probe_say(ret, on && wanted->role == PROBE_ROLE_DSP ? PROBE_WARN : PROBE_OK,
			"sysctl kernel.nmi_watchdog=0 kernel.soft_watchdog=0",
			on ? "watchdogs interrupt every CPU (NMI %s, soft %s)"
			   : "watchdogs are off (NMI %s, soft %s)",
			nmi > 0 ? "on" : "off", soft > 0 ? "on" : "off");
}

static void watchdogs_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	int64_t nmi = -1, soft = -1;

	env_read_number(env, "/proc/sys/kernel/nmi_watchdog", &nmi, NULL);
	env_read_number(env, "/proc/sys/kernel/soft_watchdog", &soft, NULL);
	kernel_watchdogs_judge(nmi, soft, wanted, ret);
}

const struct probe probe_kernel_watchdogs = {
	.id = "kernel.watchdogs",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "lock-up watchdogs",
	.period_s = 300,
	.timeout_ms = 1000,
	.run = watchdogs_run,
};
