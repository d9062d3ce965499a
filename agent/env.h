/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the agent knows of the machine it runs on, and the only way to it: files below a root, the
 * clock, other programs, the system bus. Tests put a folder, a clock and a runner of their own in
 * its place. Any thread.
 */

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#define ENV_FILE_MAX   ((size_t)1024 * 1024) /* bytes of a file or of a program's output */
#define ENV_RUN_MAX_MS 30000u

struct setting_host;

struct env {
	char *root; /* owned; "" for the real one, else a folder that stands for "/" */
	/* CLOCK_BOOTTIME, ns. */
	int64_t (*now_ns)(const struct env *env);
	/* Runs a program (PATH of the agent's own choosing, no shell, no input) to its end, for
	 * timeout_ms at most, then kills it and those that it started. *ret_out: its standard output,
	 * at most ENV_FILE_MAX bytes of UTF-8, NUL-terminated. False with error: not there
	 * (G_SPAWN_ERROR_NOENT), timed out (G_IO_ERROR_TIMED_OUT), exit status not 0
	 * (G_SPAWN_EXIT_ERROR), and those of run.h. */
	bool (*run)(const struct env *env, const char *const *argv, unsigned timeout_ms,
		char **ret_out, GError **error);
	/* The system bus, or NULL and error where there is none. Transfer full. */
	GDBusConnection *(*bus)(const struct env *env, GError **error);
	/* What changing things needs besides (setting/host.h); NULL: nothing is changed. Borrowed. */
	struct setting_host *host;
	void *user; /* of a test */
};

/* The real one below root (NULL: HELIX_SYSROOT of the environment, or ""). */
void env_init(struct env *env, const char *root);
void env_finish(struct env *env);

/* An absolute path of the machine as one that can be opened here. Transfer full. */
char *env_path(const struct env *env, const char *path);
/* A whole file (sysfs and procfs too), at most ENV_FILE_MAX bytes, NUL-terminated; never blocks
 * on a FIFO or a device. Errors of G_FILE_ERROR. */
bool env_read(const struct env *env, const char *path, char **ret_text, GError **error);
/* The same without the white space around it. */
bool env_read_line(const struct env *env, const char *path, char **ret_text, GError **error);
/* A decimal number that is the whole file. */
bool env_read_number(const struct env *env, const char *path, int64_t *ret, GError **error);
bool env_exists(const struct env *env, const char *path);
/* Names in a folder, sorted, without "." and ".."; NULL-terminated; empty when it is not there. */
char **env_list(const struct env *env, const char *path);
/* The kernel's random id of this boot, /proc/sys/kernel/random/boot_id; "" when unknown. */
char *env_boot_id(const struct env *env);

/* "0-2,5" as in sysfs: a set of CPUs. *ret: a bit for each of CPUS_MAX. False for nonsense. */
#define ENV_CPUS_MAX 1024u
struct env_cpus {
	uint64_t bits[ENV_CPUS_MAX / 64];
};
bool env_cpus_parse(const char *text, struct env_cpus *ret);
bool env_cpus_has(const struct env_cpus *cpus, unsigned cpu);
unsigned env_cpus_count(const struct env_cpus *cpus);
/* "0-2,5"; transfer full. */
char *env_cpus_format(const struct env_cpus *cpus);
/* As affinity files of the kernel want it: "7f" or "00000001,00000000"; transfer full. */
char *env_cpus_mask(const struct env_cpus *cpus);
