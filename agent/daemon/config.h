/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What helix-agentd is told: defaults, then a key file, then the command line. */

#include "../probe/probe.h"

#include <glib.h>
#include <stdbool.h>

#define CONFIG_PATH "/etc/helix-agent/agent.conf"

struct config {
	/* of the command line alone */
	char *root; /* NULL: the real one */
	bool dump;

	/* [listen] */
	char *socket; /* "": none, here and below */
	unsigned socket_mode;
	char *group; /* that may read */
	unsigned vsock_port;
	char *virtio_serial;
	char *encoder_socket;
	unsigned idle_timeout_s;
	unsigned requests_per_s, write_interval_s; /* for all but root; 0: no limit */
	/* [host] */
	bool allow_host_write, host_privileged_port;
	/* [apply] */
	char *apply_socket;
	/* [process] */
	char *user; /* to become, when started as root */
	/* [health] */
	char *health_json, *health_openmetrics;
	unsigned health_interval_s;
	char *role; /* "desktop", "dsp" */
	unsigned rate_hz, period_frames, periods, hugepages;
	char *encoder;
	char *state_dir;
};

/* False and error: a sentence for the user. The file that is named by default may be missing. */
bool config_load(int argc, char *const *argv, struct config *ret, GError **error);
void config_finish(struct config *config);
/* As a key file that config_load() reads back. Transfer full. */
char *config_dump(const struct config *config);
/* One line for each option. Transfer full. */
char *config_help(void);
/* What probes are told; strings are those of config. */
void config_wanted(const struct config *config, struct probe_wanted *ret);
