/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include <string.h>

void settings_finish(struct settings *s)
{
	g_clear_pointer(&s->endpoint, g_free);
	g_clear_pointer(&s->socket_path, g_free);
	g_clear_pointer(&s->tcp_host, g_free);
	g_clear_pointer(&s->drm_device, g_free);
}

char *settings_endpoint_text(const struct settings *s)
{
	if (s->endpoint)
		return g_strdup(s->endpoint);
	if (s->socket_path)
		return g_strconcat("unix:", s->socket_path, NULL);
	if (s->tcp_host && strchr(s->tcp_host, ':') && s->tcp_host[0] != '[')
		return g_strdup_printf("tcp:[%s]:%u", s->tcp_host, s->tcp_port);
	if (s->tcp_host)
		return g_strdup_printf("tcp:%s:%u", s->tcp_host, s->tcp_port);
	return g_strdup_printf("vsock:%u:%u", s->cid, s->port);
}
