#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every source file and script names its licence in its first three lines.

set -euo pipefail
cd "$1"
status=0 count=0
while IFS= read -r -d '' file; do
	count=$((count + 1))
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || {
		echo "$file: no SPDX line in its first three lines"
		status=1
	}
done < <(
	printf '%s\0' dev .ci/run
	find protocol gst-vsockenc host-stub tests dev.d docs \
		\( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.[178]' \) -print0
)
echo "$count files"
exit "$status"
