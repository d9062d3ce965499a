/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include "encoder-log.h"
#include "link-log.h"
#include "override.h"
#include "probe-list.h"
#include "range.h"

const struct probe *const probe_table[] = {
	/* Service */
	&probe_svc_failed,
	&probe_svc_conflicts,
	&probe_profile_drift,
	&probe_agent_self,
	/* CPU isolation */
	&probe_cpu_isolation,
	&probe_cpu_irq_leak,
	/* Memory */
	&probe_mem_avail,
	&probe_memory_psi,
	&probe_mem_swap,
	&probe_mem_locked,
	/* Hugepages */
	&probe_mem_hugepages,
	&probe_mem_thp,
	/* GPU */
	&probe_gpu_node,
	&probe_gpu_caps,
	&probe_gpu_encode,
	&probe_gpu_dmabuf_path,
	/* Encoder link */
	&probe_link_encoder,
	&probe_link_host_cid,
	/* Audio */
	&probe_audio_server,
	&probe_audio_rt,
	&probe_audio_quantum,
	&probe_audio_latency,
	&probe_audio_xruns,
	/* NETJACK bridge */
	&probe_audio_netjack,
	/* Scheduling */
	&probe_kernel_preempt,
	&probe_kernel_hrtimers,
	&probe_kernel_throttle,
	&probe_kernel_watchdogs,
	&probe_cpu_steal,
	&probe_cpu_psi,
	&probe_cpu_governor,
	&probe_sched_latency_normal,
	&probe_sched_latency_rt,
	/* System */
	&probe_kernel_clocksource,
	&probe_cpu_smt,
	&probe_cpu_mitigations,
	&probe_disk_space,
	&probe_disk_ro,
	&probe_disk_errors,
	&probe_io_psi,
	NULL,
};

const struct probe *probe_find(const char *id)
{
	for (unsigned i = 0; probe_table[i]; i++)
		if (g_str_equal(probe_table[i]->id, id))
			return probe_table[i];
	return NULL;
}

struct probe_wanted *probe_wanted_copy(const struct probe_wanted *wanted)
{
	struct probe_wanted *copy = g_new(struct probe_wanted, 1);

	*copy = *wanted;
	copy->encoder = g_strdup(wanted->encoder);
	copy->state_dir = g_strdup(wanted->state_dir);
	copy->apply_socket = g_strdup(wanted->apply_socket);
	copy->overrides = wanted->overrides ? overrides_ref(wanted->overrides) : NULL;
	copy->encoder_log = wanted->encoder_log ? encoder_log_ref(wanted->encoder_log) : NULL;
	copy->link_log = wanted->link_log ? link_log_ref(wanted->link_log) : NULL;
	return copy;
}

void probe_wanted_free(struct probe_wanted *wanted)
{
	if (!wanted)
		return;
	g_free(wanted->encoder);
	g_free(wanted->state_dir);
	g_free(wanted->apply_socket);
	overrides_unref(wanted->overrides);
	encoder_log_unref(wanted->encoder_log);
	link_log_unref(wanted->link_log);
	g_free(wanted);
}

double probe_wanted_period_us(const struct probe_wanted *wanted)
{
	return wanted->rate_hz ? wanted->period_frames * 1e6 / wanted->rate_hz : 0;
}

void probe_result_finish(struct probe_result *result)
{
	g_free(result->warn);
	g_free(result->fail);
	g_free(result->message);
	g_free(result->hint);
	*result = (struct probe_result){ 0 };
}

/* "" of an override is no limit. */
static const char *limit(const char *own, const char *override)
{
	if (!override)
		return own;
	return *override ? override : NULL;
}

enum probe_status probe_measure(
	struct probe_result *ret, double value, const char *warn, const char *fail)
{
	if (ret->override) {
		warn = limit(warn, ret->override->warn);
		fail = limit(fail, ret->override->fail);
	}
	ret->has_value = true;
	ret->value = value;
	g_free(ret->warn);
	ret->warn = g_strdup(warn);
	g_free(ret->fail);
	ret->fail = g_strdup(fail);
	return range_judge(value, warn, fail);
}

char *probe_number(double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	return g_strdup(g_ascii_formatd(text, sizeof(text), "%.6g", value));
}

void probe_say_unreadable(struct probe_result *ret, const GError *error)
{
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
		g_error_matches(error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
		probe_say(ret, PROBE_NA, NULL, "not on this machine: %s", error->message);
	else
		probe_say(ret, PROBE_UNKNOWN,
			"may the agent's user see that? systemctl cat helix-agentd shows its "
			"sandbox",
			"%s", error->message);
}

void probe_say_nonsense(struct probe_result *ret, const char *path)
{
	g_autofree char *hint = g_strdup_printf("report it, with what this says: cat %s", path);

	probe_say(ret, PROBE_UNKNOWN, hint, "%s was not understood", path);
}

void probe_say(struct probe_result *ret, enum probe_status status, const char *hint,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_free(ret->message);
	ret->message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	ret->status = status;
	g_free(ret->hint);
	ret->hint = status == PROBE_OK || status == PROBE_NA ? NULL : g_strdup(hint);
}

const char *probe_status_name(enum probe_status status)
{
	static const char *const names[] = { "OK", "WARN", "FAIL", "UNKNOWN", "N/A" };

	return status < G_N_ELEMENTS(names) ? names[status] : "UNKNOWN";
}
