/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setting.h"

#include "host.h"

#include <string.h>

const struct setting_kind *const setting_kinds[] = {
	&setting_kind_file,
	&setting_kind_sysctl,
	&setting_kind_sysfs,
	&setting_kind_unit,
	&setting_kind_irq,
	&setting_kind_dconf,
	&setting_kind_gsettings,
	&setting_kind_device,
	&setting_kind_cmdline,
	NULL,
};

static const char *const risk_names[] = {
	[SETTING_SAFE] = "safe",
	[SETTING_MEDIUM] = "medium",
	[SETTING_HIGH] = "high",
};

const struct setting_kind *setting_kind_find(const char *name)
{
	for (const struct setting_kind *const *kind = setting_kinds; *kind; kind++)
		if (!strcmp((*kind)->name, name))
			return *kind;
	return NULL;
}

unsigned setting_kind_order(const struct setting_kind *kind)
{
	unsigned i = 0;

	while (setting_kinds[i] && setting_kinds[i] != kind)
		i++;
	return i;
}

void setting_free(struct setting *setting)
{
	if (!setting)
		return;
	g_free(setting->target);
	g_strfreev(setting->aliases);
	g_free(setting->desired);
	g_free(setting->reason);
	g_free(setting->guard);
	g_free(setting);
}

const char *setting_risk_name(enum setting_risk risk)
{
	return risk_names[risk];
}

bool setting_risk_parse(const char *text, enum setting_risk *ret)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(risk_names); i++) {
		if (!strcmp(text, risk_names[i])) {
			*ret = (enum setting_risk)i;
			return true;
		}
	}
	return false;
}

bool setting_same(const struct setting_kind *kind, const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return kind->same ? kind->same(a, b) : !strcmp(a, b);
}

bool setting_between(const struct setting_kind *kind, const char *a, const char *b, const char *now)
{
	return kind->between && kind->between(a, b, now);
}

/* A modifier leaves what is already beyond. */
static bool resolve_number(
	const struct setting *setting, const char *now, char **ret, GError **error)
{
	gint64 wanted, is;
	bool keep;

	if (!g_ascii_string_to_signed(setting->desired, 10, G_MININT64, G_MAXINT64, &wanted, error))
		return false;
	if (!now || !g_ascii_string_to_signed(now, 10, G_MININT64, G_MAXINT64, &is, NULL)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"%s is no number that could be raised or lowered", setting->target);
		return false;
	}
	keep = setting->modifier == '>' ? is >= wanted : is <= wanted;
	*ret = g_strdup(keep ? now : setting->desired);
	return true;
}

bool setting_resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error)
{
	if (setting->kind->resolve)
		return setting->kind->resolve(env, setting, now, ret, error);
	if (setting->modifier)
		return resolve_number(setting, now, ret, error);
	*ret = g_strdup(setting->desired);
	return true;
}

bool setting_hold(const struct env *env, const struct setting_kind *kind, const char *target,
	const char *value, GError **error)
{
	return !kind->hold || kind->hold(env, target, value, error);
}

bool setting_effective(const struct env *env, const struct setting_kind *kind, const char *target,
	char **ret, GError **error)
{
	return (kind->effective ? kind->effective : kind->read)(env, target, ret, error);
}

void setting_host_init(struct setting_host *host)
{
	*host = (struct setting_host){
		.units = &unit_manager_systemd,
		.users = &user_store_gsettings,
		.guards = &rt_guard_threads,
	};
}

void setting_host_finish(struct setting_host *host)
{
	g_clear_pointer(&host->devices, g_hash_table_unref);
	g_clear_pointer(&host->silent, g_hash_table_unref);
	if (host->guard)
		host->guards->stop(host->guard);
	host->guard = NULL;
}
