/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A unit of systemd. The value is "active\n" or "inactive\n" ("-\n" for units of users, which are not
 * started or stopped) and then its links, as of unit-links.h: what "enable" would make anew is put
 * back as it was. A profile says "disabled" or "masked"; "user:NAME" is a unit of all users.
 */
#include "host.h"
#include "setting.h"
#include "unit-links.h"

#include "lines.h"

#include <string.h>

#define USER_PREFIX "user:"
#define MASK        "/dev/null"
#define NOT_RUN     "-"

/* Without these nobody may get in, or sound, or see what happens. */
static const char *const denied[] = { "dbus*", "systemd-*", "NetworkManager.service", "ssh.service",
	"ssh.socket", "ssh@*", "sshd*", "dropbear*", "getty@*", "serial-getty@*", "autovt@*",
	"console-getty*", "qemu-guest-agent*", "spice-vdagent*", "helix-*", "display-manager*",
	"gdm*", "sddm*", "lightdm*", "pipewire*", "wireplumber*", "rtkit-daemon*", "polkit*",
	"apparmor*", "selinux-*", "auditd*", "firewalld*", "nftables*", "iptables*", "ufw*",
	"cron.service", "crond*", "chrony*", "cloud-*", "user@*", "init.scope",
	"networking.service", "ifup@*", "*.target", "*.mount", "*.swap", "*.slice", "*.device",
	NULL };
/* What of systemd is of no use in every machine. */
static const char *const allowed[] = { "systemd-networkd-wait-online.service",
	"systemd-oomd.service", "systemd-oomd.socket", NULL };

static bool matches(const char *const *patterns, const char *unit)
{
	for (; *patterns; patterns++)
		if (g_pattern_match_simple(*patterns, unit))
			return true;
	return false;
}

static bool is_user(const char *target)
{
	return g_str_has_prefix(target, USER_PREFIX);
}

static const char *unit_of(const char *target)
{
	return is_user(target) ? target + strlen(USER_PREFIX) : target;
}

static const char *folder_of(const char *target)
{
	return is_user(target) ? UNIT_LINKS_USER : UNIT_LINKS_SYSTEM;
}

static const struct unit_manager *manager_of(const struct env *env)
{
	return env->host && env->host->units ? env->host->units : &unit_manager_systemd;
}

/* --- does it apply --- */

static bool user_unit_exists(const struct env *env, const char *unit)
{
	static const char *const folders[] = { "/usr/lib/systemd/user", "/lib/systemd/user",
		UNIT_LINKS_USER };

	for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = g_build_filename(folders[i], unit, NULL);

		if (env_exists(env, path))
			return true;
	}
	return false;
}

static bool exists(const struct env *env, const char *target, char **ret_reason)
{
	const char *unit = unit_of(target);
	g_autofree char *state = NULL;
	g_autoptr(GError) error = NULL;

	if (is_user(target)) {
		if (user_unit_exists(env, unit))
			return true;
	} else if (!manager_of(env)->file_state(env, unit, &state, &error)) {
		*ret_reason = g_strdup_printf("systemd does not answer: %s", error->message);
		return false;
	} else if (*state) {
		return true;
	}
	*ret_reason = g_strdup_printf("there is no %s", unit);
	return false;
}

static bool may_mask(const struct env *env, const char *target, char **ret_reason)
{
	g_autofree char *by = NULL;

	if (unit_links_has_file(env, folder_of(target), unit_of(target))) {
		*ret_reason = g_strdup("its file is where the mask would have to be");
		return false;
	}
	if (is_user(target) || !manager_of(env)->required_by(env, unit_of(target), &by, NULL) ||
		!*by)
		return true;
	*ret_reason = g_strdup_printf("%s cannot be without it", by);
	return false;
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	const char *unit = unit_of(setting->target), *desired = setting->desired ?: "";
	bool mask = !strcmp(desired, "masked");

	if (!mask && strcmp(desired, "disabled") != 0)
		*ret_reason = g_strdup("a unit can be disabled or masked");
	else if (!strchr(unit, '.') || strpbrk(unit, "/ *=\n"))
		*ret_reason = g_strdup("no name of a unit");
	else if (matches(denied, unit) && !matches(allowed, unit))
		*ret_reason = g_strdup("the machine needs it: the agent never touches it");
	else
		return exists(env, setting->target, ret_reason) &&
		       (!mask || may_mask(env, setting->target, ret_reason));
	return false;
}

/* --- values --- */

static const char *links_of(const char *value)
{
	const char *newline = strchr(value, '\n');

	return newline ? newline + 1 : "";
}

static char *activity_of(const char *value)
{
	return g_strndup(value, strcspn(value, "\n"));
}

static bool is_active(const struct env *env, const char *unit, const char **ret, GError **error)
{
	static const char *const active[] = { "active", "activating", "reloading", "refreshing",
		NULL };
	g_autofree char *state = NULL;

	if (!manager_of(env)->active_state(env, unit, &state, error))
		return false;
	*ret = g_strv_contains(active, state) ? "active" : "inactive";
	return true;
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	const char *activity = NOT_RUN, *unit = unit_of(target);
	g_autofree char *links = NULL;

	if ((!is_user(target) && !is_active(env, unit, &activity, error)) ||
		!unit_links_read(env, folder_of(target), unit, &links, error))
		return false;
	*ret = g_strdup_printf("%s\n%s", activity, links ?: "");
	return true;
}

/* Of the links systemd knows what it read last, and there are some elsewhere. */
static bool agrees(const char *links, const char *unit, const char *state)
{
	g_autoptr(GTree) set = lines_parse(links);
	bool masked = g_strcmp0(g_tree_lookup(set, unit), MASK) == 0;

	if (masked)
		return g_str_has_prefix(state, "masked");
	return g_tree_nnodes(set) > 0 || !g_str_has_prefix(state, "enabled");
}

static bool effective(const struct env *env, const char *target, char **ret, GError **error)
{
	const char *unit = unit_of(target);
	g_autofree char *value = NULL, *state = NULL, *activity = NULL;

	if (!read_value(env, target, &value, error))
		return false;
	if (is_user(target)) {
		*ret = g_steal_pointer(&value);
		return true;
	}
	if (!manager_of(env)->file_state(env, unit, &state, error))
		return false;
	activity = activity_of(value);
	*ret = agrees(links_of(value), unit, state)
		       ? g_steal_pointer(&value)
		       : g_strdup_printf("%s\nsystemd says %s\n", activity, state);
	return true;
}

static bool resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error)
{
	const char *unit = unit_of(setting->target);
	g_autoptr(GTree) is = lines_parse(links_of(now)), wanted = lines_parse(NULL);
	g_autofree char *links = NULL;
	bool masked = g_strcmp0(g_tree_lookup(is, unit), MASK) == 0;

	/* Who has masked it wanted more than it to be disabled. */
	if (masked || !strcmp(setting->desired, "masked"))
		g_tree_replace(wanted, g_strdup(unit), g_strdup(MASK));
	links = lines_format(wanted);
	*ret = g_strdup_printf(
		"%s\n%s", is_user(setting->target) ? NOT_RUN : "inactive", links ?: "");
	return true;
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	const struct unit_manager *manager = manager_of(env);
	const char *unit = unit_of(target), *is = NOT_RUN;
	g_autofree char *activity = activity_of(value ?: NOT_RUN);
	bool changed;

	if (!unit_links_write(env, folder_of(target), unit, links_of(value ?: ""), &changed, error))
		return false;
	if (is_user(target))
		return true;
	if (!is_active(env, unit, &is, error))
		return false;
	if (!changed && !strcmp(is, activity))
		return true;
	if (!manager->reload(env, error))
		return false;
	if (!strcmp(is, activity))
		return true;
	return !strcmp(activity, "active") ? manager->start(env, unit, error)
					   : manager->stop(env, unit, error);
}

struct three {
	GTree *a, *b, *now;
};

/* Every link there is comes from one of the two. */
static bool is_known(const char *link, const char *target, void *user)
{
	const struct three *three = user;

	return g_strcmp0(g_tree_lookup(three->a, link), target) == 0 ||
	       g_strcmp0(g_tree_lookup(three->b, link), target) == 0;
}

/* What both have is there. */
static bool is_there(const char *link, const char *target, void *user)
{
	const struct three *three = user;

	return g_strcmp0(g_tree_lookup(three->b, link), target) != 0 ||
	       g_strcmp0(g_tree_lookup(three->now, link), target) == 0;
}

static bool between(const char *a, const char *b, const char *now)
{
	g_autoptr(GTree) of_a = NULL, of_b = NULL, of_now = NULL;
	g_autofree char *active_a = NULL, *active_b = NULL, *active = NULL;
	struct three three;

	if (!a || !b || !now)
		return false;
	three.a = of_a = lines_parse(links_of(a));
	three.b = of_b = lines_parse(links_of(b));
	three.now = of_now = lines_parse(links_of(now));
	active_a = activity_of(a);
	active_b = activity_of(b);
	active = activity_of(now);
	return (!strcmp(active, active_a) || !strcmp(active, active_b)) &&
	       lines_each(of_now, is_known, &three) && lines_each(of_a, is_there, &three);
}

const struct setting_kind setting_kind_unit = {
	.name = "unit",
	.undo = "exact: its links as they were, started again if it ran",
	.check = check,
	.read = read_value,
	.resolve = resolve,
	.write = write_value,
	.effective = effective,
	.between = between,
};
