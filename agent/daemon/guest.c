/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include "agentd.h"
#include "errand.h"

#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPUS           "/sys/devices/system/cpu"
#define FSINFO_LATE_MS 5000

static const struct env *env_of(void *user)
{
	return ((const struct agentd *)user)->env;
}

static bool read_file(void *user, const char *path, char **ret, struct dialect_error *error)
{
	g_autoptr(GError) own = NULL;

	if (env_read(env_of(user), path, ret, &own))
		return true;
	dialect_fail(error, "%s", own->message);
	return false;
}

static json_t *run_osinfo(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_autofree char *text = NULL;
	json_t *info = json_object();
	struct utsname name;

	if (uname(&name) == 0) {
		json_object_set_new(info, "kernel-release", json_string(name.release));
		json_object_set_new(info, "kernel-version", json_string(name.version));
		json_object_set_new(info, "machine", json_string(name.machine));
	}
	if (env_read(env_of(user), "/etc/os-release", &text, NULL) ||
		env_read(env_of(user), "/usr/lib/os-release", &text, NULL))
		guest_parse_osrelease(text, info);
	return info;
}

static json_t *run_host_name(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	return guest_parse_host_name(name);
}

static json_t *run_load(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_autofree char *text = NULL;
	json_t *load;

	if (!read_file(user, "/proc/loadavg", &text, error))
		return NULL;
	load = guest_parse_load(text);
	return load ? load : dialect_fail(error, "/proc/loadavg is not understood");
}

static json_t *run_cpustats(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_autofree char *text = NULL;
	json_t *stats;

	if (!read_file(user, "/proc/stat", &text, error))
		return NULL;
	stats = guest_parse_cpustats(text, sysconf(_SC_CLK_TCK));
	return stats ? stats : dialect_fail(error, "/proc/stat is not understood");
}

/* --- guest-get-vcpus --- */

static bool is_cpu(const char *name)
{
	return g_str_has_prefix(name, "cpu") &&
	       g_ascii_string_to_unsigned(name + 3, 10, 0, ENV_CPUS_MAX - 1, NULL, NULL);
}

static json_t *describe_vcpu(const struct env *env, unsigned cpu)
{
	g_autofree char *path = g_strdup_printf(CPUS "/cpu%u/online", cpu);
	int64_t online;
	bool can_offline = env_read_number(env, path, &online, NULL);

	/* Without the file it cannot be taken away. */
	return json_pack("{s:i,s:b,s:b}", "logical-id", (int)cpu, "online",
		!can_offline || online == 1, "can-offline", can_offline);
}

static json_t *run_vcpus(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_auto(GStrv) names = env_list(env_of(user), CPUS);
	struct env_cpus cpus = { 0 };
	json_t *vcpus = json_array();

	for (char **name = names; *name; name++)
		if (is_cpu(*name)) {
			guint64 cpu = g_ascii_strtoull(*name + 3, NULL, 10);

			cpus.bits[cpu / 64] |= G_GUINT64_CONSTANT(1) << cpu % 64;
		}
	for (unsigned cpu = 0; cpu < ENV_CPUS_MAX; cpu++)
		if (env_cpus_has(&cpus, cpu))
			json_array_append_new(vcpus, describe_vcpu(env_of(user), cpu));
	return vcpus;
}

/* --- guest-get-fsinfo --- */

/* "vda1" of /sys/dev/block/MAJOR:MINOR, or the last part of the source. */
static char *device_name(const struct env *env, const struct guest_mount *mount)
{
	g_autofree char *path = g_strdup_printf("/sys/dev/block/%u:%u", mount->major, mount->minor);
	g_autofree char *full = env_path(env, path);
	g_autofree char *target = g_file_read_link(full, NULL);

	return g_path_get_basename(target ? target : mount->source);
}

static json_t *describe_mount(const struct env *env, const struct guest_mount *mount)
{
	g_autofree char *name = device_name(env, mount), *full = env_path(env, mount->mountpoint);
	json_t *info = json_pack("{s:s,s:s,s:s,s:[]}", "name", name, "mountpoint",
		mount->mountpoint, "type", mount->type, "disk");
	struct statvfs stat;

	/* The process behind a FUSE may hang, and we with it. */
	if (!info || g_str_has_prefix(mount->type, "fuse") || statvfs(full, &stat) < 0)
		return info;
	json_int_t unit = (json_int_t)stat.f_frsize;
	json_int_t used = (json_int_t)(stat.f_blocks - stat.f_bfree);
	json_object_set_new(info, "used-bytes", json_integer(used * unit));
	json_object_set_new(
		info, "total-bytes", json_integer((used + (json_int_t)stat.f_bavail) * unit));
	json_object_set_new(
		info, "total-bytes-privileged", json_integer((json_int_t)stat.f_blocks * unit));
	return info;
}

static bool list_mounts(const struct env *env, json_t *reply, struct dialect_error *error)
{
	g_autoptr(GError) own = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!env_read(env, "/proc/self/mountinfo", &text, &own)) {
		dialect_fail(error, "%s", own->message);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		struct guest_mount mount;

		if (!guest_parse_mount(*line, &mount))
			continue;
		if (mount.major != 0 || !strcmp(mount.type, "btrfs")) {
			json_t *info = describe_mount(env, &mount);

			if (info)
				json_array_append_new(reply, info);
		}
		guest_mount_finish(&mount);
	}
	return true;
}

static json_t *run_fsinfo(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	static const struct errand_kind kind = { list_mounts, FSINFO_LATE_MS,
		"a file system of this machine does not answer" };

	errands_run(((const struct agentd *)user)->errands, &kind, call, json_array());
	return NULL;
}

const struct dialect_command guest_commands[] = {
	{ "guest-get-osinfo", DIALECT_READ, NULL, run_osinfo, "kernel and distribution" },
	{ "guest-get-host-name", DIALECT_READ, NULL, run_host_name, "name of the machine" },
	{ "guest-get-load", DIALECT_READ, NULL, run_load, "load of 1, 5 and 15 minutes" },
	{ "guest-get-cpustats", DIALECT_READ, NULL, run_cpustats, "time spent by CPU, ms" },
	{ "guest-get-vcpus", DIALECT_READ, NULL, run_vcpus, "CPUs, and which are online" },
	{ "guest-get-fsinfo", DIALECT_READ, NULL, run_fsinfo, "mounted block devices" },
	{ NULL },
};
