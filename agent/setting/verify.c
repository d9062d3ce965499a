/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify.h"

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *verify_layer(const struct env *env, const struct ledger_layer *layer)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *now = NULL;
	bool read = setting_effective(env, layer->kind, layer->target, &now, &error);
	json_t *json = json_pack("{sI ss* ss ss so so sb sb}", "txn", (json_int_t)layer->txn->id,
		"profile", layer->txn->profile, "kind", layer->kind->name, "target", layer->target,
		"desired", text_or_null(layer->desired), "effective", text_or_null(now), "same",
		read && setting_same(layer->kind, layer->desired, now), "needs-reboot",
		layer->kind->needs_reboot);

	if (error)
		json_object_set_new(json, "message", json_string(error->message));
	return json;
}

/* What a newer version changed: nobody here can say, or put it back. */
static json_t *verify_unknown(const struct ledger_txn *txn)
{
	g_autofree char *target = g_strdup_printf("%u settings", txn->unknown);

	return json_pack("{sI ss* ss ss sn sn sb sb ss}", "txn", (json_int_t)txn->id, "profile",
		txn->profile, "kind", LEDGER_UNKNOWN, "target", target, "desired", "effective",
		"same", false, "needs-reboot", false, "message", LEDGER_UNKNOWN_WHY);
}

json_t *verify_ledger(const struct env *env, const struct ledger *ledger)
{
	json_t *entries = json_array();

	for (unsigned i = 0; i < ledger->layers->len; i++) {
		const struct ledger_layer *layer = ledger->layers->pdata[i];

		if (!ledger_above(ledger, layer))
			json_array_append_new(entries, verify_layer(env, layer));
	}
	for (unsigned i = 0; i < ledger->txns->len; i++) {
		const struct ledger_txn *txn = ledger->txns->pdata[i];

		if (txn->unknown > 0)
			json_array_append_new(entries, verify_unknown(txn));
	}
	return entries;
}
