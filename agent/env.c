/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "env.h"

#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID   "/proc/sys/kernel/random/boot_id"
#define MASK_WORD 32u /* bits of a word in the affinity files of the kernel */

static int64_t boottime_ns(const struct env *env)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

static GDBusConnection *system_bus(const struct env *env, GError **error)
{
	GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);

	/* The agent outlives the bus, above all in the middle of a change. */
	if (bus)
		g_dbus_connection_set_exit_on_close(bus, FALSE);
	return bus;
}

void env_init(struct env *env, const char *root)
{
	if (!root)
		root = g_getenv("HELIX_SYSROOT");
	*env = (struct env){
		.root = g_strdup(root ? root : ""),
		.now_ns = boottime_ns,
		.run = run_program,
		.bus = system_bus,
	};
}

void env_finish(struct env *env)
{
	g_clear_pointer(&env->root, g_free);
}

/* --- files --- */

char *env_path(const struct env *env, const char *path)
{
	return g_strconcat(env->root, path, NULL);
}

static bool fail(GError **error, int code, const char *path)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: %s", path,
		g_strerror(code));
	return false;
}

static bool read_all(int fd, const char *path, char **ret_text, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		if (text->len + (size_t)n > ENV_FILE_MAX)
			return fail(error, EFBIG, path);
		g_string_append_len(text, piece, n);
	}
	if (n < 0)
		return fail(error, errno, path);
	*ret_text = g_string_free(g_steal_pointer(&text), FALSE);
	return true;
}

bool env_read(const struct env *env, const char *path, char **ret_text, GError **error)
{
	g_autofree char *full = env_path(env, path);
	int fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	bool done;

	if (fd < 0)
		return fail(error, errno, path);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		done = fail(error, EINVAL, path);
	else
		done = read_all(fd, path, ret_text, error);
	close(fd);
	return done;
}

bool env_read_line(const struct env *env, const char *path, char **ret_text, GError **error)
{
	if (!env_read(env, path, ret_text, error))
		return false;
	g_strstrip(*ret_text);
	return true;
}

bool env_read_number(const struct env *env, const char *path, int64_t *ret, GError **error)
{
	g_autofree char *text = NULL;
	gint64 value;

	if (!env_read_line(env, path, &text, error))
		return false;
	if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s has no number: %.40s",
			path, text);
		return false;
	}
	*ret = value;
	return true;
}

bool env_exists(const struct env *env, const char *path)
{
	g_autofree char *full = env_path(env, path);

	return g_file_test(full, G_FILE_TEST_EXISTS);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **env_list(const struct env *env, const char *path)
{
	g_autofree char *full = env_path(env, path);
	g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
	GPtrArray *names = g_ptr_array_new();
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

char *env_boot_id(const struct env *env)
{
	char *id;

	return env_read_line(env, BOOT_ID, &id, NULL) ? id : g_strdup("");
}

/* --- sets of CPUs --- */

static bool parse_range(const char *text, struct env_cpus *cpus)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 3);
	guint64 first, last;

	if (g_strv_length(ends) < 1 || g_strv_length(ends) > 2 ||
		!g_ascii_string_to_unsigned(ends[0], 10, 0, ENV_CPUS_MAX - 1, &first, NULL))
		return false;
	last = first;
	if (ends[1] &&
		!g_ascii_string_to_unsigned(ends[1], 10, first, ENV_CPUS_MAX - 1, &last, NULL))
		return false;
	for (guint64 cpu = first; cpu <= last; cpu++)
		cpus->bits[cpu / 64] |= G_GUINT64_CONSTANT(1) << cpu % 64;
	return true;
}

bool env_cpus_parse(const char *text, struct env_cpus *ret)
{
	g_autofree char *stripped = g_strstrip(g_strdup(text));
	g_auto(GStrv) ranges = g_strsplit(stripped, ",", -1);
	struct env_cpus cpus = { 0 };

	for (char **range = ranges; *range; range++)
		if (!parse_range(*range, &cpus))
			return false;
	*ret = cpus;
	return true;
}

bool env_cpus_has(const struct env_cpus *cpus, unsigned cpu)
{
	return cpu < ENV_CPUS_MAX && cpus->bits[cpu / 64] >> cpu % 64 & 1;
}

unsigned env_cpus_count(const struct env_cpus *cpus)
{
	unsigned n = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(cpus->bits); i++)
		n += (unsigned)__builtin_popcountll(cpus->bits[i]);
	return n;
}

char *env_cpus_format(const struct env_cpus *cpus)
{
	GString *text = g_string_new(NULL);

	for (unsigned first = 0, last; first < ENV_CPUS_MAX; first = last + 1) {
		last = first;
		if (!env_cpus_has(cpus, first))
			continue;
		while (env_cpus_has(cpus, last + 1))
			last++;
		g_string_append_printf(text, "%s%u", text->len ? "," : "", first);
		if (last > first)
			g_string_append_printf(text, "-%u", last);
	}
	return g_string_free(text, FALSE);
}

char *env_cpus_mask(const struct env_cpus *cpus)
{
	GString *text = g_string_new(NULL);

	for (unsigned word = ENV_CPUS_MAX / MASK_WORD; word-- > 0;) {
		uint32_t bits = (uint32_t)(cpus->bits[word / 2] >> word % 2 * MASK_WORD);

		if (text->len)
			g_string_append_printf(text, ",%08x", bits);
		else if (bits || word == 0)
			g_string_append_printf(text, "%x", bits);
	}
	return g_string_free(text, FALSE);
}
