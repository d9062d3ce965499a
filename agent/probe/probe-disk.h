/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on disks. */

#include "probe.h"

struct disk_facts {
	const char *mount;     /* the fuller of / and /var */
	double free_percent;   /* of what is not reserved for root */
	double inodes_percent; /* 100 where there are no inodes to run out of */
};
void disk_space_judge(const struct disk_facts *facts, struct probe_result *ret);

enum disk_root {
	DISK_ROOT_WRITABLE,
	DISK_ROOT_READ_ONLY,
	DISK_ROOT_BY_DESIGN, /* a file system that cannot be written to */
	DISK_ROOT_UNKNOWN,
};
/* From /proc/self/mountinfo, proc(5); of the file system itself, since the unit of the agent has a
 * read-only view of it. */
enum disk_root disk_root_parse(const char *mountinfo);
void disk_ro_judge(enum disk_root root, struct probe_result *ret);

/* ago_s: since the last I/O error; < 0: never. */
void disk_errors_judge(double ago_s, struct probe_result *ret);
