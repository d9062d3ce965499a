/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"

#include "../probe/probe.h"

#include <stdio.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)

/* What a machine has to measure up to. */
struct requirement {
	const char *name;
	const char *fact;         /* member of helix-facts, "wanted.rate-hz" for one within; or */
	const char *probe;        /* whose value it is; without a limit its verdict */
	double at_least, at_most; /* 0: no such limit */
	const char *wanted_fact;  /* member of helix-facts that is at_least; NULL: none */
	const char *wanted_most;  /* the same for at_most */
	const char *needs;        /* member of helix-facts without which the number is a guess */
	double scale;             /* of the fact, into unit */
	const char *unit;
	const char *hint;
};

/* The DSP guest: 96 kHz, 128 frames, a loop below 2 ms, two CPUs of its own, 2 to 4 GB. */
static const struct requirement dsp[] = {
	{ "round trip B*(N+A)", NULL, "audio.latency", 0, 2, .needs = "rate-hz", .unit = "ms",
		.hint = "at 128 frames and 96 kHz only N+A <= 1 gets there: jackd -S -d net -l 1" },
	{ "sample rate", "rate-hz", NULL, .wanted_fact = "rate-hz", .scale = 1e-3, .unit = "kHz",
		.hint = "give the NETJACK master (or jackd -r) this rate" },
	{ "period", NULL, "audio.quantum", .wanted_most = "period-frames", .unit = "frames",
		.hint = "give the NETJACK master (or jackd -p) this period" },
	{ "isolated CPUs", "isolated", NULL, 1, .scale = 1,
		.hint = "helix-agent profile plan rt-audio, apply it and reboot; no GRUB here: put "
			"isolcpus=... on the kernel's command line yourself" },
	{ "memory", "memory-b", NULL, 1.8, .scale = 1 / GIB, .unit = "GiB",
		.hint = "give the VM 2 to 4 GB" },
	{ "hugepages", "hugepages", NULL, .wanted_fact = "hugepages", .scale = 1,
		.hint = "helix-agent profile plan rt-audio; after a reboot there are more" },
	{ "memory in use", "memory-used-b", NULL, 0, 1.4, .scale = 1 / GIB, .unit = "GiB",
		.hint = "ps -eo rss,comm --sort=-rss | head names the programs; services that "
			"nobody needs: helix-agent profile plan debloat-conservative" },
	{ "disk in use", "disk-used-b", NULL, 0, 35, .scale = 1 / GIB, .unit = "GiB",
		.hint = "apt clean; journalctl --vacuum-size=100M" },
	{ "boot time", "boot-ms", NULL, 0, 30, .scale = 1e-3, .unit = "s",
		.hint = "systemd-analyze blame" },
	{ "real-time kernel", NULL, "kernel.preempt" },
	{ "isolation in effect", NULL, "cpu.isolation" },
	{ "real-time wake-ups", NULL, "sched.latency.rt" },
	{ "xruns", NULL, "audio.xruns" },
	{ "NETJACK slave", NULL, "audio.netjack" },
	{ NULL },
};

/* The desktop guest. */
static const struct requirement desktop[] = {
	{ "boot time", "boot-ms", NULL, 0, 30, .scale = 1e-3, .unit = "s",
		.hint = "systemd-analyze blame" },
	{ "memory in use", "memory-used-b", NULL, 0, 1.4, .scale = 1 / GIB, .unit = "GiB",
		.hint = "ps -eo rss,comm --sort=-rss | head names the programs; services that "
			"nobody needs: helix-agent profile plan debloat-conservative" },
	{ "disk in use", "disk-used-b", NULL, 0, 35, .scale = 1 / GIB, .unit = "GiB",
		.hint = "apt clean; journalctl --vacuum-size=100M" },
	{ "render node", NULL, "gpu.node" },
	{ "virtio-gpu features", NULL, "gpu.caps" },
	{ "host encoder", NULL, "link.encoder" },
	{ "failed units", NULL, "svc.failed" },
	{ "audio server", NULL, "audio.server" },
	{ NULL },
};

static const json_t *find_probe(const json_t *health, const char *id)
{
	json_t *probe;
	size_t i;

	json_array_foreach(json_object_get(health, "probes"), i,
		probe) if (!strcmp(print_text(probe, "id"), id)) return probe;
	return NULL;
}

struct answer {
	const char *status;
	char *text;
	const char *hint;
};

static struct answer judge_by_probe(const struct requirement *one, const json_t *probe)
{
	if (!probe)
		return (struct answer){ "UNKNOWN",
			g_strdup_printf("the agent has no probe %s", one->probe), NULL };
	return (struct answer){ print_text(probe, "status"), g_strdup(print_text(probe, "message")),
		print_text(probe, "hint") };
}

/* At least what is configured, at most what is. */
static double limit(
	const struct requirement *one, double fixed, const char *wanted, const json_t *facts)
{
	const json_t *value = json_object_get(json_object_get(facts, "wanted"), wanted);

	return wanted ? json_number_value(value) * (one->scale ? one->scale : 1) : fixed;
}

static struct answer judge_by_number(
	const struct requirement *one, const json_t *facts, const json_t *probe)
{
	const json_t *value =
		one->probe ? json_object_get(probe, "value") : json_object_get(facts, one->fact);
	double number = json_number_value(value) * (one->scale ? one->scale : 1);
	double least = limit(one, one->at_least, one->wanted_fact, facts);
	double most = limit(one, one->at_most, one->wanted_most, facts);
	const char *unit = one->unit ? one->unit : "";
	bool good = number >= least && (most == 0 || number <= most);
	g_autofree char *wanted = most > 0 ? g_strdup_printf("at most %g %s", most, unit)
					   : g_strdup_printf("at least %g %s", least, unit);

	if (!json_is_number(value) ||
		(one->needs && !json_is_number(json_object_get(facts, one->needs))))
		return (struct answer){ "UNKNOWN",
			g_strdup_printf("wanted %s; %s", g_strchomp(wanted),
				probe ? print_text(probe, "message") : "cannot be read here"),
			NULL };
	return (struct answer){ good ? "OK" : "FAIL",
		g_strdup_printf(
			"%.4g%s%s, wanted %s", number, *unit ? " " : "", unit, g_strchomp(wanted)),
		good ? NULL : one->hint };
}

static bool has_limit(const struct requirement *one)
{
	return one->fact || one->at_least > 0 || one->at_most > 0 || one->wanted_most;
}

static enum probe_status status_of(const char *name)
{
	for (enum probe_status status = PROBE_OK; status <= PROBE_NA; status++)
		if (!strcmp(probe_status_name(status), name))
			return status;
	return PROBE_UNKNOWN;
}

static json_t *answer_json(const struct requirement *one, const struct answer *answer)
{
	return json_pack("{s:s, s:s, s:s, s:s?}", "requirement", one->name, "status",
		answer->status, "measured", answer->text, "hint", answer->hint);
}

/* Every requirement with its answer, as {requirement, status, measured, hint}. */
static json_t *judge(const struct requirement *table, const json_t *facts, const json_t *health)
{
	json_t *rows = json_array();

	for (const struct requirement *one = table; one->name; one++) {
		const json_t *probe = one->probe ? find_probe(health, one->probe) : NULL;
		struct answer answer = has_limit(one) ? judge_by_number(one, facts, probe)
						      : judge_by_probe(one, probe);

		json_array_append_new(rows, answer_json(one, &answer));
		g_free(answer.text);
	}
	return rows;
}

static enum probe_status worst_of(const json_t *rows)
{
	static const enum probe_status order[] = { PROBE_FAIL, PROBE_UNKNOWN, PROBE_WARN };
	json_t *row;
	size_t i;

	for (gsize j = 0; j < G_N_ELEMENTS(order); j++)
		json_array_foreach((json_t *)rows, i,
			row) if (status_of(print_text(row, "status")) == order[j]) return order[j];
	return PROBE_OK;
}

static void print_rows(
	const struct print *print, const json_t *rows, const char *role, const char *configured)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
		print_line(print, print_text(row, "status"), print_text(row, "requirement"),
			print_text(row, "measured"), print_text(row, "hint"));
	putchar('\n');
	print_verdict(print, probe_status_name(worst_of(rows)));
	printf(" as a %s guest\n", role);
	if (strcmp(role, configured) != 0)
		printf("        -> the agent's limits are those of a %s guest: role=%s in "
		       "/etc/helix-agent/agent.conf\n",
			configured, role);
}

static int run_validate(struct ctl *ctl, char **arguments)
{
	const struct requirement *table = !strcmp(arguments[0], "dsp")       ? dsp
					  : !strcmp(arguments[0], "desktop") ? desktop
									     : NULL;
	json_t *facts, *health, *rows;
	int status;

	if (!table)
		return ctl_complain(ctl, "'%s' is neither dsp nor desktop", arguments[0]);
	facts = ctl_ask(ctl, "helix-facts", NULL);
	if (!facts)
		return CTL_UNASKED;
	health = ctl_ask(ctl, "helix-health", json_pack("{s:b}", "refresh", 1));
	if (!health) {
		json_decref(facts);
		return CTL_UNASKED;
	}
	rows = judge(table, facts, health);
	status = (int)worst_of(rows);
	if (ctl->json)
		ctl_print_json(rows);
	else
		print_rows(&ctl->print, rows, arguments[0],
			print_text(json_object_get(facts, "wanted"), "role"));
	json_decref(rows);
	json_decref(health);
	json_decref(facts);
	return status;
}

const struct ctl_command ctl_validate_commands[] = {
	{ "validate", "dsp|desktop", "Does this machine measure up to what such a guest needs?",
		NULL, 1, 1, run_validate },
	{ NULL },
};
