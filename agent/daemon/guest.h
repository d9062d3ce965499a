/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* guest-get-*: text of the kernel into replies, in the words of QEMU's qga/qapi-schema.json. What
 * returns NULL could not. */

#include <jansson.h>
#include <stdbool.h>

/* /proc/loadavg -> {load1m, load5m, load15m}. */
json_t *guest_parse_load(const char *text);
/* /proc/stat -> [{type, cpu, user, nice, system, idle, ...}], in ms. */
json_t *guest_parse_cpustats(const char *text, long ticks_per_s);
/* gethostname(2), which may be any bytes -> {host-name}. */
json_t *guest_parse_host_name(const char *name);
/* os-release(5): adds id, name, pretty-name, version, version-id, variant, variant-id to object. */
void guest_parse_osrelease(const char *text, json_t *object);

/* A mounted block device, as a line of /proc/PID/mountinfo says, proc(5). */
struct guest_mount {
	char *mountpoint, *type, *source; /* owned */
	unsigned major, minor;
};
bool guest_parse_mount(const char *line, struct guest_mount *ret);
void guest_mount_finish(struct guest_mount *mount);
