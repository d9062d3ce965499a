/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-internal.h"

#include <string.h>

json_t *service_verify(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct service *service = user;
	const char *name = json_string_value(json_object_get(arguments, "name"));
	json_t *all = transactions_verify(service->transactions);

	for (size_t i = json_array_size(all); name && i-- > 0;) {
		json_t *one = json_array_get(all, i);

		if (g_strcmp0(json_string_value(json_object_get(one, "profile")), name) != 0)
			json_array_remove(all, i);
	}
	return all;
}

static json_t *changes_of(const struct ledger *ledger, const struct ledger_txn *txn)
{
	json_t *changes = json_array();

	for (unsigned i = 0; i < ledger->layers->len; i++) {
		const struct ledger_layer *layer = ledger->layers->pdata[i];

		if (layer->txn == txn)
			json_array_append_new(
				changes, json_pack("{ss ss ss? ss?}", "kind", layer->kind->name,
						 "target", layer->target, "original",
						 layer->original, "desired", layer->desired));
	}
	return changes;
}

static json_t *txn_json(const struct ledger *ledger, const struct ledger_txn *txn)
{
	json_auto_t *changes = changes_of(ledger, txn);

	return json_pack("{sI ss ss* ss* sI si}", "txn", (json_int_t)txn->id, "state",
		ledger_state_name(txn->state), "profile", txn->profile, "checkpoint",
		txn->checkpoint, "time", (json_int_t)txn->time_s, "settings",
		(int)json_array_size(changes));
}

json_t *service_journal(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct service *service = user;
	const struct ledger *ledger = transactions_ledger(service->transactions);
	json_t *list = json_array();

	for (unsigned i = 0; i < ledger->txns->len; i++)
		json_array_append_new(list, txn_json(ledger, ledger->txns->pdata[i]));
	return list;
}

json_t *service_checkpoints(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct service *service = user;
	const struct ledger *ledger = transactions_ledger(service->transactions);
	json_t *list = json_array();

	json_array_append_new(list, json_pack("{ss si si s[]}", "checkpoint", "base", "txn", 0,
					    "settings", 0, "changes"));
	for (unsigned i = 0; i < ledger->txns->len; i++) {
		const struct ledger_txn *txn = ledger->txns->pdata[i];
		json_t *one;

		if (!txn->checkpoint || txn->state == LEDGER_OPEN)
			continue;
		one = txn_json(ledger, txn);
		json_object_set_new(one, "changes", changes_of(ledger, txn));
		json_array_append_new(list, one);
	}
	return list;
}
