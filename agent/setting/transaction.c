/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction.h"

#include "host.h"
#include "journal.h"
#include "resume.h"
#include "undo.h"
#include "verify.h"

#include <time.h>

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

struct transactions {
	const struct env *env;
	struct journal *journal;
	struct ledger *ledger;
	char *boot;
};

static void refresh(struct transactions *all)
{
	ledger_free(all->ledger);
	all->ledger = ledger_new(journal_records(all->journal), all->boot);
}

const struct ledger *transactions_ledger(const struct transactions *all)
{
	return all->ledger;
}

const json_t *transactions_records(const struct transactions *all)
{
	return journal_records(all->journal);
}

static bool record(struct transactions *all, json_t *json, GError **error)
{
	return journal_append(all->journal, json, error) && journal_sync(all->journal, error);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* --- taking back --- */

static bool undo(struct transactions *all, int64_t id, bool force, json_t *results, GError **error)
{
	bool done = undo_txn(all->env, all->journal, ledger_find(all->ledger, id), all->ledger,
		force, results, error);

	refresh(all);
	return done;
}

bool transaction_rollback(
	struct transactions *all, int64_t id, bool force, json_t **ret_results, GError **error)
{
	json_t *results;

	if (!ledger_find(all->ledger, id)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			"there is no transaction %" G_GINT64_FORMAT " that could be taken back",
			id);
		return false;
	}
	results = json_array();
	if (!undo(all, id, force, results, error)) {
		json_decref(results);
		return false;
	}
	*ret_results = results;
	return true;
}

int64_t transactions_deadline_ns(const struct transactions *all)
{
	int64_t next = -1;

	for (unsigned i = 0; i < all->ledger->txns->len; i++) {
		const struct ledger_txn *txn = all->ledger->txns->pdata[i];

		if (txn->state == LEDGER_WAITING && (next < 0 || txn->deadline_ns < next))
			next = txn->deadline_ns;
	}
	return next;
}

/* The newest first: an older one restores what was there before it. */
static const struct ledger_txn *newest(struct transactions *all, int64_t below,
	bool (*wanted)(const struct transactions *all, const struct ledger_txn *txn))
{
	for (unsigned i = all->ledger->txns->len; i-- > 0;) {
		const struct ledger_txn *txn = all->ledger->txns->pdata[i];

		if (txn->id < below && wanted(all, txn))
			return txn;
	}
	return NULL;
}

static bool undo_all(struct transactions *all,
	bool (*wanted)(const struct transactions *all, const struct ledger_txn *txn),
	json_t *results, GError **error)
{
	const struct ledger_txn *txn;
	int64_t below = G_MAXINT64;
	GError *failure = NULL;

	while ((txn = newest(all, below, wanted))) {
		below = txn->id;
		undo(all, below, false, results, failure ? NULL : &failure);
	}
	if (!failure)
		return true;
	g_propagate_error(error, failure);
	return false;
}

static bool is_overdue(const struct transactions *all, const struct ledger_txn *txn)
{
	int64_t left_ns = txn->deadline_ns - all->env->now_ns(all->env);

	/* More than there ever was: of an earlier boot, where a boot has no id. */
	return txn->state == LEDGER_WAITING &&
	       (left_ns <= 0 || left_ns > txn->confirm_s * NS_PER_S);
}

bool transactions_expire(struct transactions *all, json_t **ret_results, GError **error)
{
	json_t *results = json_array();

	if (!undo_all(all, is_overdue, results, error)) {
		json_decref(results);
		return false;
	}
	*ret_results = results;
	return true;
}

/* --- recovery --- */

static bool of_this_boot(const struct transactions *all, const struct ledger_txn *txn)
{
	return g_strcmp0(txn->boot, all->boot) == 0;
}

static bool may_be_tried(const struct transactions *all, const struct ledger_txn *txn)
{
	return txn->state == LEDGER_WAITING && txn->needs_reboot && !txn->trial &&
	       !of_this_boot(all, txn);
}

static bool is_left_over(const struct transactions *all, const struct ledger_txn *txn)
{
	return txn->state == LEDGER_OPEN || txn->state == LEDGER_UNDOING || is_overdue(all, txn) ||
	       (txn->state == LEDGER_WAITING && !of_this_boot(all, txn));
}

static bool begin_trials(struct transactions *all, GError **error)
{
	const struct ledger_txn *txn;

	while ((txn = newest(all, G_MAXINT64, may_be_tried))) {
		int64_t deadline = all->env->now_ns(all->env) + txn->confirm_s * NS_PER_S;

		if (!record(all,
			    json_pack("{ss sI ss sI}", "record", "trial", "txn",
				    (json_int_t)txn->id, "boot", all->boot, "deadline-ns",
				    (json_int_t)deadline),
			    error))
			return false;
		refresh(all);
	}
	return true;
}

/* Only what is held is needed, in a journal that has grown long. */
static bool turn_when_due(struct transactions *all, GError **error)
{
	const struct setting_host *host = all->env->host;
	size_t due = host && host->journal_turn ? host->journal_turn : JOURNAL_TURN;
	json_int_t last = all->ledger->next_txn - 1;
	json_t *kept, *one;
	bool done;
	size_t i;

	if (journal_size(all->journal) < due)
		return true;
	kept = json_array();
	json_array_append_new(kept, json_pack("{ss sI}", "record", "start", "txn", last));
	json_array_foreach(journal_records(all->journal), i,
		one) if (ledger_find(all->ledger, json_integer_value(json_object_get(one, "txn"))))
		json_array_append(kept, one);
	done = journal_turn(all->journal, kept, error);
	refresh(all);
	return done;
}

static bool recover(struct transactions *all, json_t *results, GError **error)
{
	bool begun = begin_trials(all, error);

	return undo_all(all, is_left_over, results, begun ? error : NULL) && begun &&
	       turn_when_due(all, error);
}

bool transactions_open(const struct env *env, const char *folder, json_t **ret_results,
	struct transactions **ret, GError **error)
{
	struct transactions *all = g_new0(struct transactions, 1);
	json_auto_t *results = json_array();

	all->env = env;
	all->boot = env_boot_id(env);
	if (!journal_open(env, folder, &all->journal, error)) {
		transactions_close(all);
		return false;
	}
	refresh(all);
	if (!recover(all, results, error)) {
		transactions_close(all);
		return false;
	}
	/* Links that were back in place before the crash may be news to systemd. */
	if (json_array_size(results) > 0 && env->host && env->host->units)
		env->host->units->reload(env, NULL);
	if (ret_results)
		*ret_results = json_incref(results);
	*ret = all;
	return true;
}

void transactions_close(struct transactions *all)
{
	if (!all)
		return;
	ledger_free(all->ledger);
	journal_close(all->journal);
	g_free(all->boot);
	g_free(all);
}

/* --- applying --- */

/* What does not change is held as well when another transaction holds it: that one may go. */
static bool takes_part(const struct transactions *all, const struct plan_entry *entry)
{
	return !entry->skip && (entry->change || ledger_top(all->ledger, entry->setting->kind,
							 entry->setting->target));
}

static bool write_begin(
	struct transactions *all, const struct plan *plan, int64_t id, GError **error)
{
	return journal_append(all->journal,
		json_pack("{ss sI ss ss* ss sI ss}", "record", "begin", "txn", (json_int_t)id,
			"profile", plan->profile, "checkpoint", plan->checkpoint, "boot", all->boot,
			"time", (json_int_t)time(NULL), "hash", plan->hash),
		error);
}

static bool write_intent(
	struct transactions *all, const struct plan_entry *entry, int64_t id, GError **error)
{
	const struct setting *setting = entry->setting;
	const struct ledger_layer *top = ledger_top(all->ledger, setting->kind, setting->target);

	return journal_append(all->journal,
		json_pack("{ss sI ss ss so so so sb ss}", "record", "intent", "txn", (json_int_t)id,
			"kind", setting->kind->name, "target", setting->target, "original",
			text_or_null(top ? top->original : entry->current), "before",
			text_or_null(entry->current), "desired", text_or_null(entry->desired),
			"volatile", setting->kind->volatile_, "boot", all->boot),
		error);
}

static bool write_intents(
	struct transactions *all, const struct plan *plan, int64_t id, GError **error)
{
	bool done = write_begin(all, plan, id, error);

	for (unsigned i = 0; done && i < plan->entries->len; i++) {
		const struct plan_entry *entry = plan->entries->pdata[i];

		if (takes_part(all, entry))
			done = write_intent(all, entry, id, error);
	}
	return done && journal_sync(all->journal, error);
}

static bool set(const struct env *env, const struct plan_entry *entry, GError **error)
{
	const struct setting *setting = entry->setting;
	g_autofree char *now = NULL;

	if (!setting_hold(env, setting->kind, setting->target, entry->desired, error) ||
		!setting->kind->write(env, setting->target, entry->desired, error) ||
		!setting->kind->read(env, setting->target, &now, error))
		return false;
	if (setting_same(setting->kind, entry->desired, now))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "reads back as %.80s", now ?: "absent");
	return false;
}

static void add_result(
	json_t *results, const struct plan_entry *entry, const char *result, const char *message)
{
	json_array_append_new(
		results, json_pack("{ss ss ss ss*}", "kind", entry->setting->kind->name, "target",
				 entry->setting->target, "result", result, "message", message));
}

/* A setting that failed and may leaves the transaction, once it is as it was. */
static bool leave_out(
	struct transactions *all, const struct plan_entry *entry, int64_t id, GError **error)
{
	const struct setting *setting = entry->setting;

	return record(all,
		json_pack("{ss sI ss ss}", "record", "skipped", "txn", (json_int_t)id, "kind",
			setting->kind->name, "target", setting->target),
		error);
}

static bool put_back(struct transactions *all, const struct plan_entry *entry, GError **error)
{
	const struct setting *setting = entry->setting;
	bool held = ledger_top(all->ledger, setting->kind, setting->target);
	g_autoptr(GError) why = NULL;

	if (setting->kind->write(all->env, setting->target, entry->current, &why) ||
		g_error_matches(why, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)) {
		setting_hold(all->env, setting->kind, setting->target, held ? entry->current : NULL,
			NULL);
		return true;
	}
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

static bool set_one(struct transactions *all, const struct plan_entry *entry, int64_t id,
	json_t *results, GError **error)
{
	g_autoptr(GError) why = NULL;
	bool impossible;

	if (set(all->env, entry, &why)) {
		add_result(results, entry, "applied", NULL);
		return true;
	}
	impossible = g_error_matches(why, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
	add_result(results, entry, impossible ? "skipped" : "failed", why->message);
	if (impossible || entry->setting->optional)
		return (impossible || put_back(all, entry, error)) &&
		       leave_out(all, entry, id, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s %s: %s", entry->setting->kind->name,
		entry->setting->target, why->message);
	return false;
}

static bool set_all(struct transactions *all, const struct plan *plan, int64_t id, json_t *results,
	GError **error)
{
	for (unsigned i = 0; i < plan->entries->len; i++) {
		const struct plan_entry *entry = plan->entries->pdata[i];

		if (takes_part(all, entry) && !set_one(all, entry, id, results, error))
			return false;
	}
	return true;
}

static bool commit(struct transactions *all, int64_t id, unsigned confirm_s, GError **error)
{
	int64_t deadline = all->env->now_ns(all->env) + confirm_s * NS_PER_S;

	return record(all,
		json_pack("{ss sI sI ss sI}", "record", "commit", "txn", (json_int_t)id,
			"confirm-s", (json_int_t)confirm_s, "boot", all->boot, "deadline-ns",
			(json_int_t)deadline),
		error);
}

static bool any_takes_part(const struct transactions *all, const struct plan *plan)
{
	for (unsigned i = 0; i < plan->entries->len; i++)
		if (takes_part(all, plan->entries->pdata[i]))
			return true;
	return false;
}

/* What began is taken back when it cannot be ended; what that cannot do, the next start does. */
static void abandon(struct transactions *all, int64_t id)
{
	json_auto_t *results = json_array();

	refresh(all);
	if (ledger_find(all->ledger, id))
		undo(all, id, false, results, NULL);
}

static unsigned confirm_time(const struct plan *plan, int confirm_s)
{
	if (confirm_s > 0)
		return MIN((unsigned)confirm_s, TRANSACTION_CONFIRM_S_MAX);
	return confirm_s == 0 && plan->risk >= SETTING_MEDIUM ? TRANSACTION_CONFIRM_S : 0;
}

bool transaction_apply(struct transactions *all, const struct plan *plan, const char *hash,
	int confirm_s, json_t **ret, GError **error)
{
	unsigned wait_s = confirm_time(plan, confirm_s);
	json_auto_t *results = json_array();
	int64_t id = all->ledger->next_txn;

	if (g_strcmp0(plan->hash, hash) != 0) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			"this is not the plan that was approved: the machine has changed since");
		return false;
	}
	if (!turn_when_due(all, error))
		return false;
	if (!any_takes_part(all, plan)) {
		*ret = json_pack("{sI sI sO}", "txn", (json_int_t)0, "confirm-s", (json_int_t)0,
			"results", results);
		return true;
	}
	if (!write_intents(all, plan, id, error) || !set_all(all, plan, id, results, error) ||
		!commit(all, id, wait_s, error)) {
		abandon(all, id);
		return false;
	}
	refresh(all);
	*ret = json_pack("{sI sI sO}", "txn", (json_int_t)id, "confirm-s", (json_int_t)wait_s,
		"results", results);
	return true;
}

bool transaction_confirm(struct transactions *all, int64_t id, GError **error)
{
	const struct ledger_txn *txn = ledger_find(all->ledger, id);
	bool done;

	if (!txn || txn->state != LEDGER_WAITING) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			"no transaction %" G_GINT64_FORMAT " waits to be confirmed", id);
		return false;
	}
	done = record(
		all, json_pack("{ss sI}", "record", "confirmed", "txn", (json_int_t)id), error);
	refresh(all);
	return done;
}

bool transactions_resume(struct transactions *all, json_t **ret_results, GError **error)
{
	struct ledger *before = all->ledger;
	bool done = resume_intents(all->env, all->journal, before, all->boot, error);
	json_t *results = json_array();

	all->ledger = ledger_new(journal_records(all->journal), all->boot);
	if (done)
		resume_write(all->env, before, all->ledger, results);
	ledger_free(before);
	if (done)
		*ret_results = results;
	else
		json_decref(results);
	return done;
}

/* --- verifying --- */

json_t *transactions_verify(const struct transactions *all)
{
	return verify_ledger(all->env, all->ledger);
}
