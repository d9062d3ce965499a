# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev lint [NAME...]

need "the build" "${packages_build[@]}"
need "lint" "${packages_lint[@]}"
configure debug -Dwerror=true
counted=yes
run_tests --suite lint "$@"
