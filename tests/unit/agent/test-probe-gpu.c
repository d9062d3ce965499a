/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/probe-gpu.h"

#include <errno.h>

#define NODE   (char *)"/dev/dri/renderD128"
#define VIRTIO (char *)"virtio_gpu"

static const struct {
	struct gpu_facts facts;
	bool encoder;
	enum probe_status node, caps;
} gpus[] = {
	{ { NULL, 0, NULL, false, { 0 } }, false, PROBE_NA, PROBE_NA },
	{ { NULL, 0, NULL, false, { 0 } }, true, PROBE_FAIL, PROBE_NA },
	{ { NODE, EACCES, NULL, false, { 0 } }, true, PROBE_UNKNOWN, PROBE_UNKNOWN },
	{ { NODE, 0, (char *)"i915", false, { 0 } }, false, PROBE_WARN, PROBE_NA },
	{ { NODE, 0, VIRTIO, true, { 0, 1, 1, 1, 1, 0, 1 } }, true, PROBE_OK, PROBE_OK },
	{ { NODE, 0, VIRTIO, true, { 0, 1, 1, 0, 0, 0, 0 } }, true, PROBE_OK, PROBE_WARN },
	{ { NODE, 0, VIRTIO, true, { 0, 0, 1, 1, 1, 0, 1 } }, true, PROBE_OK, PROBE_FAIL },
};

START_TEST(an_encoder_wants_virtio_gpu_with_3d)
{
	for (size_t i = 0; i < N_ELEMENTS(gpus); i++) {
		struct probe_result result = { 0 };

		wanted.encoder = gpus[i].encoder ? (char *)"vsock:2:5000" : NULL;
		gpu_node_judge(&gpus[i].facts, &wanted, &result);
		assert_result(&result, gpus[i].node, NULL);
		gpu_caps_judge(&gpus[i].facts, &result);
		assert_result(&result, gpus[i].caps, NULL);
	}
}
END_TEST

START_TEST(what_is_no_device_is_not_known)
{
	assert_probe("gpu.node", PROBE_NA, "no GPU");
	assert_probe("gpu.caps", PROBE_NA, "no GPU");
	assert_probe("gpu.encode", PROBE_NA, "no GPU");
	machine_put(&machine, "/dev/dri/card0", "");
	assert_probe("gpu.node", PROBE_NA, "no GPU");
	machine_put(&machine, "/dev/dri/renderD128", "");
	assert_probe("gpu.node", PROBE_UNKNOWN, "/dev/dri/renderD128");
	assert_probe("gpu.caps", PROBE_UNKNOWN, NULL);
	assert_probe("gpu.encode", PROBE_UNKNOWN, NULL);
}
END_TEST

static const struct {
	const char *text;
	enum probe_status status;
	const char *part;
} encoders[] = {
	{ "DRIVER: Mesa\nH264Main EncSlice\nH264High EncSlice\n", PROBE_OK,
		"H264Main EncSlice, H264High EncSlice" },
	{ "DRIVER: H264 for all\n", PROBE_NA, "no H.264" },
	{ "", PROBE_NA, NULL },
};

START_TEST(a_guest_need_not_encode)
{
	for (size_t i = 0; i < N_ELEMENTS(encoders); i++) {
		struct probe_result result = { 0 };

		gpu_encode_judge(encoders[i].text, &wanted, &result);
		assert_result(&result, encoders[i].status, encoders[i].part);
	}
}
END_TEST

START_TEST(every_probe_is_described)
{
	static const char *const groups[] = { PROBE_GROUP_SERVICE, PROBE_GROUP_ISOLATION,
		PROBE_GROUP_MEMORY, PROBE_GROUP_HUGEPAGES, PROBE_GROUP_GPU, PROBE_GROUP_LINK,
		PROBE_GROUP_AUDIO, PROBE_GROUP_NETJACK, PROBE_GROUP_SCHEDULING,
		PROBE_GROUP_SYSTEM };
	unsigned group = 0;

	for (unsigned i = 0; probe_table[i]; i++) {
		const struct probe *probe = probe_table[i];

		ck_assert_ptr_eq(probe_find(probe->id), probe);
		ck_assert_ptr_nonnull(probe->title);
		ck_assert_uint_gt(probe->period_s, 0);
		ck_assert_uint_gt(probe->timeout_ms, 0);
		while (group < N_ELEMENTS(groups) && !g_str_equal(probe->group, groups[group]))
			group++;
		ck_assert_msg(group < N_ELEMENTS(groups), "%s is out of order", probe->id);
	}
	ck_assert_ptr_null(probe_find("no.such"));
}
END_TEST

START_TEST(a_machine_without_files_breaks_nothing)
{
	for (unsigned i = 0; probe_table[i]; i++) {
		struct probe_result result;

		if (g_str_equal(probe_table[i]->id, "sched.latency.normal"))
			continue;
		probe_ask(probe_table[i]->id, &result);
		ck_assert_msg(result.message != NULL, "%s", probe_table[i]->id);
		ck_assert_msg(result.status == PROBE_NA || result.status == PROBE_UNKNOWN ||
				      g_str_has_prefix(probe_table[i]->id, "disk.") ||
				      g_str_equal(probe_table[i]->id, "audio.server"),
			"%s: %s", probe_table[i]->id, result.message);
		ck_assert_msg(result.status == PROBE_NA || result.status == PROBE_OK || result.hint,
			"%s: no hint: %s", probe_table[i]->id, result.message);
		probe_result_finish(&result);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_encoder_wants_virtio_gpu_with_3d,
		what_is_no_device_is_not_known,
		a_guest_need_not_encode,
		every_probe_is_described,
		a_machine_without_files_breaks_nothing,
		NULL,
	};

	return suite_run_with(
		"agent-probe-gpu", tests, probe_fixture_setup, probe_fixture_teardown);
}
