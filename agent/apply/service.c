/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service.h"

#include "../setting/host.h"
#include "service-internal.h"

#include <string.h>

#define NS_PER_MS   G_GINT64_CONSTANT(1000000)
#define LOOK_MS_MAX 60000 /* the clock that a timeout runs on stops while the machine sleeps */
#define RETRY_MS    10000 /* of what could not be noted in the journal */
#define BASE        "base"

/* --- the time to confirm --- */

static gboolean on_deadline(void *user);

static void arm_after(struct service *service, int64_t least_ms)
{
	int64_t deadline = transactions_deadline_ns(service->transactions), left_ms;

	g_clear_handle_id(&service->deadline, g_source_remove);
	if (deadline < 0)
		return;
	left_ms = (deadline - service->env->now_ns(service->env)) / NS_PER_MS + 1;
	service->deadline =
		g_timeout_add((guint)CLAMP(left_ms, least_ms, LOOK_MS_MAX), on_deadline, service);
}

static void arm(struct service *service)
{
	arm_after(service, 0);
}

static gboolean on_deadline(void *user)
{
	struct service *service = user;
	json_auto_t *results = NULL;
	bool done;

	service->deadline = 0;
	/* A journal that fails now fails the next command too, which says so. */
	done = transactions_expire(service->transactions, &results, NULL);
	arm_after(service, done ? 0 : RETRY_MS);
	return G_SOURCE_REMOVE;
}

/* --- profiles --- */

static const char *text_in(json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

static json_t *refuse(struct dialect_error *error, GError *failure)
{
	dialect_fail(error, "%s", failure->message);
	g_error_free(failure);
	return NULL;
}

static struct profile *load(
	const struct service *service, json_t *arguments, struct dialect_error *error)
{
	struct profile *profile;
	GError *failure = NULL;

	if (profile_load((const char *const *)service->profile_dirs, text_in(arguments, "name"),
		    &profile, &failure))
		return profile;
	refuse(error, failure);
	return NULL;
}

static json_t *run_list(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct service *service = user;
	const char *const *dirs = (const char *const *)service->profile_dirs;
	g_auto(GStrv) names = profile_list(dirs);
	json_t *list = json_array();

	for (char **name = names; *name; name++) {
		g_autoptr(GError) failure = NULL;
		struct profile *profile = NULL;

		if (profile_load(dirs, *name, &profile, &failure))
			json_array_append_new(
				list, json_pack("{ss ss* ss* ss}", "name", *name, "summary",
					      profile->summary, "checkpoint", profile->checkpoint,
					      "risk", setting_risk_name(profile->risk)));
		else
			json_array_append_new(list,
				json_pack("{ss ss}", "name", *name, "error", failure->message));
		profile_free(profile);
	}
	return list;
}

static char *value_of(const struct setting *setting)
{
	char sign[] = { setting->modifier, '\0' };

	return setting->desired ? g_strconcat(sign, setting->desired, NULL) : NULL;
}

static json_t *setting_json(const struct setting *setting)
{
	g_autofree char *value = value_of(setting);

	return json_pack("{ss ss ss? ss ss ss* ss* sb sb}", "kind", setting->kind->name, "target",
		setting->target, "value", value, "risk", setting_risk_name(setting->risk), "undo",
		setting->kind->undo, "reason", setting->reason, "guard", setting->guard,
		"needs-reboot", setting->needs_reboot, "optional", setting->optional);
}

static json_t *run_show(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct profile *profile = load(user, arguments, error);
	json_t *settings, *json;

	if (!profile)
		return NULL;
	settings = json_array();
	for (unsigned i = 0; i < profile->settings->len; i++)
		json_array_append_new(settings, setting_json(profile->settings->pdata[i]));
	json = json_pack("{ss ss* ss* ss so}", "name", profile->name, "summary", profile->summary,
		"checkpoint", profile->checkpoint, "risk", setting_risk_name(profile->risk),
		"settings", settings);
	profile_free(profile);
	return json;
}

static struct plan *plan_of(
	const struct service *service, json_t *arguments, struct dialect_error *error)
{
	struct profile *profile = load(service, arguments, error);
	struct plan *plan = profile ? plan_new(service->env, profile) : NULL;

	profile_free(profile);
	return plan;
}

static json_t *run_plan(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct plan *plan = plan_of(user, arguments, error);
	json_t *json = plan ? plan_json(plan) : NULL;

	plan_free(plan);
	return json;
}

/* --- changing --- */

static json_t *run_apply(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct service *service = user;
	json_int_t confirm_s = json_integer_value(json_object_get(arguments, "confirm-timeout-s"));
	struct plan *plan;
	GError *failure = NULL;
	json_t *json;
	bool done;

	if (confirm_s < 0 || confirm_s > TRANSACTION_CONFIRM_S_MAX)
		return dialect_fail(error, "confirm-timeout-s may be 0 (as the risk has it) to %u",
			TRANSACTION_CONFIRM_S_MAX);
	plan = plan_of(service, arguments, error);
	if (!plan)
		return NULL;
	done = transaction_apply(service->transactions, plan, text_in(arguments, "plan-hash"),
		(int)confirm_s, &json, &failure);
	plan_free(plan);
	arm(service);
	return done ? json : refuse(error, failure);
}

static json_t *run_confirm(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct service *service = user;
	json_int_t txn = json_integer_value(json_object_get(arguments, "txn"));
	GError *failure = NULL;

	if (!transaction_confirm(service->transactions, txn, &failure))
		return refuse(error, failure);
	arm(service);
	return json_object();
}

/* The newest transaction above one; 0: none. */
static int64_t newest_above(const struct service *service, int64_t txn)
{
	const GPtrArray *txns = transactions_ledger(service->transactions)->txns;
	const struct ledger_txn *last = txns->len ? txns->pdata[txns->len - 1] : NULL;

	return last && last->id > txn ? last->id : 0;
}

static bool undo_down_to(
	struct service *service, int64_t txn, bool force, json_t *results, GError **error)
{
	int64_t below = G_MAXINT64, id;

	while ((id = newest_above(service, txn)) && id < below) {
		json_auto_t *some = NULL;

		below = id;
		if (!transaction_rollback(service->transactions, id, force, &some, error))
			return false;
		json_array_extend(results, some);
	}
	return true;
}

/* The newest transaction that reached it; 0 for "base"; -1: nobody did. */
static int64_t find_checkpoint(const struct service *service, const char *name)
{
	const GPtrArray *txns = transactions_ledger(service->transactions)->txns;

	for (unsigned i = txns->len; i-- > 0;) {
		const struct ledger_txn *txn = txns->pdata[i];

		if (g_strcmp0(txn->checkpoint, name) == 0)
			return txn->id;
	}
	return strcmp(name, BASE) ? -1 : 0;
}

static json_t *roll_back_to(
	struct service *service, const char *name, bool force, struct dialect_error *error)
{
	int64_t txn = find_checkpoint(service, name);
	json_t *results = json_array();
	GError *failure = NULL;

	if (txn >= 0 && undo_down_to(service, txn, force, results, &failure))
		return results;
	json_decref(results);
	return failure ? refuse(error, failure)
		       : dialect_fail(error, "the checkpoint %s was not reached", name);
}

static json_t *run_rollback(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct service *service = user;
	bool force = json_is_true(json_object_get(arguments, "force"));
	const char *checkpoint = text_in(arguments, "checkpoint");
	json_t *txn = json_object_get(arguments, "txn"), *results = NULL;
	int64_t id = txn ? json_integer_value(txn) : newest_above(service, 0);
	GError *failure = NULL;

	if (checkpoint && txn)
		return dialect_fail(error, "txn and checkpoint exclude each other");
	if (checkpoint)
		results = roll_back_to(service, checkpoint, force, error);
	else if (!id)
		dialect_fail(error, "nothing is applied");
	else if (!transaction_rollback(service->transactions, id, force, &results, &failure))
		refuse(error, failure);
	arm(service);
	return results;
}

/* --- commands --- */

static const struct dialect_argument name_arguments[] = {
	{ "name", DIALECT_STRING, false, "of the profile" },
	{ NULL },
};
static const struct dialect_argument apply_arguments[] = {
	{ "name", DIALECT_STRING, false, "of the profile" },
	{ "plan-hash", DIALECT_STRING, false, "of the plan that was approved" },
	{ "confirm-timeout-s", DIALECT_INTEGER, true, "taken back after so long; 0: by risk" },
	{ NULL },
};
static const struct dialect_argument confirm_arguments[] = {
	{ "txn", DIALECT_INTEGER, false, "that waits" },
	{ NULL },
};
static const struct dialect_argument rollback_arguments[] = {
	{ "txn", DIALECT_INTEGER, true, "that is taken back; the newest" },
	{ "checkpoint", DIALECT_STRING, true, "back to it; \"base\": as before everything" },
	{ "force", DIALECT_BOOLEAN, true, "also what somebody else changed since" },
	{ NULL },
};
static const struct dialect_argument verify_arguments[] = {
	{ "name", DIALECT_STRING, true, "of the profile; all" },
	{ NULL },
};
static const struct dialect_argument latency_arguments[] = {
	{ "duration-ms", DIALECT_INTEGER, true, "up to 10000; 1000" },
	{ "priority", DIALECT_INTEGER, true, "of SCHED_FIFO, 0: SCHED_OTHER; 80" },
	{ "interval-us", DIALECT_INTEGER, true, "between wake-ups; 1000" },
	{ "cpu", DIALECT_INTEGER, true, "to run on; any" },
	{ NULL },
};

const struct dialect_command service_commands[] = {
	{ "helix-profile-list", DIALECT_READ, NULL, run_list, "the profiles there are" },
	{ "helix-profile-show", DIALECT_READ, name_arguments, run_show,
		"what a profile would set" },
	{ "helix-profile-plan", DIALECT_READ, name_arguments, run_plan,
		"what it would change, and the plan-hash to apply it" },
	{ "helix-profile-apply", DIALECT_WRITE, apply_arguments, run_apply, "changes it" },
	{ "helix-profile-confirm", DIALECT_WRITE, confirm_arguments, run_confirm,
		"keeps what was applied" },
	{ "helix-profile-rollback", DIALECT_WRITE, rollback_arguments, run_rollback,
		"puts back what was there before" },
	{ "helix-profile-verify", DIALECT_READ, verify_arguments, service_verify,
		"is what was applied in effect?" },
	{ "helix-checkpoint-list", DIALECT_READ, NULL, service_checkpoints,
		"named states, and what they changed" },
	{ "helix-journal-list", DIALECT_READ, NULL, service_journal, "transactions" },
	{ "helix-latency-run", DIALECT_READ, latency_arguments, service_latency,
		"measures scheduling latency" },
	{ NULL },
};

/* --- life --- */

struct service *service_new(const struct service_config *config, GError **error)
{
	struct service *service = g_new0(struct service, 1);
	json_auto_t *recovered = NULL, *resumed = NULL;

	service->env = config->env;
	service->profile_dirs = g_strdupv(config->profile_dirs);
	if (!transactions_open(
		    config->env, config->state_dir, &recovered, &service->transactions, error) ||
		!transactions_resume(service->transactions, &resumed, error)) {
		service_free(service);
		return NULL;
	}
	service->n_recovered = (unsigned)json_array_size(recovered);
	arm(service);
	return service;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	g_clear_handle_id(&service->deadline, g_source_remove);
	service_latency_finish(service);
	transactions_close(service->transactions);
	g_strfreev(service->profile_dirs);
	g_free(service);
}

bool service_busy(const struct service *service)
{
	const struct setting_host *host = service->env->host;

	return service->deadline || service->latency ||
	       (host->guard && !host->guards->has_fired(host->guard)) ||
	       (host->devices && g_hash_table_size(host->devices) > 0);
}

unsigned service_recovered(const struct service *service)
{
	return service->n_recovered;
}
