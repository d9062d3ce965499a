/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable.h"
#include "knob.h"
#include "setting.h"

#include <string.h>

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	if (!g_str_has_prefix(setting->target, "/sys/") || strstr(setting->target, "/../") ||
		!setting->desired) {
		*ret_reason = g_strdup("not a file of /sys that could be set");
		return false;
	}
	return knob_check(env, setting->target, ret_reason);
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
