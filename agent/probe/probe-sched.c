/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-sched.h"

#include "ask.h"
#include "probe-list.h"

#define SAMPLES       200u
#define INTERVAL_US   1000u
#define RT_PRIORITY   80u
#define RT_MS         1000
#define ASK_MS        4000u
#define PERIOD_WANTED 1333.3 /* us; where no audio is wanted */

void sched_latency_rt_judge(
	double p99_us, double max_us, const struct probe_wanted *wanted, struct probe_result *ret)
{
	double period_us = probe_wanted_period_us(wanted);
	g_autofree char *warn = NULL, *fail = NULL;
	enum probe_status status;

	if (period_us <= 0)
		period_us = PERIOD_WANTED;
	warn = probe_number(period_us * 0.15);
	fail = probe_number(period_us * 0.75);
	status = probe_measure(ret, max_us, warn, fail);
	if (p99_us > period_us / 2)
		status = PROBE_FAIL;
	probe_say(ret, status,
		"helix-agent profile plan rt-audio; on the host: pin the vCPUs and give their "
		"threads a real-time policy",
		"real-time threads wake up %.0f us late at worst (p99 %.0f us) of a period of "
		"%.0f us",
		max_us, p99_us, period_us);
}

void sched_latency_normal_judge(double p99_us, double max_us, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, p99_us, "5000", "50000");

	probe_say(ret, status, "see what keeps the CPUs: top; on the host: is it overcommitted?",
		"threads wake up %.0f us late (p99), %.0f us at worst", p99_us, max_us);
}

static void normal_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	const struct latency_config config = { SAMPLES, INTERVAL_US, 0, LATENCY_CPU_ANY };
	g_autoptr(GError) error = NULL;
	struct latency latency;

	if (latency_measure(&config, &latency, &error))
		sched_latency_normal_judge(latency.p99_us, latency.max_us, ret);
	else
		probe_say(ret, PROBE_UNKNOWN, "systemctl cat helix-agentd shows its sandbox", "%s",
			error->message);
}

const struct probe probe_sched_latency_normal = {
	.id = "sched.latency.normal",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "wake-up latency, normal threads",
	.unit = "us",
	.period_s = 60,
	.rest_s = 10,
	.timeout_ms = 5000,
	.run = normal_run,
};

/* Of this process when it may, else of helix-applyd, which may. */
static bool rt_numbers(const struct env *env, const struct probe_wanted *wanted, double *ret_p99_us,
	double *ret_max_us, GError **error)
{
	const struct latency_config config = { SAMPLES, INTERVAL_US, RT_PRIORITY, LATENCY_CPU_ANY };
	struct latency latency;
	json_t *reply;
	bool known;

	if (!*env->root && latency_measure(&config, &latency, NULL)) {
		*ret_p99_us = latency.p99_us;
		*ret_max_us = latency.max_us;
		return true;
	}
	if (!wanted->apply_socket) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			"this process may not use SCHED_FIFO, and helix-applyd is not asked");
		return false;
	}
	if (!ask(wanted->apply_socket, "helix-latency-run",
		    json_pack("{s:i, s:i}", "duration-ms", RT_MS, "priority", RT_PRIORITY), ASK_MS,
		    &reply, error))
		return false;
	known = json_unpack(reply, "{s:F, s:F}", "p99-us", ret_p99_us, "max-us", ret_max_us) == 0;
	json_decref(reply);
	if (!known)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"helix-applyd's answer was not understood");
	return known;
}

static void rt_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autoptr(GError) error = NULL;
	double p99_us, max_us;

	if (rt_numbers(env, wanted, &p99_us, &max_us, &error))
		sched_latency_rt_judge(p99_us, max_us, wanted, ret);
	else
		probe_say(ret, PROBE_UNKNOWN, HINT_APPLYD, "%s", error->message);
}

const struct probe probe_sched_latency_rt = {
	.id = "sched.latency.rt",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "wake-up latency, real-time threads",
	.unit = "us",
	.period_s = 900,
	.rest_s = 90, /* helix-applyd measures once a minute */
	.timeout_ms = 6000,
	.run = rt_run,
};
