# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev test [NAME... | MESON-TEST-OPTION...]

# The last line is a count whatever happens, also when the build fails.
counted=
trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT

need "the build" "${packages_build[@]}"
need "the tests" "${packages_run[@]}"
need "the lint suite" "${packages_lint[@]}"
configure debug -Dwerror=true
compile
counted=yes
run_tests "$@"
