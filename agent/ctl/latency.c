/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "histogram.h"

#include <stdio.h>

static int duration_ms = 1000, priority = 80, interval_us = 1000, cpu = -1;

static const GOptionEntry options[] = {
	{ "duration-ms", 'd', 0, G_OPTION_ARG_INT, &duration_ms, "How long, at most 10000 (1000)",
		"MS" },
	{ "priority", 'p', 0, G_OPTION_ARG_INT, &priority,
		"Of SCHED_FIFO, at most 98; 0: SCHED_OTHER (80)", "N" },
	{ "interval-us", 'i', 0, G_OPTION_ARG_INT, &interval_us, "Between two wake-ups (1000)",
		"US" },
	{ "cpu", 'c', 0, G_OPTION_ARG_INT, &cpu, "On this CPU (any)", "CPU" },
	{ NULL },
};

static void print_run(const json_t *run)
{
	static const struct {
		const char *key, *label;
	} numbers[] = { { "p50-us", "p50" }, { "p99-us", "p99" }, { "p999-us", "p99.9" },
		{ "max-us", "max" } };

	printf("%s", print_text(run, "policy"));
	if (json_integer_value(json_object_get(run, "priority")) > 0)
		printf(" %lld", (long long)json_integer_value(json_object_get(run, "priority")));
	printf(", %lld wake-ups\n", (long long)json_integer_value(json_object_get(run, "n")));
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autofree char *value = print_value(json_object_get(run, numbers[i].key), "us");

		printf("  %-6s %s\n", numbers[i].label, *value ? value : "not known");
	}
	histogram_print(json_object_get(run, "histogram"));
}

static int run_latency(struct ctl *ctl, char **arguments)
{
	json_t *asked = json_pack("{s:i, s:i, s:i}", "duration-ms", duration_ms, "priority",
		priority, "interval-us", interval_us);
	json_t *run;

	if (cpu >= 0)
		json_object_set_new(asked, "cpu", json_integer(cpu));
	run = ctl_ask(ctl, "helix-latency-run", asked);
	if (!run)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(run);
	else
		print_run(run);
	json_decref(run);
	return CTL_DONE;
}

const struct ctl_command ctl_latency_commands[] = {
	{ "latency", NULL, "How late does a thread wake up here? A histogram", options, 0, 0,
		run_latency },
	{ NULL },
};
