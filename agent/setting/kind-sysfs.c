/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable.h"
#include "knob.h"
#include "setting.h"

#include <string.h>

#define SIZE_PREFIX "hugepages-"

/* .../hugepages-2048kB/nr_hugepages, and what begins so: _mempolicy. */
static bool check_hugepages(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autofree char *folder = g_path_get_dirname(setting->target);
	g_autofree char *size = g_path_get_basename(folder);
	guint64 page_kb = 0;

	if (g_str_has_prefix(size, SIZE_PREFIX))
		page_kb = g_ascii_strtoull(size + strlen(SIZE_PREFIX), NULL, 10);
	if (page_kb > 0)
		return knob_fits_memory(env, setting->desired, page_kb, ret_reason);
	*ret_reason = g_strdup("its folder does not say how large the pages are");
	return false;
}

static bool is_hugepages(const char *target)
{
	g_autofree char *name = g_path_get_basename(target);

	return g_str_has_prefix(name, "nr_hugepages");
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	if (!g_str_has_prefix(setting->target, "/sys/") || strstr(setting->target, "/../") ||
		!setting->desired) {
		*ret_reason = g_strdup("not a file of /sys that could be set");
		return false;
	}
	if (!knob_check(env, setting->target, ret_reason))
		return false;
	return !is_hugepages(setting->target) || check_hugepages(env, setting, ret_reason);
}

/* "always [madvise] never": one of these. */
static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *text = NULL;
	const char *open, *close;

	if (!knob_read(env, target, &text, error))
		return false;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	*ret = close ? g_strndup(open + 1, (gsize)(close - open - 1)) : g_steal_pointer(&text);
	return true;
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *line = g_strconcat(value ?: "", "\n", NULL);

	return durable_poke(env, target, line, error);
}

static bool is_mask(const char *text)
{
	return *text && strspn(text, "0123456789abcdefABCDEF,") == strlen(text);
}

/* "00000000,00000003" is "3", and 10 is no number of another base. */
static char *plain_mask(const char *text)
{
	GString *plain = g_string_new(NULL);

	for (; *text; text++)
		if (*text != ',' && (*text != '0' || plain->len))
			g_string_append_c(plain, g_ascii_tolower(*text));
	return g_string_free(plain, FALSE);
}

static bool same(const char *a, const char *b)
{
	g_autofree char *x = NULL, *y = NULL;

	if (!is_mask(a) || !is_mask(b))
		return !strcmp(a, b);
	x = plain_mask(a);
	y = plain_mask(b);
	return !strcmp(x, y);
}

const struct setting_kind setting_kind_sysfs = {
	.name = "sysfs",
	.volatile_ = true,
	.undo = "exact, at once",
	.check = check,
	.read = read_value,
	.write = write_value,
	.same = same,
	.expand = knob_expand,
};
