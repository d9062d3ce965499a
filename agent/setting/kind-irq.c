/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable.h"
#include "knob.h"
#include "setting.h"

#include <string.h>

#define FOLDER "/proc/irq"

static char *path_of(const char *target, const char *name)
{
	return g_strdup_printf(FOLDER "/%s/%s", target, name);
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autofree char *path = path_of(setting->target, "smp_affinity_list");
	struct env_cpus cpus;

	if (!is_number(setting->target)) {
		*ret_reason = g_strdup("there is no such interrupt");
		return false;
	}
	if (!setting->desired || !env_cpus_parse(setting->desired, &cpus) ||
		env_cpus_count(&cpus) == 0) {
		*ret_reason = g_strdup("needs a list of CPUs");
		return false;
	}
	return knob_check(env, path, ret_reason);
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *path = path_of(target, "smp_affinity_list");

	return knob_read(env, path, ret, error);
}

static bool within(const char *some, const char *all)
{
	struct env_cpus inner, outer;

	if (!env_cpus_parse(some, &inner) || !env_cpus_parse(all, &outer))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(inner.bits); i++)
		if (inner.bits[i] & ~outer.bits[i])
			return false;
	return true;
}

/* An interrupt that keeps off the other CPUs already stays where somebody put it. */
static bool resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error)
{
	*ret = g_strdup(now && within(now, setting->desired) ? now : setting->desired);
	return true;
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *path = path_of(target, "smp_affinity_list");
	g_autofree char *line = g_strconcat(value ?: "", "\n", NULL);
	g_autoptr(GError) why = NULL;

	if (durable_poke(env, path, line, &why))
		return true;
	/* What the kernel says of the interrupts that it places itself. */
	if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_IO) ||
		g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_PERM) ||
		g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			"interrupt %s is placed by the kernel", target);
	else
		g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

static bool effective(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *path = path_of(target, "effective_affinity_list");
	g_autofree char *wanted = NULL, *is = NULL;

	if (!read_value(env, target, &wanted, error))
		return false;
	/* Of the CPUs that it may use the kernel takes some. */
	if (!knob_read(env, path, &is, NULL) || !*is || within(is, wanted))
		*ret = g_steal_pointer(&wanted);
	else
		*ret = g_steal_pointer(&is);
	return true;
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a, b) || (within(a, b) && within(b, a));
}

static char **expand(const struct env *env, const char *target)
{
	g_auto(GStrv) names = env_list(env, FOLDER);
	GPtrArray *found = g_ptr_array_new();

	for (char **name = names; *name; name++)
		if (is_number(*name) && g_pattern_match_simple(target, *name))
			g_ptr_array_add(found, g_strdup(*name));
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}

const struct setting_kind setting_kind_irq = {
	.name = "irq",
	.volatile_ = true,
	.undo = "exact, at once",
	.check = check,
	.read = read_value,
	.resolve = resolve,
	.write = write_value,
	.effective = effective,
	.same = same,
	.expand = expand,
};
