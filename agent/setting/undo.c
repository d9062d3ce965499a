/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "undo.h"

struct undo {
	const struct env *env;
	struct ledger *ledger;
	struct journal *journal;
	bool force;
	GError *failure; /* of the journal, the first one */
};

static bool is_ours(const struct ledger_layer *layer, const char *target_value, const char *now)
{
	return setting_same(layer->kind, layer->desired, now) ||
	       setting_same(layer->kind, target_value, now) ||
	       setting_between(layer->kind, target_value, layer->desired, now);
}

/* Writes also when it is so already: a crash may have left it half durable. */
static bool restore(const struct env *env, const struct ledger_layer *layer, const char *back,
	const char *now, GError **error)
{
	g_autoptr(GError) why = NULL;
	g_autofree char *then = NULL;

	if (!layer->kind->write(env, layer->target, back, &why)) {
		/* What can never be changed was not. */
		if (setting_same(layer->kind, back, now) &&
			g_error_matches(why, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
			return true;
		g_propagate_error(error, g_steal_pointer(&why));
		return false;
	}
	if (!layer->kind->read(env, layer->target, &then, error))
		return false;
	if (setting_same(layer->kind, back, then))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "reads back as %.80s", then ?: "absent");
	return false;
}

/* The result in a word; *ret_message (owned, may stay NULL) says more. */
static const char *undo_layer(
	const struct undo *undo, const struct ledger_layer *layer, char **ret_message)
{
	const char *back = ledger_restores(undo->ledger, layer);
	g_autoptr(GError) error = NULL;
	g_autofree char *now = NULL;

	if (ledger_above(undo->ledger, layer))
		return "kept";
	if (!layer->kind->read(undo->env, layer->target, &now, &error)) {
		*ret_message = g_strdup(error->message);
		return "failed";
	}
	if (!undo->force && !is_ours(layer, back, now)) {
		setting_hold(undo->env, layer->kind, layer->target, NULL, NULL);
		*ret_message = g_strdup_printf("is now %.80s", now ?: "absent");
		return "drift";
	}
	if (restore(undo->env, layer, back, now, &error)) {
		setting_hold(undo->env, layer->kind, layer->target,
			ledger_below(undo->ledger, layer) ? back : NULL, NULL);
		return "restored";
	}
	*ret_message = g_strdup(error->message);
	return "failed";
}

static bool gone(const char *result)
{
	return g_str_equal(result, "restored") || g_str_equal(result, "kept");
}

/* Says it in the journal, or keeps why that could not be. */
static void note(struct undo *undo, json_t *record)
{
	journal_append(undo->journal, record, undo->failure ? NULL : &undo->failure);
}

static void undo_one(struct undo *undo, struct ledger_layer *layer, json_t *results)
{
	g_autofree char *message = NULL;
	const char *result = undo_layer(undo, layer, &message);

	json_array_append_new(
		results, json_pack("{sI ss ss ss ss*}", "txn", (json_int_t)layer->txn->id, "kind",
				 layer->kind->name, "target", layer->target, "result", result,
				 "message", message));
	note(undo,
		json_pack("{ss sI ss ss ss}", "record", "undone", "txn", (json_int_t)layer->txn->id,
			"kind", layer->kind->name, "target", layer->target, "result", result));
}

/* What a newer version changed and this one cannot put back. */
static void report_unknown(const struct ledger_txn *txn, json_t *results)
{
	g_autofree char *target = g_strdup_printf("%u settings", txn->unknown);

	json_array_append_new(results,
		json_pack("{sI ss ss ss ss}", "txn", (json_int_t)txn->id, "kind", LEDGER_UNKNOWN,
			"target", target, "result", "failed", "message", LEDGER_UNKNOWN_WHY));
}

static bool begin(struct undo *undo, const struct ledger_txn *txn)
{
	note(undo, json_pack("{ss sI sb}", "record", "undo", "txn", (json_int_t)txn->id, "force",
			   undo->force));
	if (!undo->failure)
		journal_sync(undo->journal, &undo->failure);
	/* What is in good order stays so, until the journal can be written. */
	return !undo->failure || (txn->state != LEDGER_COMMITTED && txn->state != LEDGER_LEFT);
}

static bool all_gone(const json_t *results, size_t first)
{
	for (size_t i = first; i < json_array_size(results); i++) {
		const json_t *one = json_array_get(results, i);

		if (!gone(json_string_value(json_object_get(one, "result"))))
			return false;
	}
	return true;
}

bool undo_txn(const struct env *env, struct journal *journal, const struct ledger_txn *txn,
	struct ledger *ledger, bool force, json_t *results, GError **error)
{
	struct undo undo = { .env = env, .ledger = ledger, .journal = journal, .force = force };
	size_t first = json_array_size(results);

	if (begin(&undo, txn)) {
		for (unsigned i = ledger->layers->len; i-- > 0;) {
			struct ledger_layer *layer = ledger->layers->pdata[i];

			if (layer->txn == txn)
				undo_one(&undo, layer, results);
		}
		if (txn->unknown > 0)
			report_unknown(txn, results);
		note(&undo,
			json_pack("{ss sI}", "record", all_gone(results, first) ? "end" : "left",
				"txn", (json_int_t)txn->id));
	}
	if (!undo.failure)
		journal_sync(journal, &undo.failure);
	if (!undo.failure)
		return true;
	g_propagate_error(error, undo.failure);
	return false;
}
