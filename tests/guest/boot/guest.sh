#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later

set -eu
test -c /dev/dri/renderD129
gst-inspect-1.0 vsockenc >/dev/null
read -r up _ </proc/uptime
echo "Linux $(uname -r), $(echo /dev/dri/*), vsockenc; $up s after the start of the kernel"
