/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger.h"

#include <string.h>

static const char *const state_names[] = {
	[LEDGER_OPEN] = "open",
	[LEDGER_WAITING] = "waiting",
	[LEDGER_COMMITTED] = "committed",
	[LEDGER_UNDOING] = "undoing",
	[LEDGER_LEFT] = "left",
};

const char *ledger_state_name(enum ledger_state state)
{
	return state_names[state];
}

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static int64_t number_of(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

struct ledger_txn *ledger_find(const struct ledger *ledger, int64_t id)
{
	for (unsigned i = 0; i < ledger->txns->len; i++) {
		struct ledger_txn *txn = ledger->txns->pdata[i];

		if (txn->id == id)
			return txn;
	}
	return NULL;
}

static bool is_of(
	const struct ledger_layer *layer, const struct setting_kind *kind, const char *target)
{
	return layer->kind == kind && !strcmp(layer->target, target);
}

/* The next layer of a setting from place `from` on, upwards or downwards. */
static struct ledger_layer *look(const struct ledger *ledger, int from, int step,
	const struct setting_kind *kind, const char *target)
{
	for (int i = from; i >= 0 && i < (int)ledger->layers->len; i += step)
		if (is_of(ledger->layers->pdata[i], kind, target))
			return ledger->layers->pdata[i];
	return NULL;
}

static int place_of(const struct ledger *ledger, const struct ledger_layer *layer)
{
	unsigned place = 0;

	g_ptr_array_find(ledger->layers, layer, &place);
	return (int)place;
}

struct ledger_layer *ledger_top(
	const struct ledger *ledger, const struct setting_kind *kind, const char *target)
{
	return look(ledger, (int)ledger->layers->len - 1, -1, kind, target);
}

struct ledger_layer *ledger_above(const struct ledger *ledger, const struct ledger_layer *layer)
{
	return look(ledger, place_of(ledger, layer) + 1, 1, layer->kind, layer->target);
}

struct ledger_layer *ledger_below(const struct ledger *ledger, const struct ledger_layer *layer)
{
	return look(ledger, place_of(ledger, layer) - 1, -1, layer->kind, layer->target);
}

const char *ledger_restores(const struct ledger *ledger, const struct ledger_layer *layer)
{
	return ledger_below(ledger, layer) ? layer->before : layer->original;
}

bool ledger_holds_any(const struct ledger *ledger, const struct ledger_txn *txn)
{
	for (unsigned i = 0; i < ledger->layers->len; i++)
		if (((struct ledger_layer *)ledger->layers->pdata[i])->txn == txn)
			return true;
	return false;
}

/* --- records --- */

static struct ledger_layer *layer_of(
	const struct ledger *ledger, const struct ledger_txn *txn, const json_t *record)
{
	const char *kind = text_of(record, "kind"), *target = text_of(record, "target");

	if (!kind || !target)
		return NULL;
	for (unsigned i = 0; i < ledger->layers->len; i++) {
		struct ledger_layer *layer = ledger->layers->pdata[i];

		if (layer->txn == txn && is_of(layer, setting_kind_find(kind), target))
			return layer;
	}
	return NULL;
}

static void take_begin(struct ledger *ledger, const json_t *record)
{
	struct ledger_txn *txn = g_new0(struct ledger_txn, 1);

	*txn = (struct ledger_txn){
		.id = number_of(record, "txn"),
		.profile = text_of(record, "profile"),
		.checkpoint = text_of(record, "checkpoint"),
		.boot = text_of(record, "boot"),
		.time_s = number_of(record, "time"),
	};
	g_ptr_array_add(ledger->txns, txn);
}

static void take_intent(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	const struct setting_kind *kind = setting_kind_find(text_of(record, "kind") ?: "");
	const char *target = text_of(record, "target"), *of_boot = text_of(record, "boot");
	struct ledger_layer *layer, *top;

	if (!target)
		return;
	if (!kind) {
		txn->unknown += !json_is_true(json_object_get(record, "volatile")) ||
				g_strcmp0(of_boot, boot) == 0;
		return;
	}
	txn->needs_reboot |= kind->needs_reboot;
	if (kind->volatile_ && g_strcmp0(of_boot, boot) != 0)
		return;
	layer = layer_of(ledger, txn, record);
	if (layer)
		return;
	top = ledger_top(ledger, kind, target);
	layer = g_new0(struct ledger_layer, 1);
	*layer = (struct ledger_layer){
		.txn = txn,
		.kind = kind,
		.target = target,
		.original = top ? top->original : text_of(record, "original"),
		.before = text_of(record, "before"),
		.desired = text_of(record, "desired"),
	};
	g_ptr_array_add(ledger->layers, layer);
}

static void take_skipped(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	struct ledger_layer *layer = layer_of(ledger, txn, record);

	if (layer)
		g_ptr_array_remove(ledger->layers, layer);
	else if (txn->unknown > 0 && !setting_kind_find(text_of(record, "kind") ?: ""))
		txn->unknown--;
}

static void take_undone(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	const char *result = text_of(record, "result");

	if (g_strcmp0(result, "restored") == 0 || g_strcmp0(result, "kept") == 0)
		take_skipped(ledger, txn, record, boot);
}

static void take_commit(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	txn->confirm_s = CLAMP(number_of(record, "confirm-s"), 0, G_MAXINT32);
	txn->deadline_ns = number_of(record, "deadline-ns");
	txn->boot = text_of(record, "boot");
	txn->state = txn->confirm_s > 0 ? LEDGER_WAITING : LEDGER_COMMITTED;
}

static void take_confirmed(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	txn->state = LEDGER_COMMITTED;
}

static void take_trial(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	txn->trial = true;
	txn->boot = text_of(record, "boot");
	txn->deadline_ns = number_of(record, "deadline-ns");
}

static void take_undo(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	txn->state = LEDGER_UNDOING;
}

static void take_left(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	txn->state = LEDGER_LEFT;
}

static void take_end(
	struct ledger *ledger, struct ledger_txn *txn, const json_t *record, const char *boot)
{
	for (unsigned i = ledger->layers->len; i-- > 0;)
		if (((struct ledger_layer *)ledger->layers->pdata[i])->txn == txn)
			g_ptr_array_remove_index(ledger->layers, i);
	g_ptr_array_remove(ledger->txns, txn);
}

static const struct {
	const char *name;
	void (*take)(struct ledger *ledger, struct ledger_txn *txn, const json_t *record,
		const char *boot);
} record_table[] = {
	{ "intent", take_intent },
	{ "skipped", take_skipped },
	{ "commit", take_commit },
	{ "confirmed", take_confirmed },
	{ "trial", take_trial },
	{ "undo", take_undo },
	{ "undone", take_undone },
	{ "left", take_left },
	{ "end", take_end },
};

static void take(struct ledger *ledger, const json_t *record, const char *boot)
{
	const char *name = text_of(record, "record");
	int64_t id = number_of(record, "txn");
	struct ledger_txn *txn = ledger_find(ledger, id);

	if (id < 0 || id == G_MAXINT64)
		return;
	ledger->next_txn = MAX(ledger->next_txn, id + 1);
	if (!txn && id > 0 && g_strcmp0(name, "begin") == 0)
		take_begin(ledger, record);
	for (unsigned i = 0; txn && i < G_N_ELEMENTS(record_table); i++)
		if (g_strcmp0(name, record_table[i].name) == 0)
			record_table[i].take(ledger, txn, record, boot);
}

struct ledger *ledger_new(const json_t *records, const char *boot)
{
	struct ledger *ledger = g_new0(struct ledger, 1);
	const json_t *record;
	size_t i;

	*ledger = (struct ledger){
		.txns = g_ptr_array_new_with_free_func(g_free),
		.layers = g_ptr_array_new_with_free_func(g_free),
		.next_txn = 1,
	};
	json_array_foreach((json_t *)records, i, record) take(ledger, record, boot);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	g_ptr_array_unref(ledger->layers);
	g_ptr_array_unref(ledger->txns);
	g_free(ledger);
}
