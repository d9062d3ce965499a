/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fake-host --endpoint ENDPOINT [--delay-ms N] [--serial] [--unit-size BYTES] [--fault NAME
 * --fault-at N]
 *
 * The scripted host as a program of its own. Prints "ready ENDPOINT" once it listens, serves until
 * its standard input ends, then prints what it counted as one line of JSON.
 */

#include "fake-host.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static enum fake_host_fault find_fault(const char *name)
{
	for (unsigned i = 0; i < FAKE_HOST_FAULTS; i++)
		if (strcmp(fake_host_fault_name(i), name) == 0)
			return i;
	g_printerr("fake-host: no fault is called %s\n", name);
	exit(2);
}

static void parse(int argc, char **argv, struct fake_host_options *o)
{
	static char *endpoint, *fault;
	static gint delay_ms, unit_size, fault_at;
	static gboolean serial;
	const GOptionEntry entries[] = {
		{ "endpoint", 0, 0, G_OPTION_ARG_STRING, &endpoint, "where to listen", "ENDPOINT" },
		{ "delay-ms", 0, 0, G_OPTION_ARG_INT, &delay_ms, "from request to answer", "N" },
		{ "serial", 0, 0, G_OPTION_ARG_NONE, &serial, "one engine", NULL },
		{ "unit-size", 0, 0, G_OPTION_ARG_INT, &unit_size, "of an access unit", "BYTES" },
		{ "fault", 0, 0, G_OPTION_ARG_STRING, &fault, "see fake-host.h", "NAME" },
		{ "fault-at", 0, 0, G_OPTION_ARG_INT, &fault_at, "response it starts at", "N" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || delay_ms < 0 ||
		unit_size < 0 || fault_at < 0) {
		g_printerr("fake-host: %s\n", error ? error->message : "numbers are not negative");
		exit(2);
	}
	*o = (struct fake_host_options){ .endpoint = endpoint,
		.delay_ms = (unsigned)delay_ms,
		.serial = serial,
		.unit_size = (size_t)unit_size,
		.fault = fault ? find_fault(fault) : FAKE_HOST_NO_FAULT,
		.fault_at = (unsigned)fault_at,
		.no_log = true };
}

int main(int argc, char **argv)
{
	struct fake_host_options options;
	struct fake_host *host;
	struct rusage usage;
	char c;

	parse(argc, argv, &options);
	prctl(PR_SET_TIMERSLACK, 1UL); /* answers are due to the microsecond, not to 50 */
	host = fake_host_new(&options);
	printf("ready %s\n", fake_host_endpoint(host));
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"requests\": %u, \"responses\": %u, \"cpu_ms\": %.3f}\n",
		fake_host_count(host, FAKE_HOST_REQUESTS),
		fake_host_count(host, FAKE_HOST_RESPONSES),
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3);
	fake_host_free(host);
	return 0;
}
