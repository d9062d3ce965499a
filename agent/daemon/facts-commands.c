/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../probe/audio.h"
#include "../probe/facts.h"

#include "agentd.h"
#include "errand.h"

#include <sys/statvfs.h>

#define BUS_TIMEOUT_MS 2000
#define LATE_MS        8000 /* longer than the tools and calls that have a limit of their own */

static void add_cpus(const struct env *env, json_t *reply)
{
	struct env_cpus online, isolated;
	g_autofree char *text = NULL;

	if (!facts_cpus_online(env, &online, NULL))
		return;
	facts_cpus_isolated(env, &isolated);
	text = env_cpus_format(&isolated);
	json_object_set_new(reply, "cpus", json_integer(env_cpus_count(&online)));
	json_object_set_new(reply, "isolated", json_integer(env_cpus_count(&isolated)));
	json_object_set_new(reply, "isolated-cpus", json_string(text));
}

static void add_memory(const struct env *env, json_t *reply)
{
	int64_t total_kb, available_kb, hugepages;
	g_autofree char *text = NULL;

	if (!env_read(env, "/proc/meminfo", &text, NULL))
		return;
	if (facts_number(text, "MemTotal:", &total_kb) &&
		facts_number(text, "MemAvailable:", &available_kb)) {
		json_object_set_new(reply, "memory-b", json_integer(total_kb * 1024));
		json_object_set_new(
			reply, "memory-used-b", json_integer((total_kb - available_kb) * 1024));
	}
	if (facts_number(text, "HugePages_Total:", &hugepages))
		json_object_set_new(reply, "hugepages", json_integer(hugepages));
}

static void add_disk(const struct env *env, json_t *reply)
{
	g_autofree char *path = env_path(env, "/");
	struct statvfs disk;

	if (statvfs(path, &disk) < 0)
		return;
	json_object_set_new(reply, "disk-b",
		json_integer((json_int_t)disk.f_blocks * (json_int_t)disk.f_frsize));
	json_object_set_new(reply, "disk-used-b",
		json_integer(
			(json_int_t)(disk.f_blocks - disk.f_bfree) * (json_int_t)disk.f_frsize));
}

static void add_audio(const struct env *env, json_t *reply)
{
	struct audio_server server;
	unsigned frames, rate_hz;

	audio_server_find(env, &server);
	if (audio_period(env, &server, &frames, &rate_hz)) {
		json_object_set_new(reply, "period-frames", json_integer(frames));
		json_object_set_new(reply, "rate-hz", json_integer(rate_hz));
	}
	audio_server_finish(&server);
}

static uint64_t manager_time_us(GDBusConnection *bus, const char *name)
{
	g_autoptr(GVariant) reply = g_dbus_connection_call_sync(bus, "org.freedesktop.systemd1",
		"/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", "Get",
		g_variant_new("(ss)", "org.freedesktop.systemd1.Manager", name),
		G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, BUS_TIMEOUT_MS, NULL, NULL);
	g_autoptr(GVariant) value = NULL;

	if (!reply)
		return 0;
	g_variant_get(reply, "(v)", &value);
	return g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) ? g_variant_get_uint64(value) : 0;
}

/* As systemd-analyze(1) adds up: the time of firmware and loader lies before that of the kernel. */
static void add_boot(const struct env *env, json_t *reply)
{
	g_autoptr(GDBusConnection) bus = env->bus(env, NULL);
	uint64_t finish_us = bus ? manager_time_us(bus, "FinishTimestampMonotonic") : 0;

	if (finish_us > 0)
		json_object_set_new(reply, "boot-ms",
			json_integer(
				(json_int_t)((finish_us + manager_time_us(bus,
								  "FirmwareTimestampMonotonic")) /
					     1000)));
}

static bool gather(const struct env *env, json_t *reply, struct dialect_error *error)
{
	add_cpus(env, reply);
	add_memory(env, reply);
	add_disk(env, reply);
	add_audio(env, reply);
	add_boot(env, reply);
	return true;
}

static json_t *wanted(const struct config *config)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:i}", "role", config->role, "rate-hz",
		(int)config->rate_hz, "period-frames", (int)config->period_frames, "periods",
		(int)config->periods, "hugepages", (int)config->hugepages);
}

/* helix-facts: numbers without a verdict. */
static json_t *run_facts(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	static const struct errand_kind kind = { gather, LATE_MS,
		"the bus or a process of this machine does not answer" };
	const struct agentd *agentd = user;

	errands_run(
		agentd->errands, &kind, call, json_pack("{s:o}", "wanted", wanted(agentd->config)));
	return NULL;
}

const struct dialect_command facts_commands[] = {
	{ "helix-facts", DIALECT_READ, NULL, run_facts,
		"what this machine has, and what is wanted" },
	{ NULL },
};
