#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every C file is laid out as .clang-format says. The repair is ./dev fmt.

set -euo pipefail
cd "$1"
reference=14 # Debian 12; other versions lay out some constructs differently
version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
[ "$version" = "$reference" ] || {
	echo "SKIP: the layout is that of clang-format $reference; here is ${version:-none}"
	exit 77
}
find protocol gst-vsockenc agent host-stub tests -name '*.[ch]' -print0 |
	xargs -0r clang-format --dry-run --Werror
