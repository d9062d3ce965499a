/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What clients are told of the state of an engine; its own. */

#include "gpu-engine.h"

void gpu_publish_memory(const struct gpu_engine *engine, unsigned to);
void gpu_publish_resource(
	const struct gpu_engine *engine, unsigned to, const struct gpu_resource *resource);
void gpu_publish_removal(const struct gpu_engine *engine, uint32_t id);
void gpu_publish_flush(const struct gpu_engine *engine, uint32_t id, const struct gpu_rect *rect);
/* Both as clients may see them: hidden while the resource has no pages. */
void gpu_publish_scanout(const struct gpu_engine *engine, unsigned to, unsigned scanout);
void gpu_publish_cursor(const struct gpu_engine *engine, unsigned to, unsigned scanout);
