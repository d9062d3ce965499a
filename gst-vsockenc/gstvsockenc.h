/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/gstvideoencoder.h>

G_BEGIN_DECLS

#define GST_TYPE_VSOCKENC (gst_vsockenc_get_type())
G_DECLARE_FINAL_TYPE(GstVsockEnc, gst_vsockenc, GST, VSOCKENC, GstVideoEncoder)

GST_ELEMENT_REGISTER_DECLARE(vsockenc)

G_END_DECLS
