/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "undo.h"

struct undo {
	const struct env *env;
	struct ledger *ledger;
	bool force;
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
		*ret_message = g_strdup_printf("is now %.80s", now ?: "absent");
		return "drift";
	}
	if (restore(undo->env, layer, back, now, &error))
		return "restored";
	*ret_message = g_strdup(error->message);
	return "failed";
}

static bool gone(const char *result)
{
	return g_str_equal(result, "restored") || g_str_equal(result, "kept");
}

static bool undo_one(const struct undo *undo, struct journal *journal, struct ledger_layer *layer,
	json_t *results, GError **error)
{
	g_autofree char *message = NULL;
	const char *result = undo_layer(undo, layer, &message);

	json_array_append_new(
		results, json_pack("{sI ss ss ss ss*}", "txn", (json_int_t)layer->txn->id, "kind",
				 layer->kind->name, "target", layer->target, "result", result,
				 "message", message));
	return journal_append(journal,
		json_pack("{ss sI ss ss ss}", "record", "undone", "txn", (json_int_t)layer->txn->id,
			"kind", layer->kind->name, "target", layer->target, "result", result),
		error);
}

bool undo_txn(const struct env *env, struct journal *journal, const struct ledger_txn *txn,
	struct ledger *ledger, bool force, json_t *results, GError **error)
{
	struct undo undo = { .env = env, .ledger = ledger, .force = force };
	int64_t id = txn->id;
	size_t first = json_array_size(results), i;
	bool all_gone = true;
	json_t *one;

	if (!journal_append(journal,
		    json_pack(
			    "{ss sI sb}", "record", "undo", "txn", (json_int_t)id, "force", force),
		    error) ||
		!journal_sync(journal, error))
		return false;
	for (i = ledger->layers->len; i-- > 0;) {
		struct ledger_layer *layer = ledger->layers->pdata[i];

		if (layer->txn == txn && !undo_one(&undo, journal, layer, results, error))
			return false;
	}
	for (i = first; (one = json_array_get(results, i)); i++)
		all_gone &= gone(json_string_value(json_object_get(one, "result")));
	return journal_append(journal,
		       json_pack("{ss sI}", "record", all_gone ? "end" : "left", "txn",
			       (json_int_t)id),
		       error) &&
	       journal_sync(journal, error);
}
