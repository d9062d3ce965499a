# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev cover [MESON-TEST-OPTION...]

need "the build" "${packages_build[@]}"
need "the tests" "${packages_run[@]}" "${packages_test[@]}"
need "coverage" "${packages_cover[@]}"
configure cover -Db_coverage=true -Dbuildtype=debug
compile
find "$build" -name '*.gcda' -delete
status=0
run_tests --no-suite lint --timeout-multiplier 2 "$@" || status=1
mkdir -p "$build/coverage"
# Lines that only a broken machine reaches stay in the figures: they are honest that way.
/usr/bin/gcovr --root "$here" --object-directory "$build" --filter 'protocol/' --filter 'gst-vsockenc/' \
	--filter 'host-stub/' --html-details "$build/coverage/index.html" --print-summary "$build"
say "details: ${build#"$here/"}/coverage/index.html"
exit "$status"
