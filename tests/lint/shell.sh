#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every shell script parses and satisfies shellcheck.

set -euo pipefail
cd "$1"
mapfile -t scripts < <(
	printf '%s\n' dev .ci/run dev.d/*.sh
	find tests -name '*.sh'
)
status=0
for script in "${scripts[@]}"; do
	bash -n "$script" || status=1
done
command -v shellcheck >/dev/null || {
	[ "$status" = 0 ] || exit 1
	echo "SKIP: shellcheck is not installed; all ${#scripts[@]} scripts parse"
	exit 77
}
# SC1090, SC1091: sourced files are checked as files of their own. SC2154, SC2034: what common.sh gives to them.
# SC2016: single quotes are meant. SC2164: dev has set -e.
shellcheck --severity=style -e SC1090,SC1091,SC2154,SC2034,SC2016,SC2164 "${scripts[@]}" || status=1
exit "$status"
