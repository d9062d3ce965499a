# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev build [TARGET...]

need "the build" "${packages_build[@]}"
configure debug -Dwerror=true
compile "$@"
