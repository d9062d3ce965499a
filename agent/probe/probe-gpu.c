/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-gpu.h"

#include "probe-list.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <virtgpu_drm.h>

#define DRI_DIR   "/dev/dri"
#define VA_HELPER "helix-agent-va"
#define VA_MS     5000u

enum {
	PARAM_3D = 1, /* VIRTGPU_PARAM_*, <virtgpu_drm.h>; older headers lack the last */
	PARAM_BLOB = 3,
	PARAM_HOST_VISIBLE = 4,
	PARAM_CONTEXT_INIT = 6,
};

void gpu_facts_finish(struct gpu_facts *facts)
{
	g_clear_pointer(&facts->node, g_free);
	g_clear_pointer(&facts->driver, g_free);
}

static int get_param(int fd, unsigned param)
{
	int value = 0;
	struct drm_virtgpu_getparam get = { .param = param, .value = (uintptr_t)&value };

	return ioctl(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &get) < 0 ? 0 : value;
}

static void ask_driver(int fd, struct gpu_facts *facts)
{
	char name[64] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	if (ioctl(fd, DRM_IOCTL_VERSION, &version) < 0) {
		facts->error = errno;
		return;
	}
	facts->error = 0;
	g_free(facts->driver);
	facts->driver = g_strdup(name);
	facts->virtio = strcmp(name, "virtio_gpu") == 0;
	for (unsigned param = 1; facts->virtio && param <= GPU_PARAMS; param++)
		facts->params[param] = get_param(fd, param);
}

/* The node of virtio-gpu, or else the last one. */
static void look(const struct env *env, struct gpu_facts *facts)
{
	g_auto(GStrv) names = env_list(env, DRI_DIR);

	for (char **name = names; *name && !facts->virtio; name++) {
		g_autofree char *node = g_strconcat(DRI_DIR "/", *name, NULL);
		g_autofree char *path = env_path(env, node);
		int fd;

		if (!g_str_has_prefix(*name, "renderD"))
			continue;
		g_free(facts->node);
		facts->node = g_steal_pointer(&node);
		/* Asking needs no write access, and the agent has none. */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0) {
			facts->error = errno;
			continue;
		}
		ask_driver(fd, facts);
		close(fd);
	}
}

static bool say_absent(const struct gpu_facts *facts, struct probe_result *ret)
{
	if (!facts->node)
		probe_say(ret, PROBE_NA, NULL, "there is no GPU");
	else if (facts->error)
		probe_say(ret, PROBE_UNKNOWN,
			"usermod -aG render helix-agent; systemctl restart helix-agentd", "%s: %s",
			facts->node, g_strerror(facts->error));
	else
		return false;
	return true;
}

/* --- gpu.node --- */

void gpu_node_judge(
	const struct gpu_facts *facts, const struct probe_wanted *wanted, struct probe_result *ret)
{
	static const char hint[] = "start the guest with -device virtio-gpu-gl or virtio-gpu";

	if (!facts->node && wanted->encoder)
		probe_say(ret, PROBE_FAIL, hint,
			"there is no GPU, whose pictures an encoder could have");
	else if (say_absent(facts, ret))
		return;
	else
		probe_say(ret, facts->virtio ? PROBE_OK : PROBE_WARN, hint, "%s is of %s",
			facts->node, facts->driver);
}

static void node_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct gpu_facts facts = { 0 };

	look(env, &facts);
	gpu_node_judge(&facts, wanted, ret);
	gpu_facts_finish(&facts);
}

const struct probe probe_gpu_node = {
	.id = "gpu.node",
	.group = PROBE_GROUP_GPU,
	.title = "render node",
	.period_s = 300,
	.timeout_ms = 2000,
	.run = node_run,
};

/* --- gpu.caps --- */

void gpu_caps_judge(const struct gpu_facts *facts, struct probe_result *ret)
{
	const int *params = facts->params;

	if (say_absent(facts, ret))
		return;
	if (!facts->virtio)
		probe_say(ret, PROBE_NA, NULL, "%s is no virtio-gpu", facts->node);
	else if (!params[PARAM_3D])
		probe_say(ret, PROBE_FAIL,
			"-device virtio-gpu-gl with -display egl-headless on the host",
			"no 3D: pictures have no resource that the host could encode");
	else
		probe_say(ret, params[PARAM_BLOB] ? PROBE_OK : PROBE_WARN,
			"-device virtio-gpu-gl,blob=on,hostmem=256M on the host",
			"3D yes, blobs %s, host-visible memory %s, contexts %s",
			params[PARAM_BLOB] ? "yes" : "no",
			params[PARAM_HOST_VISIBLE] ? "yes" : "no",
			params[PARAM_CONTEXT_INIT] ? "yes" : "no");
}

static void caps_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct gpu_facts facts = { 0 };

	look(env, &facts);
	gpu_caps_judge(&facts, ret);
	gpu_facts_finish(&facts);
}

const struct probe probe_gpu_caps = {
	.id = "gpu.caps",
	.group = PROBE_GROUP_GPU,
	.title = "virtio-gpu features",
	.period_s = 3600,
	.timeout_ms = 2000,
	.run = caps_run,
};

/* --- gpu.encode --- */

void gpu_encode_judge(const char *text, const struct probe_wanted *wanted, struct probe_result *ret)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) found = g_string_new(NULL);

	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, "H264"))
			g_string_append_printf(found, "%s%s", found->len ? ", " : "", *line);
	if (found->len)
		probe_say(ret, PROBE_OK, NULL, "this GPU encodes %s", found->str);
	else
		probe_say(ret, PROBE_NA, NULL, "this GPU encodes no H.264%s",
			wanted->encoder ? ": the host does" : "");
}

static void encode_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct gpu_facts facts = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	look(env, &facts);
	if (!say_absent(&facts, ret)) {
		const char *const argv[] = { HELPER_DIR "/" VA_HELPER, facts.node, NULL };

		if (env->run(env, argv, VA_MS, &text, &error))
			gpu_encode_judge(text, wanted, ret);
		else if (error->domain == G_SPAWN_EXIT_ERROR)
			probe_say(ret, PROBE_NA, NULL, "VA-API has no driver for %s", facts.node);
		else
			probe_say_unreadable(ret, error);
	}
	gpu_facts_finish(&facts);
}

const struct probe probe_gpu_encode = {
	.id = "gpu.encode",
	.group = PROBE_GROUP_GPU,
	.title = "H.264 encoders of VA-API",
	.period_s = 3600,
	.rest_s = 60,
	.timeout_ms = VA_MS + 1000,
	.run = encode_run,
};

/* --- gpu.dmabuf_path --- */

void gpu_dmabuf_path_judge(const struct encoder_share *share, struct probe_result *ret)
{
	enum probe_status status;

	if (!share) {
		probe_say(ret, PROBE_NA, NULL, "no stream of vsockenc reports frames");
		return;
	}
	status = probe_measure(ret, share->by_id_percent, "99:", "@0:0");
	probe_say(ret, status,
		"pixels are copied into every message: GST_DEBUG=vsockenc:4 in the environment of "
		"that process says why; capture DMA-BUFs of virtio-gpu, see gpu.node and gpu.caps",
		"%.4g %% of the frames go by id, %.4g %% after a copy: process %d of user %u, "
		"%u stream%s in all",
		share->by_id_percent, share->uploaded_percent, (int)share->sender.pid,
		(unsigned)share->sender.uid, share->streams, share->streams == 1 ? "" : "s");
}

static void dmabuf_path_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct encoder_share share;
	bool seen = wanted->encoder_log &&
		    encoder_log_look(wanted->encoder_log, env->now_ns(env), &share);

	gpu_dmabuf_path_judge(seen ? &share : NULL, ret);
}

const struct probe probe_gpu_dmabuf_path = {
	.id = "gpu.dmabuf_path",
	.group = PROBE_GROUP_GPU,
	.title = "frames that go by id",
	.unit = "%",
	.period_s = 15,
	.rest_s = 5,
	.timeout_ms = 1000,
	.run = dmabuf_path_run,
};
