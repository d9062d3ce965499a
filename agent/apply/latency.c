/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On a thread of its own: it has to run as the audio threads do, and commands go on being answered. */
#include "../probe/latency.h"
#include "../probe/facts.h"

#include "service-internal.h"

#define DURATION_MS 1000
#define PRIORITY    80
#define INTERVAL_US 1000

struct service_latency {
	struct service *service;
	struct dialect_call *call;
	struct latency_config config;
	struct latency result;
	GError *error;
	GThread *thread;
	guint idle; /* source that answers, once the thread has ended */
};

static json_t *histogram_json(const struct latency *latency)
{
	unsigned last = LATENCY_BUCKETS;
	json_t *list = json_array();

	while (last > 0 && latency->histogram[last - 1] == 0)
		last--;
	for (unsigned i = 0; i < last; i++) {
		json_t *below =
			i == LATENCY_BUCKETS - 1 ? json_null() : json_integer((json_int_t)2 << i);

		json_array_append_new(list, json_pack("{so si}", "below-us", below, "count",
						    (int)latency->histogram[i]));
	}
	return list;
}

static json_t *result_json(const struct service_latency *run)
{
	const struct latency *latency = &run->result;

	return json_pack("{ss si si sf sf sf sf so}", "policy",
		run->config.priority > 0 ? "SCHED_FIFO" : "SCHED_OTHER", "priority",
		(int)run->config.priority, "n", (int)latency->n, "p50-us", latency->p50_us,
		"p99-us", latency->p99_us, "p999-us", latency->p999_us, "max-us", latency->max_us,
		"histogram", histogram_json(latency));
}

static void run_free(struct service_latency *run)
{
	g_clear_error(&run->error);
	g_free(run);
}

static void answer(struct service_latency *run)
{
	struct dialect_error error = { 0 };

	if (run->error)
		dialect_fail(&error, "%s", run->error->message);
	dialect_call_finish(run->call, run->error ? NULL : result_json(run), &error);
}

static gboolean on_end(void *user)
{
	struct service_latency *run = user;

	g_thread_join(run->thread);
	run->service->latency = NULL;
	if (!run->error)
		run->service->latency_ended_us = g_get_monotonic_time();
	answer(run);
	run_free(run);
	return G_SOURCE_REMOVE;
}

static void *measure(void *user)
{
	struct service_latency *run = user;

	latency_measure(&run->config, &run->result, &run->error);
	run->idle = g_idle_add(on_end, run);
	return NULL;
}

void service_latency_finish(struct service *service)
{
	struct service_latency *run = service->latency;
	struct dialect_error error = { 0 };

	if (!run)
		return;
	g_thread_join(run->thread);
	g_source_remove(run->idle);
	service->latency = NULL;
	dialect_fail(&error, "helix-applyd ends");
	dialect_call_finish(run->call, NULL, &error);
	run_free(run);
}

static json_int_t number_or(json_t *arguments, const char *key, json_int_t otherwise)
{
	json_t *number = json_object_get(arguments, key);

	return number ? json_integer_value(number) : otherwise;
}

static bool read_config(json_t *arguments, struct latency_config *ret, struct dialect_error *error)
{
	json_int_t duration_ms = number_or(arguments, "duration-ms", DURATION_MS);
	json_int_t interval_us = number_or(arguments, "interval-us", INTERVAL_US);
	json_int_t priority = number_or(arguments, "priority", PRIORITY);
	json_int_t cpu = number_or(arguments, "cpu", LATENCY_CPU_ANY);
	json_int_t samples;

	if (duration_ms < 1 || duration_ms > SERVICE_LATENCY_MS_MAX || interval_us < 100 ||
		interval_us > 100000 || priority < 0 || priority > SERVICE_LATENCY_PRIORITY ||
		cpu < LATENCY_CPU_ANY || cpu >= (json_int_t)ENV_CPUS_MAX) {
		dialect_fail(error,
			"duration-ms may be 1 to %u, interval-us 100 to 100000, priority 0 to %d",
			SERVICE_LATENCY_MS_MAX, SERVICE_LATENCY_PRIORITY);
		return false;
	}
	samples = MAX(1, duration_ms * 1000 / interval_us);
	*ret = (struct latency_config){
		.samples = (unsigned)MIN(samples, (json_int_t)LATENCY_SAMPLES_MAX),
		.interval_us = (unsigned)interval_us,
		.priority = (unsigned)priority,
		.cpu = (int)cpu,
	};
	return true;
}

static bool is_online(const struct env *env, int cpu, struct dialect_error *error)
{
	g_autofree char *text = NULL;
	struct env_cpus online;

	if (cpu == LATENCY_CPU_ANY || !facts_cpus_online(env, &online, NULL) ||
		env_cpus_has(&online, (unsigned)cpu))
		return true;
	text = env_cpus_format(&online);
	dialect_fail(error, "there is no CPU %d; CPUs %s", cpu, text);
	return false;
}

json_t *service_latency(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct service *service = user;
	gint64 since_s = (g_get_monotonic_time() - service->latency_ended_us) / G_USEC_PER_SEC;
	struct latency_config config;
	struct service_latency *run;

	if (service->latency)
		return dialect_fail(error, "a measurement is under way");
	if (!read_config(arguments, &config, error) || !is_online(service->env, config.cpu, error))
		return NULL;
	if (service->latency_ended_us && since_s < SERVICE_LATENCY_PAUSE_S)
		return dialect_fail(error, "measured %d s ago; ask again in %d s", (int)since_s,
			SERVICE_LATENCY_PAUSE_S - (int)since_s);
	run = g_new0(struct service_latency, 1);
	run->service = service;
	run->call = call;
	run->config = config;
	service->latency = run;
	run->thread = g_thread_new("latency", measure, run);
	return NULL;
}
