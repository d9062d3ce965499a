/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is a profile, as an administrator may write it. Whatever it says, a plan of it is the same
 * twice, and changes nothing that the agent must not touch.
 */

#include "fuzz-target.h"
#include "profile.h"
#include "setting/host.h"
#include "setting/plan.h"

#include <glib/gstdio.h>
#include <string.h>

static char *root;

static const struct {
	const char *path, *text;
} files[] = {
	{ "/proc/sys/kernel/random/boot_id", "boot\n" },
	{ "/proc/sys/kernel/sched_rt_runtime_us", "950000\n" },
	{ "/proc/sys/vm/swappiness", "60\n" },
	{ "/proc/sys/vm/nr_hugepages", "0\n" },
	{ "/proc/meminfo", "MemAvailable: 1024 kB\nHugepagesize: 2048 kB\n" },
	{ "/proc/irq/24/smp_affinity_list", "0-3\n" },
	{ "/proc/cmdline", "ro\n" },
	{ "/sys/devices/system/cpu/possible", "0-3\n" },
	{ "/sys/devices/system/cpu/online", "0-3\n" },
	{ "/sys/devices/system/cpu/isolated", "\n" },
	{ "/sys/a/knob", "always [madvise] never\n" },
	{ "/sys/b/knob", "1\n" },
	{ "/dev/cpu_dma_latency", "" },
	{ "/etc/90-helix.conf", "old\n" },
	{ "/etc/passwd", "root\n" },
	{ "/usr/bin/dconf", "" },
	{ "/usr/sbin/grub-mkconfig", "" },
	{ "/boot/grub/grub.cfg", "" },
	{ "/usr/lib/systemd/user/a.service", "" },
};

static void remove_folder(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		remove_folder(below);
	}
	g_remove(path);
}

static void remove_root(void)
{
	remove_folder(root);
	g_free(root);
}

static void make_root(void)
{
	root = g_dir_make_tmp("fuzz-profile-XXXXXX", NULL);
	PROMISE(root);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strconcat(root, files[i].path, NULL);
		g_autofree char *folder = g_path_get_dirname(path);

		PROMISE(g_mkdir_with_parents(folder, 0700) == 0);
		PROMISE(g_file_set_contents(path, files[i].text, -1, NULL));
	}
	atexit(remove_root);
}

/* --- every unit is there, and nobody needs it --- */

static bool active_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	*ret = g_strdup("active");
	return true;
}

static bool file_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	*ret = g_strdup("enabled");
	return true;
}

static bool required_by(const struct env *env, const char *unit, char **ret, GError **error)
{
	*ret = g_strdup("");
	return true;
}

static bool no_change(const struct env *env, const char *unit, GError **error)
{
	PROMISE(!"a plan changes a unit");
	return false;
}

static bool no_reload(const struct env *env, GError **error)
{
	return no_change(env, NULL, error);
}

static const struct unit_manager manager = {
	.active_state = active_state,
	.file_state = file_state,
	.start = no_change,
	.stop = no_change,
	.required_by = required_by,
	.reload = no_reload,
};

static bool no_program(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error)
{
	PROMISE(!"a plan runs a program");
	return false;
}

/* --- promises --- */

static bool is_path_below(const char *path, const char *folder)
{
	return g_str_has_prefix(path, folder) && !strstr(path, "/../");
}

static void check_entry(const struct plan_entry *entry)
{
	const struct setting_kind *kind = entry->setting->kind;
	const char *target = entry->setting->target;
	g_autofree char *base = g_path_get_basename(target);

	if (entry->skip) {
		PROMISE(!entry->change);
		return;
	}
	if (kind == &setting_kind_file)
		PROMISE(is_path_below(target, "/etc/") && strcmp(base, "passwd") != 0);
	else if (kind == &setting_kind_sysfs)
		PROMISE(is_path_below(target, "/sys/"));
	else if (kind == &setting_kind_sysctl)
		PROMISE(!strstr(target, ".."));
	else if (kind == &setting_kind_unit)
		PROMISE(!strchr(target, '/') && strcmp(target, "user:ssh.service") != 0 &&
			strcmp(target, "ssh.service") != 0);
	else if (kind == &setting_kind_cmdline)
		PROMISE(!strpbrk(entry->desired, "\"'$`\\ ;#(){}<>&|*?~"));
}

static void check_plan(const struct plan *plan)
{
	json_t *json = plan_json(plan);
	char *text = json_dumps(json, 0);

	PROMISE(text);
	for (unsigned i = 0; i < plan->entries->len; i++)
		check_entry(plan->entries->pdata[i]);
	free(text);
	json_decref(json);
}

static int compare(const struct setting *a, const struct setting *b)
{
	int order = (int)setting_kind_order(a->kind) - (int)setting_kind_order(b->kind);

	return order ? order : strcmp(a->target, b->target);
}

static struct plan *plan_of(const struct env *env, const char *text)
{
	struct profile *profile;
	struct plan *plan;

	if (!profile_parse(text, "input", &profile, NULL))
		return NULL;
	for (unsigned i = 1; i < profile->settings->len; i++)
		PROMISE(compare(profile->settings->pdata[i - 1], profile->settings->pdata[i]) < 0);
	plan = plan_new(env, profile);
	profile_free(profile);
	return plan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct setting_host host = { .units = &manager };
	g_autofree char *text = g_strndup((const char *)data, size);
	struct plan *plan, *again;
	struct env env;

	if (!root)
		make_root();
	env_init(&env, root);
	env.host = &host;
	env.run = no_program;
	plan = plan_of(&env, text);
	again = plan_of(&env, text);
	PROMISE(!plan == !again);
	if (plan) {
		check_plan(plan);
		PROMISE(!strcmp(plan->hash, again->hash));
	}
	plan_free(plan);
	plan_free(again);
	setting_host_finish(&host);
	env_finish(&env);
	return 0;
}
