/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What applying a profile to this machine would change: made by reading only. */

#include "../profile.h"

#include <jansson.h>

struct plan_entry {
	struct setting *setting; /* of one target, variables replaced; owned */
	char *current;           /* NULL: absent */
	char *desired;           /* resolved */
	bool change;
	char *skip; /* why it does not apply here; NULL: it does, and the above are set */
};

struct plan {
	char *profile, *checkpoint; /* NULL: none */
	char *boot;
	GPtrArray *entries;     /* struct plan_entry, in the order of application; owned */
	enum setting_risk risk; /* the highest of what changes */
	char *hash; /* SHA-256 in hex over plan_json() without it: of the profile, this boot and all
		       current values */
};

struct plan *plan_new(const struct env *env, const struct profile *profile);
void plan_free(struct plan *plan);

/* {profile, boot-id, risk, needs-confirm, changes, entries: [{kind, target, current, desired,
 * change, risk, undo, needs-reboot, reason, na-reason}], plan-hash}; values that are absent are
 * null. A new reference. */
json_t *plan_json(const struct plan *plan);
