/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder that stands for a machine of four CPUs, two of them isolated, with a service manager,
 * programs and users of its own. Units live in run/units/NAME ("active" or "inactive"), those named
 * stuck* do not stop; what alice and bob set lives in home/USER/SCHEMA.KEY, keys named locked* cannot
 * be changed; dconf and grub-mkconfig copy what they are to read to where they are to write. */

#include "setting/host.h"
#include "setting/transaction.h"

#define SANDBOX_STATE "/var/lib/helix-agent"

struct sandbox {
	struct env env;
	struct setting_host host;
	char *root, *state; /* folders */
	int64_t now_ns;     /* of env.now_ns */
	bool fail_dconf;    /* dconf ends with an error */
};

void sandbox_init(struct sandbox *sandbox);
/* All files again as at first, no journal. */
void sandbox_reset(struct sandbox *sandbox);
void sandbox_finish(struct sandbox *sandbox);

/* Writes a file, and the folders above it. */
void sandbox_put(struct sandbox *sandbox, const char *path, const char *text);
/* A file's text; "(none)" where there is none. Transfer full. */
char *sandbox_get(struct sandbox *sandbox, const char *path);
/* All files and links, their modes, targets and contents, but the journal; transfer full. */
char *sandbox_dump(struct sandbox *sandbox);
/* As after a reboot: knobs of /proc and /sys as at first, another boot id, no device is held. */
void sandbox_reboot(struct sandbox *sandbox);

/* For host.guards: where threads of real time are not allowed. */
extern const struct rt_guard_impl sandbox_no_guards;

/* A profile of one setting of each kind, some of them more. */
extern const char sandbox_profile[];
struct plan *sandbox_plan(struct sandbox *sandbox, const char *profile);
