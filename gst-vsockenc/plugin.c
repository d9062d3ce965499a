/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc.h"

static gboolean plugin_init(GstPlugin *plugin)
{
	return GST_ELEMENT_REGISTER(vsockenc, plugin);
}

#define PACKAGE "helix-guest"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, vsockenc,
	"Video encoding by the host of this virtual machine", plugin_init, PACKAGE_VERSION, "LGPL",
	"helix-guest", "https://github.com/helix-guest/helix-guest")
