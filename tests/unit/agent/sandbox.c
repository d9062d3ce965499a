/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"

#include "setting/durable.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WANTS "/etc/systemd/system/multi-user.target.wants/"

const char sandbox_profile[] =
	"[sysctl]\nvm.swappiness=<10\n"
	"[sysfs:/sys/kernel/mm/transparent_hugepage/enabled]\nvalue=never\n"
	"[irq:*]\nvalue=${housekeeping}\n"
	"[device:/dev/cpu_dma_latency]\nvalue=0\n"
	"[unit:cups.service]\nvalue=masked\nrisk=medium\n"
	"[unit:user:tracker.service]\nvalue=masked\n"
	"[file:/etc/security/limits.d/90-helix.conf]\nvalue=@audio - rtprio 95\\n\n"
	"[file:/etc/sysctl.d/90-helix.conf]\nvalue=new\\n\nmode=0600\n"
	"[gsettings:*/org.gnome.desktop.interface/enable-animations]\nvalue=false\n"
	"[dconf]\norg/gnome/desktop/interface/enable-animations=false\n"
	"[cmdline]\nrisk=high\nisolcpus=managed_irq,domain,2-3\nthreadirqs=\n";

static const struct {
	const char *path, *text;
} files[] = {
	{ "/proc/sys/vm/swappiness", "60\n" },
	{ "/sys/kernel/mm/transparent_hugepage/enabled", "madvise\n" },
	{ "/proc/irq/24/smp_affinity_list", "0-3\n" },
	{ "/proc/sys/kernel/random/boot_id", "boot-1\n" },
	{ "/sys/devices/system/cpu/online", "0-3\n" },
	{ "/sys/devices/system/cpu/possible", "0-3\n" },
	{ "/sys/devices/system/cpu/isolated", "2-3\n" },
	{ "/proc/cmdline", "ro quiet\n" },
	{ "/dev/cpu_dma_latency", "" },
	{ "/etc/sysctl.d/90-helix.conf", "old\n" },
	{ "/etc/dconf/profile/user", "user-db:user\nsystem-db:local\n" },
	{ "/etc/dconf/db/local", "(none)" },
	{ "/usr/bin/dconf", "" },
	{ "/etc/login.defs", "# UID_MIN 5\nUID_MIN\t1000\nUID_MAX 60000\n" },
	{ "/etc/passwd",
		"root:x:0:0:root:/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"
		"alice:x:1000:1000::/home/alice:/bin/sh\nnobody:x:65534:65534::/nowhere:\n" },
	{ "/home/bob/org.gnome.desktop.interface.enable-animations", "true" },
	{ "/usr/sbin/grub-mkconfig", "" },
	{ "/boot/grub/grub.cfg", "(none)" },
	{ "/run/units/cups.service", "active\n" },
	{ "/run/units/ssh.service", "active\n" },
	{ "/usr/lib/systemd/user/tracker.service", "" },
};
static const char *const links[] = {
	WANTS "cups.service",
	"/etc/systemd/system/printer.target.wants/cups.service",
};

void sandbox_put(struct sandbox *sandbox, const char *path, const char *text)
{
	g_autofree char *full = env_path(&sandbox->env, path);
	g_autofree char *folder = g_path_get_dirname(full);
	FILE *file;

	if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
		ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
	file = fopen(full, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	fclose(file);
}

char *sandbox_get(struct sandbox *sandbox, const char *path)
{
	char *text;

	return env_read(&sandbox->env, path, &text, NULL) ? text : g_strdup("(none)");
}

/* --- what stands for programs --- */

static int64_t now_ns(const struct env *env)
{
	return ((struct sandbox *)env->user)->now_ns;
}

static GDBusConnection *no_bus(const struct env *env, GError **error)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no bus");
	return NULL;
}

static bool run(const struct env *env, const char *const *argv, unsigned timeout_ms, char **ret_out,
	GError **error)
{
	struct sandbox *sandbox = env->user;
	bool dconf = !strcmp(argv[0], "dconf");
	g_autofree char *text = sandbox_get(sandbox,
		dconf ? "/etc/dconf/db/local.d/90-helix" : "/etc/default/grub.d/90-helix.cfg");

	if (dconf && sandbox->fail_dconf) {
		g_set_error_literal(error, G_SPAWN_EXIT_ERROR, 1, "dconf failed");
		return false;
	}
	sandbox_put(sandbox, dconf ? "/etc/dconf/db/local" : "/boot/grub/grub.cfg", text);
	*ret_out = g_strdup("");
	return true;
}

static char *unit_path(const char *unit)
{
	return g_strconcat("/run/units/", unit, NULL);
}

static bool active_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	g_autofree char *path = unit_path(unit);

	if (!env_read_line(env, path, ret, NULL))
		*ret = g_strdup("inactive");
	return true;
}

static bool file_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	g_autofree char *path = unit_path(unit), *full = NULL;
	g_autofree char *link = g_strconcat("/etc/systemd/system/", unit, NULL);
	g_autofree char *wanted = g_strconcat(WANTS, unit, NULL), *full_wanted = NULL;

	full = env_path(env, link);
	full_wanted = env_path(env, wanted);
	if (!env_exists(env, path))
		*ret = g_strdup("");
	else if (g_file_test(full, G_FILE_TEST_IS_SYMLINK))
		*ret = g_strdup("masked");
	else
		*ret = g_strdup(
			g_file_test(full_wanted, G_FILE_TEST_IS_SYMLINK) ? "enabled" : "disabled");
	return true;
}

static bool required_by(const struct env *env, const char *unit, char **ret, GError **error)
{
	*ret = g_strdup(g_str_has_prefix(unit, "needed") ? "other.service" : "");
	return true;
}

static bool start(const struct env *env, const char *unit, GError **error)
{
	g_autofree char *path = unit_path(unit);

	sandbox_put(env->user, path, "active\n");
	return true;
}

static bool stop(const struct env *env, const char *unit, GError **error)
{
	g_autofree char *path = unit_path(unit);

	if (g_str_has_prefix(unit, "stuck")) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s does not stop", unit);
		return false;
	}
	sandbox_put(env->user, path, "inactive\n");
	return true;
}

static bool reload(const struct env *env, GError **error)
{
	return true;
}

static const struct unit_manager fake_units = {
	.active_state = active_state,
	.file_state = file_state,
	.required_by = required_by,
	.start = start,
	.stop = stop,
	.reload = reload,
};

/* --- what stands for GSettings --- */

static char *key_path(const char *user, const char *schema, const char *key)
{
	return g_strdup_printf("/home/%s/%s.%s", user, schema, key);
}

static bool is_locked(const char *key, GError **error)
{
	if (!g_str_has_prefix(key, "locked"))
		return false;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "locked");
	return true;
}

static bool get_key(const struct env *env, const char *user, const char *schema, const char *key,
	bool effective, char **ret, GError **error)
{
	g_autofree char *path = key_path(user, schema, key);

	if (!env_read(env, path, ret, NULL))
		*ret = NULL;
	return true;
}

static bool set_key(const struct env *env, const char *user, const char *schema, const char *key,
	const char *value, GError **error)
{
	g_autofree char *path = key_path(user, schema, key);
	const struct durable_file file = {
		.mode = 0644,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.text = value,
	};

	if (is_locked(key, error))
		return false;
	return value ? durable_replace(env, path, &file, error) : durable_remove(env, path, error);
}

static const struct user_store fake_users = {
	.get = get_key,
	.set = set_key,
};

/* --- what stands for threads that keep guard --- */

struct rt_guard {
	struct rt_guard_config config;
};

static bool start_guard(const struct rt_guard_config *config, struct rt_guard **ret, GError **error)
{
	*ret = g_new0(struct rt_guard, 1);
	(*ret)->config.cpus = config->cpus;
	return true;
}

static bool has_fired(const struct rt_guard *guard)
{
	return false;
}

static void stop_guard(struct rt_guard *guard)
{
	g_free(guard);
}

static bool refuse_guard(
	const struct rt_guard_config *config, struct rt_guard **ret, GError **error)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "not allowed");
	return false;
}

const struct rt_guard_impl sandbox_no_guards = {
	.start = refuse_guard,
	.has_fired = has_fired,
	.stop = stop_guard,
};

static const struct rt_guard_impl fake_guards = {
	.start = start_guard,
	.has_fired = has_fired,
	.stop = stop_guard,
};

/* --- life --- */

/* Its files; its folders as well, unless they are to be filled again. */
static void remove_tree(const char *path, bool folders)
{
	GDir *dir;
	const char *name;

	if (g_file_test(path, G_FILE_TEST_IS_SYMLINK) || !(dir = g_dir_open(path, 0, NULL))) {
		g_remove(path);
		return;
	}
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_tree(below, folders);
	}
	g_dir_close(dir);
	if (folders)
		g_rmdir(path);
}

void sandbox_reset(struct sandbox *sandbox)
{
	setting_host_finish(&sandbox->host);
	remove_tree(sandbox->root, false);
	for (unsigned i = 0; i < N_ELEMENTS(files); i++)
		sandbox_put(sandbox, files[i].path, files[i].text);
	for (unsigned i = 0; i < N_ELEMENTS(links); i++) {
		g_autofree char *full = env_path(&sandbox->env, links[i]);
		g_autofree char *folder = g_path_get_dirname(full);

		g_mkdir_with_parents(folder, 0755);
		ck_assert_int_eq(symlink("/lib/systemd/system/cups.service", full), 0);
	}
}

void sandbox_init(struct sandbox *sandbox)
{
	/* Where fsync(2) costs nothing: what has to be on the disk when, the steps say. */
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();

	*sandbox = (struct sandbox){ .now_ns = 1 };
	sandbox->root = g_build_filename(where, "helix-sandbox-XXXXXX", NULL);
	ck_assert_ptr_nonnull(g_mkdtemp(sandbox->root));
	sandbox->state = g_strconcat(sandbox->root, SANDBOX_STATE, NULL);
	setting_host_init(&sandbox->host);
	sandbox->host.units = &fake_units;
	sandbox->host.users = &fake_users;
	sandbox->host.guards = &fake_guards;
	env_init(&sandbox->env, sandbox->root);
	sandbox->env.now_ns = now_ns;
	sandbox->env.run = run;
	sandbox->env.bus = no_bus;
	sandbox->env.host = &sandbox->host;
	sandbox->env.user = sandbox;
	sandbox_reset(sandbox);
}

void sandbox_finish(struct sandbox *sandbox)
{
	setting_host_finish(&sandbox->host);
	remove_tree(sandbox->root, true);
	env_finish(&sandbox->env);
	g_free(sandbox->root);
	g_free(sandbox->state);
}

void sandbox_reboot(struct sandbox *sandbox)
{
	setting_host_finish(&sandbox->host);
	for (unsigned i = 0; i < 3; i++)
		sandbox_put(sandbox, files[i].path, files[i].text);
	sandbox_put(sandbox, "/proc/sys/kernel/random/boot_id", "boot-2\n");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void dump(const char *path, const char *but, GPtrArray *lines)
{
	g_autofree char *text = NULL;
	g_autoptr(GDir) dir = NULL;
	struct stat status;
	const char *name;

	if (!strcmp(path, but) || lstat(path, &status) < 0)
		return;
	if (S_ISDIR(status.st_mode)) {
		dir = g_dir_open(path, 0, NULL);
		while ((name = g_dir_read_name(dir))) {
			g_autofree char *below = g_build_filename(path, name, NULL);

			dump(below, but, lines);
		}
		return;
	}
	if (S_ISLNK(status.st_mode))
		text = g_file_read_link(path, NULL);
	else
		g_file_get_contents(path, &text, NULL, NULL);
	g_ptr_array_add(lines, g_strdup_printf("%s %o %s", path, status.st_mode, text));
}

char *sandbox_dump(struct sandbox *sandbox)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

	dump(sandbox->root, sandbox->state, lines);
	g_ptr_array_sort(lines, compare);
	g_ptr_array_add(lines, NULL);
	return g_strjoinv("\n", (char **)lines->pdata);
}

struct plan *sandbox_plan(struct sandbox *sandbox, const char *text)
{
	struct profile *profile;
	struct plan *plan;
	GError *error = NULL;

	ck_assert_msg(
		profile_parse(text, "test", &profile, &error), "%s", error ? error->message : "");
	plan = plan_new(&sandbox->env, profile);
	profile_free(profile);
	return plan;
}
