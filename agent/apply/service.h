/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What helix-applyd does, as a table of commands of the dialect: it serves them on
 * /run/helix-agent/apply.sock to root and to helix-agentd (SO_PEERCRED), which hands requests of
 * its own clients on, once it has decided that they may ask.
 *
 *   helix-profile-list      [{name, summary, checkpoint, risk, error}]
 *   helix-profile-show      {name} -> {name, summary, checkpoint, risk, settings: [{kind, target, value,
 *                           risk, undo, reason, guard, needs-reboot, optional}]}
 *   helix-profile-plan      {name} -> plan_json() of setting/plan.h
 *   helix-profile-apply     {name, plan-hash, confirm-timeout-s?} -> as of transaction_apply()
 *   helix-profile-confirm   {txn} -> {}
 *   helix-profile-rollback  {txn?, checkpoint?, force?} -> as of transaction_rollback(); without txn
 *                           the newest, with checkpoint all that came after it ("base": all)
 *   helix-profile-verify    {name?} -> as of transactions_verify()
 *   helix-checkpoint-list   [{checkpoint, txn, profile, time, settings, changes: [{kind, target,
 *                           original, desired}]}], "base" first
 *   helix-journal-list      [{txn, state, profile, checkpoint, time, settings}] of what is held
 *   helix-latency-run       {duration-ms?, priority?, interval-us?, cpu?} -> {policy, priority, n,
 *                           p50-us, p99-us, p999-us, max-us, histogram: [{below-us, count}]}
 */

#include "../dialect/dialect.h"
#include "../env.h"

struct service;

struct service_config {
	const struct env *env;
	char *state_dir; /* journal; /var/lib/helix-agent */
	char **profile_dirs; /* first wins; /etc/helix-agent/profiles, PREFIX/share/helix-agent/profiles */
};

extern const struct dialect_command service_commands[];

#define SERVICE_LATENCY_MS_MAX   10000u
#define SERVICE_LATENCY_PAUSE_S  60 /* between two measurements: they take a CPU */
#define SERVICE_LATENCY_PRIORITY 98

/* env->host has to be set (setting/host.h), for the life of the service. Recovers what an interrupted transaction left before anything else, and
 * writes again what a reboot made void; `user` of the commands. On the default main context. */
struct service *service_new(const struct service_config *config, GError **error);
void service_free(struct service *service);
/* Is there a reason to stay: a confirmation that is waited for, a device file that is held, a machine
 * to be guarded against real-time threads? */
bool service_busy(const struct service *service);
/* How many settings service_new() took back. */
unsigned service_recovered(const struct service *service);
