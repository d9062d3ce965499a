/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resume.h"

#include <string.h>

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static bool is_done(const struct ledger_txn *txn)
{
	return txn && (txn->state == LEDGER_COMMITTED || txn->state == LEDGER_WAITING);
}

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static bool holds(const struct ledger *ledger, int64_t txn, const struct setting_kind *kind,
	const char *target)
{
	for (unsigned i = 0; i < ledger->layers->len; i++) {
		const struct ledger_layer *layer = ledger->layers->pdata[i];

		if (layer->txn->id == txn && layer->kind == kind && !strcmp(layer->target, target))
			return true;
	}
	return false;
}

/* An intent of a transaction that is done, whose layer is void. */
static bool is_void(const struct ledger *ledger, const json_t *record)
{
	const char *name = text_of(record, "record"), *kind_name = text_of(record, "kind");
	const char *target = text_of(record, "target");
	const struct setting_kind *kind = kind_name ? setting_kind_find(kind_name) : NULL;
	const struct ledger_txn *txn =
		ledger_find(ledger, json_integer_value(json_object_get(record, "txn")));

	if (g_strcmp0(name, "intent") != 0 || !kind || !kind->volatile_ || !target || !is_done(txn))
		return false;
	return !holds(ledger, txn->id, kind, target);
}

/* What was left out, or taken back, has a later record that says so. */
static bool was_dropped(const json_t *records, size_t from, const json_t *intent)
{
	for (size_t i = from + 1; i < json_array_size(records); i++) {
		const json_t *later = json_array_get(records, i);
		const char *name = text_of(later, "record"), *result = text_of(later, "result");

		if (json_equal(json_object_get(later, "txn"), json_object_get(intent, "txn")) &&
			g_strcmp0(text_of(later, "kind"), text_of(intent, "kind")) == 0 &&
			g_strcmp0(text_of(later, "target"), text_of(intent, "target")) == 0 &&
			(g_strcmp0(name, "intent") == 0 || g_strcmp0(name, "skipped") == 0 ||
				g_strcmp0(result, "restored") == 0 ||
				g_strcmp0(result, "kept") == 0))
			return true;
	}
	return false;
}

static bool intend_again(const struct env *env, struct journal *journal,
	const struct ledger *ledger, const json_t *intent, const char *boot, GError **error)
{
	const struct setting_kind *kind = setting_kind_find(text_of(intent, "kind"));
	const char *target = text_of(intent, "target");
	const struct ledger_layer *top = ledger_top(ledger, kind, target);
	g_autofree char *now = NULL;

	/* The machine may have lost the knob with the reboot. */
	if (!kind->read(env, target, &now, NULL))
		return true;
	return journal_append(journal,
		json_pack("{ss sO ss ss so so sO sb ss}", "record", "intent", "txn",
			json_object_get(intent, "txn"), "kind", kind->name, "target", target,
			"original", text_or_null(top ? top->original : now), "before",
			text_or_null(now), "desired", json_object_get(intent, "desired"),
			"volatile", true, "boot", boot),
		error);
}

bool resume_intents(const struct env *env, struct journal *journal, const struct ledger *ledger,
	const char *boot, GError **error)
{
	const json_t *records = journal_records(journal);
	size_t n = json_array_size(records);

	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(records, i);

		if (is_void(ledger, one) && !was_dropped(records, i, one) &&
			!intend_again(env, journal, ledger, one, boot, error))
			return false;
	}
	return journal_sync(journal, error);
}

static void report(
	const struct ledger_layer *layer, const char *result, const char *message, json_t *results)
{
	json_array_append_new(
		results, json_pack("{ss ss ss ss*}", "kind", layer->kind->name, "target",
				 layer->target, "result", result, "message", message));
}

static void write_layer(const struct env *env, const struct ledger_layer *layer, json_t *results)
{
	const struct setting setting = { .kind = layer->kind,
		.target = (char *)layer->target,
		.desired = (char *)layer->desired };
	g_autoptr(GError) error = NULL;
	g_autofree char *now = NULL, *reason = NULL;
	bool done = layer->kind->read(env, layer->target, &now, &error);

	/* Somebody else's value stays. */
	if (!done || !setting_same(layer->kind, layer->before, now) ||
		setting_same(layer->kind, layer->desired, now))
		return;
	/* The machine may be another one now: without the isolation, or the memory. */
	if (!layer->kind->check(env, &setting, &reason)) {
		report(layer, "skipped", reason, results);
		return;
	}
	done = setting_hold(env, layer->kind, layer->target, layer->desired, &error) &&
	       layer->kind->write(env, layer->target, layer->desired, &error);
	report(layer, done ? "applied" : "failed", error ? error->message : NULL, results);
}

static bool is_due(
	const struct ledger *before, const struct ledger *now, const struct ledger_layer *layer)
{
	return is_done(layer->txn) && !ledger_above(now, layer) &&
	       (layer->kind == &setting_kind_device ||
		       !holds(before, layer->txn->id, layer->kind, layer->target));
}

/* What an earlier start set is still there; what ran for it ended with that one. */
static void hold_again(const struct env *env, const struct ledger_layer *layer, json_t *results)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *now = NULL;

	if (layer->kind->hold && layer->kind->read(env, layer->target, &now, NULL) &&
		setting_same(layer->kind, layer->desired, now) &&
		!setting_hold(env, layer->kind, layer->target, layer->desired, &error))
		report(layer, "failed", error->message, results);
}

void resume_write(const struct env *env, const struct ledger *before, const struct ledger *now,
	json_t *results)
{
	for (unsigned i = 0; i < now->layers->len; i++) {
		const struct ledger_layer *layer = now->layers->pdata[i];

		if (is_due(before, now, layer))
			write_layer(env, layer, results);
		else if (is_done(layer->txn) && !ledger_above(now, layer))
			hold_again(env, layer, results);
	}
}
