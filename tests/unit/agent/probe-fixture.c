/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"

struct machine machine;
struct probe_wanted wanted;
const struct probe_wanted desktop = {
	.role = PROBE_ROLE_DESKTOP,
	.rate_hz = 48000,
	.period_frames = 1024,
	.periods = 2,
};
const struct probe_wanted dsp = {
	.role = PROBE_ROLE_DSP,
	.rate_hz = 96000,
	.period_frames = 128,
	.periods = 2,
};
static GHashTable *states; /* id -> memory of the probe */

void probe_fixture_setup(void)
{
	machine_init(&machine);
	wanted = dsp;
	states = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
}

void probe_fixture_teardown(void)
{
	g_hash_table_unref(states);
	machine_finish(&machine);
}

void probe_ask(const char *id, struct probe_result *ret)
{
	const struct probe *probe = probe_find(id);
	void *state;

	ck_assert_msg(probe != NULL, "no probe %s", id);
	state = g_hash_table_lookup(states, id);
	if (!state && probe->state_size > 0) {
		state = g_malloc0(probe->state_size);
		g_hash_table_insert(states, (char *)probe->id, state);
	}
	*ret = (struct probe_result){ 0 };
	probe->run(&machine.env, &wanted, state, ret);
}

void assert_result(struct probe_result *result, enum probe_status status, const char *message_part)
{
	ck_assert_msg(result->status == status, "%s instead of %s: %s",
		probe_status_name(result->status), probe_status_name(status), result->message);
	ck_assert_ptr_nonnull(result->message);
	if (message_part)
		ck_assert_msg(strstr(result->message, message_part) != NULL, "\"%s\" is not in: %s",
			message_part, result->message);
	if (status == PROBE_OK || status == PROBE_NA)
		ck_assert_ptr_null(result->hint);
	else
		ck_assert_msg(result->hint != NULL, "no hint: %s", result->message);
	probe_result_finish(result);
}

void assert_probe(const char *id, enum probe_status status, const char *message_part)
{
	struct probe_result result;

	probe_ask(id, &result);
	assert_result(&result, status, message_part);
}
