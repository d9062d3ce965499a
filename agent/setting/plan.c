/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "guard.h"
#include "variables.h"

#include <string.h>

static void entry_free(struct plan_entry *entry)
{
	setting_free(entry->setting);
	g_free(entry->current);
	g_free(entry->desired);
	g_free(entry->skip);
	g_free(entry);
}

static struct setting *copy(const struct setting *setting, const char *target)
{
	struct setting *made = g_new0(struct setting, 1);

	*made = *setting;
	made->target = g_strdup(target);
	made->aliases = NULL;
	made->desired = g_strdup(setting->desired);
	made->reason = g_strdup(setting->reason);
	made->guard = g_strdup(setting->guard);
	return made;
}

/* False: *ret_skip says why. */
static bool applies(
	const struct env *env, GHashTable *variables, struct setting *setting, char **ret_skip)
{
	g_autoptr(GError) error = NULL;
	char *expanded = NULL;

	if (setting->guard && guard_holds(env, setting->guard, ret_skip))
		return false;
	if (setting->desired) {
		if (!variables_expand(env, variables, setting->desired, &expanded, &error)) {
			*ret_skip = g_strdup(error->message);
			return false;
		}
		g_free(setting->desired);
		setting->desired = expanded;
	}
	return setting->kind->check(env, setting, ret_skip);
}

static void compare_with_machine(const struct env *env, struct plan_entry *entry)
{
	const struct setting *setting = entry->setting;
	g_autoptr(GError) error = NULL;

	if (!setting->kind->read(env, setting->target, &entry->current, &error) ||
		!setting_resolve(env, setting, entry->current, &entry->desired, &error)) {
		entry->skip = g_strdup(error->message);
		return;
	}
	entry->change = !setting_same(setting->kind, entry->desired, entry->current);
}

static struct plan_entry *entry_new(const struct env *env, GHashTable *variables,
	const struct setting *setting, const char *target)
{
	struct plan_entry *entry = g_new0(struct plan_entry, 1);

	entry->setting = copy(setting, target);
	if (applies(env, variables, entry->setting, &entry->skip))
		compare_with_machine(env, entry);
	return entry;
}

/* The first name of a setting that applies; where none does, the first one. */
static struct plan_entry *entry_by_name(
	const struct env *env, GHashTable *variables, const struct setting *setting)
{
	struct plan_entry *entry = entry_new(env, variables, setting, setting->target);

	for (char **alias = setting->aliases; entry->skip && alias && *alias; alias++) {
		struct plan_entry *other = entry_new(env, variables, setting, *alias);

		if (other->skip) {
			entry_free(other);
			continue;
		}
		entry_free(entry);
		entry = other;
	}
	return entry;
}

static void add_setting(const struct env *env, GHashTable *variables, const struct setting *setting,
	struct plan *plan)
{
	g_auto(GStrv) targets = NULL;

	if (setting->kind->expand && strchr(setting->target, '*'))
		targets = setting->kind->expand(env, setting->target);
	if (!targets || !*targets) {
		g_ptr_array_add(plan->entries, entry_by_name(env, variables, setting));
		return;
	}
	for (char **target = targets; *target; target++)
		g_ptr_array_add(plan->entries, entry_new(env, variables, setting, *target));
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *entry_json(const struct plan_entry *entry)
{
	const struct setting *setting = entry->setting;
	json_t *json = json_pack("{ss ss sb ss ss sb ss}", "kind", setting->kind->name, "target",
		setting->target, "change", entry->change, "risk", setting_risk_name(setting->risk),
		"undo", setting->kind->undo, "needs-reboot", setting->needs_reboot, "reason",
		setting->reason ?: "");

	if (entry->skip) {
		json_object_set_new(json, "na-reason", json_string(entry->skip));
		return json;
	}
	json_object_set_new(json, "current", text_or_null(entry->current));
	json_object_set_new(json, "desired", text_or_null(entry->desired));
	return json;
}

json_t *plan_json(const struct plan *plan)
{
	json_t *json, *entries = json_array();
	unsigned changes = 0;

	for (unsigned i = 0; i < plan->entries->len; i++) {
		const struct plan_entry *entry = plan->entries->pdata[i];

		changes += entry->change;
		json_array_append_new(entries, entry_json(entry));
	}
	json = json_pack("{ss* ss ss sb si so}", "profile", plan->profile, "boot-id", plan->boot,
		"risk", setting_risk_name(plan->risk), "needs-confirm",
		plan->risk >= SETTING_MEDIUM, "changes", (int)changes, "entries", entries);
	if (plan->hash)
		json_object_set_new(json, "plan-hash", json_string(plan->hash));
	return json;
}

static char *hash_of(const struct plan *plan)
{
	json_auto_t *json = plan_json(plan);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

	free(text);
	return hash;
}

struct plan *plan_new(const struct env *env, const struct profile *profile)
{
	struct plan *plan = g_new0(struct plan, 1);

	plan->profile = g_strdup(profile->name);
	plan->checkpoint = g_strdup(profile->checkpoint);
	plan->boot = env_boot_id(env);
	plan->entries = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
	for (unsigned i = 0; i < profile->settings->len; i++)
		add_setting(env, profile->variables, profile->settings->pdata[i], plan);
	for (unsigned i = 0; i < plan->entries->len; i++) {
		const struct plan_entry *entry = plan->entries->pdata[i];

		if (entry->change)
			plan->risk = MAX(plan->risk, entry->setting->risk);
	}
	plan->hash = hash_of(plan);
	return plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	g_free(plan->profile);
	g_free(plan->checkpoint);
	g_free(plan->boot);
	g_free(plan->hash);
	g_ptr_array_unref(plan->entries);
	g_free(plan);
}
