/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The probes of probe_table, for it alone. */

#include "probe.h"

extern const struct probe probe_agent_self;
extern const struct probe probe_audio_latency, probe_audio_netjack, probe_audio_quantum,
	probe_audio_rt, probe_audio_server, probe_audio_xruns;
extern const struct probe probe_cpu_governor, probe_cpu_irq_leak, probe_cpu_isolation,
	probe_cpu_mitigations, probe_cpu_psi, probe_cpu_smt, probe_cpu_steal;
extern const struct probe probe_disk_errors, probe_disk_ro, probe_disk_space, probe_io_psi;
extern const struct probe probe_kernel_clocksource, probe_kernel_hrtimers, probe_kernel_preempt,
	probe_kernel_throttle, probe_kernel_watchdogs;
extern const struct probe probe_mem_avail, probe_mem_hugepages, probe_mem_locked, probe_mem_swap,
	probe_mem_thp, probe_memory_psi;
extern const struct probe probe_gpu_caps, probe_gpu_dmabuf_path, probe_gpu_encode, probe_gpu_node;
extern const struct probe probe_link_encoder, probe_link_host_cid;
extern const struct probe probe_profile_drift, probe_svc_conflicts, probe_svc_failed;
extern const struct probe probe_sched_latency_normal, probe_sched_latency_rt;
