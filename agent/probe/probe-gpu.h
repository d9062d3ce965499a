/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on the GPU of the guest. */

#include "encoder-log.h"
#include "probe.h"

#define GPU_PARAMS 6u /* VIRTGPU_PARAM_3D_FEATURES (1) to VIRTGPU_PARAM_CONTEXT_INIT (6) */

struct gpu_facts {
	char *node;                 /* "/dev/dri/renderD128"; owned; NULL: there is none */
	int error;                  /* errno of opening it or asking it; 0 */
	char *driver;               /* by DRM_IOCTL_VERSION; owned; NULL */
	bool virtio;                /* params are valid */
	int params[GPU_PARAMS + 1]; /* by VIRTGPU_PARAM_*; 0 for those the kernel does not know */
};
void gpu_facts_finish(struct gpu_facts *facts);

void gpu_node_judge(
	const struct gpu_facts *facts, const struct probe_wanted *wanted, struct probe_result *ret);
void gpu_caps_judge(const struct gpu_facts *facts, struct probe_result *ret);
/* text: what helix-agent-va prints: "DRIVER: ...", then a line "H264High EncSlice" for each. */
void gpu_encode_judge(
	const char *text, const struct probe_wanted *wanted, struct probe_result *ret);
/* share: NULL when there is no stream. */
void gpu_dmabuf_path_judge(const struct encoder_share *share, struct probe_result *ret);
