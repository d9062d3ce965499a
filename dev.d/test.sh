# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev test [NAME... | MESON-TEST-OPTION...]
#
# Without arguments: every suite, then the scenarios in a guest where this machine can have one.

# The last line is a count whatever happens, also when the build fails.
counted=
trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT

need "the build" "${packages_build[@]}"
need "the tests" "${packages_run[@]}" "${packages_test[@]}"
need "the lint suite" "${packages_lint[@]}"
(need "the test of the batch files for Windows" "${packages_wine[@]}") || say "going on without Wine: that test is skipped"
configure debug -Dwerror=true
compile
if [ $# -gt 0 ]; then
	counted=yes
	run_tests "$@"
	exit
fi

source "$here/dev.d/guest-image.sh"
guest_status=0
obstacle=$(guest_obstacle)
# A suite runs PipeWire of Debian 13, which is in the guest's root: before it is a guest's.
[ -n "$obstacle" ] || (need "the guest" "${packages_guest_host[@]}" && guest_make_root trixie) || true
run_suites
if [ -z "$obstacle" ]; then
	"$here/dev" guest --part-of-test || guest_status=$?
	[ "$guest_status" != "$guest_impossible" ] || obstacle="see above"
fi
if [ -n "$obstacle" ]; then
	say "no scenarios in a guest: $obstacle"
	guest_status=0 guest_results=
fi
counted=yes
"$python" "$here/dev.d/summary.py" $((suites_status + guest_status)) "$build"/meson-logs/dev*.json \
	${guest_results:+"$guest_results"}
