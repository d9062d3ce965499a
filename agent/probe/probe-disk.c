/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-disk.h"

#include "facts.h"
#include "probe-list.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define RECENTLY_S 3600

/* --- disk.space --- */

void disk_space_judge(const struct disk_facts *facts, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, facts->free_percent, "15:", "5:");

	if (facts->inodes_percent < 5)
		probe_say(ret, PROBE_FAIL, "du --inodes -x / | sort -n | tail",
			"%s has %.1f %% of its inodes left", facts->mount, facts->inodes_percent);
	else
		probe_say(ret, status,
			"du -x / | sort -n | tail; apt clean; journalctl --vacuum-size=50M",
			"%s has %.1f %% of its space left", facts->mount, facts->free_percent);
}

static bool disk_look(const struct env *env, const char *mount, struct disk_facts *ret)
{
	g_autofree char *path = env_path(env, mount);
	struct statvfs status;
	double usable;

	if (statvfs(path, &status) < 0)
		return false;
	usable = (double)(status.f_blocks - status.f_bfree + status.f_bavail);
	ret->mount = mount;
	ret->free_percent = usable > 0 ? 100.0 * (double)status.f_bavail / usable : 0;
	ret->inodes_percent =
		status.f_files > 0 ? 100.0 * (double)status.f_favail / (double)status.f_files : 100;
	return true;
}

static void space_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct disk_facts facts, var;

	if (!disk_look(env, "/", &facts)) {
		probe_say(ret, PROBE_UNKNOWN, "systemctl cat helix-agentd shows its sandbox",
			"/: %s", g_strerror(errno));
		return;
	}
	if (disk_look(env, "/var", &var) && MIN(var.free_percent, var.inodes_percent) <
						    MIN(facts.free_percent, facts.inodes_percent))
		facts = var;
	disk_space_judge(&facts, ret);
}

const struct probe probe_disk_space = {
	.id = "disk.space",
	.group = PROBE_GROUP_SYSTEM,
	.title = "free disk space",
	.unit = "%",
	.period_s = 60,
	.timeout_ms = 2000,
	.run = space_run,
};

/* --- disk.ro --- */

static bool has_option(const char *options, const char *name)
{
	g_auto(GStrv) list = g_strsplit(options, ",", -1);

	return g_strv_contains((const char *const *)list, name);
}

static enum disk_root root_of_line(const char *line)
{
	static const char *const by_design[] = { "squashfs", "erofs", "iso9660", "cramfs", NULL };
	g_auto(GStrv) halves = g_strsplit(line, " - ", 2);
	g_auto(GStrv) mount = NULL, system = NULL;

	if (g_strv_length(halves) != 2)
		return DISK_ROOT_UNKNOWN;
	mount = g_strsplit(halves[0], " ", -1);
	system = g_strsplit(halves[1], " ", 3);
	if (g_strv_length(mount) < 6 || g_strv_length(system) != 3 || strcmp(mount[4], "/") != 0)
		return DISK_ROOT_UNKNOWN;
	if (!has_option(system[2], "ro"))
		return DISK_ROOT_WRITABLE;
	return g_strv_contains(by_design, system[0]) ? DISK_ROOT_BY_DESIGN : DISK_ROOT_READ_ONLY;
}

enum disk_root disk_root_parse(const char *mountinfo)
{
	g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
	enum disk_root root = DISK_ROOT_UNKNOWN;

	/* The last one covers those before it. */
	for (char **line = lines; *line; line++) {
		enum disk_root one = root_of_line(*line);

		if (one != DISK_ROOT_UNKNOWN)
			root = one;
	}
	return root;
}

void disk_ro_judge(enum disk_root root, struct probe_result *ret)
{
	switch (root) {
	case DISK_ROOT_WRITABLE:
		probe_say(ret, PROBE_OK, NULL, "/ can be written to");
		break;
	case DISK_ROOT_BY_DESIGN:
		probe_say(ret, PROBE_NA, NULL, "/ is a file system that is never written to");
		break;
	case DISK_ROOT_READ_ONLY:
		probe_say(ret, PROBE_FAIL, "dmesg | tail -50; then fsck, or mount -o remount,rw /",
			"/ is read-only");
		break;
	case DISK_ROOT_UNKNOWN:
		probe_say_nonsense(ret, "/proc/self/mountinfo");
		break;
	}
}

static void ro_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;

	if (env_read(env, "/proc/self/mountinfo", &text, &error))
		disk_ro_judge(disk_root_parse(text), ret);
	else
		probe_say_unreadable(ret, error);
}

const struct probe probe_disk_ro = {
	.id = "disk.ro",
	.group = PROBE_GROUP_SYSTEM,
	.title = "root file system",
	.period_s = 60,
	.timeout_ms = 1000,
	.run = ro_run,
};

/* --- disk.errors --- */

void disk_errors_judge(double ago_s, struct probe_result *ret)
{
	if (ago_s >= 0 && ago_s <= RECENTLY_S)
		probe_say(ret, PROBE_WARN, "dmesg | grep 'I/O error'; look at the disk on the host",
			"the kernel met an I/O error %.0f s ago", ago_s);
	else
		probe_say(ret, PROBE_OK, NULL, "no I/O error within the last hour");
}

static void errors_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *log = facts_log_read(env);
	double at_s;

	if (!log) {
		probe_say(ret, PROBE_NA, NULL,
			"this user may not read the kernel's log (group systemd-journal)");
		return;
	}
	at_s = facts_log_last(log, FACTS_LOG_IO_ERROR);
	disk_errors_judge(at_s < 0 ? -1 : MAX(0, (double)env->now_ns(env) / 1e9 - at_s), ret);
}

const struct probe probe_disk_errors = {
	.id = "disk.errors",
	.group = PROBE_GROUP_SYSTEM,
	.title = "disk errors",
	.period_s = 300,
	.rest_s = 5,
	.timeout_ms = FACTS_LOG_MS + 1000,
	.run = errors_run,
};
