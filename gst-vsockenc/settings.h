/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values behind the properties, and the address that follows from them. Times in ms. */

#include <glib.h>
#include <hxfr/endpoint.h>

struct settings {
	char *endpoint, *socket_path, *tcp_host, *drm_device; /* NULL: not set */
	guint tcp_port, cid, port;
	guint bitrate;           /* bit/s */
	guint keyframe_interval; /* frames; 0: on request only */
	guint max_in_flight;
	guint connect_timeout, response_timeout, reconnect_timeout;
	gboolean reconnect;
};

void settings_finish(struct settings *s);

/* endpoint wins over socket_path wins over tcp_host wins over cid and port. 0, or an error of hxfr_endpoint_parse(). */
int settings_endpoint(const struct settings *s, struct hxfr_endpoint *ret);
