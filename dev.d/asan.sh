# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev asan [NAME... | MESON-TEST-OPTION...]

source dev.d/sanitize.sh
sanitized_tests asan address,undefined libasan.so "$@"
