/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values behind the properties, and the address that follows from them. Times in ms. */

#include <glib.h>

struct settings {
	char *endpoint, *socket_path, *tcp_host, *drm_device; /* NULL: not set */
	guint tcp_port, cid, port;
	guint bitrate;           /* bit/s */
	guint keyframe_interval; /* frames; 0: on request only */
	guint max_in_flight;
	guint connect_timeout, response_timeout, reconnect_timeout;
	gboolean reconnect, upload;
};

void settings_finish(struct settings *s);

/* Where the host is, for hxfr_endpoint_parse(): endpoint wins over socket_path wins over tcp_host
 * wins over cid and port. Transfer full. */
char *settings_endpoint_text(const struct settings *s);
