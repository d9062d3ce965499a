# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev tsan [NAME... | MESON-TEST-OPTION...]

source dev.d/sanitize.sh
sanitized_tests tsan thread libtsan.so "$@"
