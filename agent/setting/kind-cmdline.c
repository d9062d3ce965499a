/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of the kernel, as a drop-in of GRUB. The value is lines "NAME=VALUE" ("NAME=" for
 * a word alone): put together from words, never by adding text to text. */
#include "durable.h"
#include "lines.h"
#include "setting.h"

#include <string.h>

#define DROP_IN  "/etc/default/grub.d/90-helix.cfg"
#define MKCONFIG "/usr/sbin/grub-mkconfig"
#define CONFIG   "/boot/grub/grub.cfg"
#define BEFORE   "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX"
#define HEAD     "# Made by helix-applyd, which also takes it back.\n"
#define RUN_MS   30000u
#define CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:-+@/"

/* What a profile may say: words that change how fast the machine is, not what it boots. */
static const char *const words[] = { "isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "nohz",
	"threadirqs", "skew_tick", "tsc", "clocksource", "nosoftlockup", "nowatchdog",
	"nmi_watchdog", "preempt", "psi", "transparent_hugepage", "default_hugepagesz",
	"hugepagesz", "hugepages", "rcupdate.rcu_normal_after_boot",
	"rcutree.nohz_full_patience_delay", "workqueue.unbound_cpus", "intel_pstate", "amd_pstate",
	NULL };

struct judgement {
	const struct env *env;
	const char *wrong; /* static */
};

static const char *judge_cpus(const struct env *env, const char *name, const char *value)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);
	static const char *const flags[] = { "nohz", "domain", "managed_irq", NULL };
	g_autofree char *text = NULL, *list = NULL;
	struct env_cpus cpus, possible;
	char **part = parts;

	while (!strcmp(name, "isolcpus") && *part && g_strv_contains(flags, *part))
		part++;
	list = g_strjoinv(",", part);
	if (!*list || !env_cpus_parse(list, &cpus))
		return "is no list of CPUs";
	if (!env_read_line(env, "/sys/devices/system/cpu/possible", &text, NULL) ||
		!env_cpus_parse(text, &possible))
		return "cannot be checked against the CPUs of this machine";
	for (unsigned cpu = 0; cpu < ENV_CPUS_MAX; cpu++)
		if (env_cpus_has(&cpus, cpu) && !env_cpus_has(&possible, cpu))
			return "has a CPU that this machine does not have";
	if (!strcmp(name, "irqaffinity"))
		return NULL;
	if (env_cpus_has(&cpus, 0))
		return "has CPU 0, which keeps the time";
	return env_cpus_count(&cpus) < env_cpus_count(&possible) ? NULL : "leaves no CPU";
}

static bool judge(const char *name, const char *value, void *user)
{
	static const char *const cpu_words[] = { "isolcpus", "nohz_full", "rcu_nocbs",
		"irqaffinity", NULL };
	struct judgement *judgement = user;

	if (!g_strv_contains(words, name))
		judgement->wrong = "is no word that the agent sets";
	else if (strspn(value, CHARS) != strlen(value))
		judgement->wrong = "has a character that the boot loader would read";
	else if (g_strv_contains(cpu_words, name))
		judgement->wrong = judge_cpus(judgement->env, name, value);
	if (!judgement->wrong)
		return true;
	return false;
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autoptr(GTree) set = lines_parse(setting->desired);
	struct judgement judgement = { .env = env };

	if (!env_exists(env, MKCONFIG) || !env_exists(env, CONFIG))
		*ret_reason = g_strdup("the boot loader is not GRUB with " MKCONFIG);
	else if (g_tree_nnodes(set) == 0)
		*ret_reason = g_strdup("needs words");
	else if (!lines_each(set, judge, &judgement))
		*ret_reason = g_strdup_printf("a word %s", judgement.wrong);
	else
		return true;
	return false;
}

static bool parse_words(const char *text, GTree *set)
{
	const char *start = strstr(text, BEFORE), *end = start ? strrchr(start, '"') : NULL;
	g_auto(GStrv) list = NULL;
	g_autofree char *inner = NULL;

	if (!start || end < start + strlen(BEFORE))
		return false;
	start += strlen(BEFORE);
	inner = g_strndup(start, (gsize)(end - start));
	list = g_strsplit(inner, " ", -1);
	for (char **word = list; *word; word++) {
		char *equals = strchr(*word, '=');

		if (**word)
			g_tree_replace(set,
				equals ? g_strndup(*word, (gsize)(equals - *word))
				       : g_strdup(*word),
				g_strdup(equals ? equals + 1 : ""));
	}
	return true;
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autoptr(GTree) set = lines_parse(NULL);
	g_autofree char *text = NULL;

	if (!env_exists(env, DROP_IN)) {
		*ret = NULL;
		return true;
	}
	if (!env_read(env, DROP_IN, &text, error))
		return false;
	if (!parse_words(text, set)) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			DROP_IN " is not as helix-applyd writes it");
		return false;
	}
	*ret = lines_format(set);
	return true;
}

static bool resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error)
{
	*ret = lines_merge(now, setting->desired);
	return true;
}

static bool add_word(const char *name, const char *value, void *user)
{
	g_string_append_printf(user, " %s%s%s", name, *value ? "=" : "", value);
	return true;
}

static bool write_file(const struct env *env, const char *value, GError **error)
{
	g_autoptr(GTree) set = lines_parse(value);
	g_autoptr(GString) text = g_string_new(HEAD BEFORE);
	struct durable_file file = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };

	if (!value)
		return durable_remove(env, DROP_IN, error);
	lines_each(set, add_word, text);
	g_string_append(text, "\"\n");
	file.text = text->str;
	return durable_replace(env, DROP_IN, &file, error);
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *config = env_path(env, CONFIG), *out = NULL;
	const char *const argv[] = { "grub-mkconfig", "-o", config, NULL };

	if (!write_file(env, value, error))
		return false;
	durable_step(env, "grub-mkconfig");
	return env->run(env, argv, RUN_MS, &out, error);
}

static bool look_up(const char *name, const char *value, void *user)
{
	GTree **sets = user; /* of the machine; found */
	const char *is = g_tree_lookup(sets[0], name);

	if (is)
		g_tree_replace(sets[1], g_strdup(name), g_strdup(is));
	return true;
}

/* Of the words of the drop-in those that the kernel was started with. */
static bool effective(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autoptr(GTree) booted = lines_parse(NULL), found = lines_parse(NULL), wanted = NULL;
	g_autofree char *text = NULL, *all = NULL, *now = NULL;
	GTree *sets[] = { booted, found };

	if (!read_value(env, target, &now, error) ||
		!env_read_line(env, "/proc/cmdline", &text, error))
		return false;
	all = g_strconcat(BEFORE, " ", text, "\"", NULL);
	parse_words(all, booted);
	wanted = lines_parse(now);
	lines_each(wanted, look_up, sets);
	*ret = lines_format(found);
	return true;
}

const struct setting_kind setting_kind_cmdline = {
	.name = "cmdline",
	.needs_reboot = true,
	.undo = "exact, after a reboot",
	.check = check,
	.read = read_value,
	.resolve = resolve,
	.write = write_value,
	.effective = effective,
};
