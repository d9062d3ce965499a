# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev bench [--quick] [--repeat N] [--json FILE]

need "the build" "${packages_build[@]}"
need "the benchmark" "${packages_run[@]}"
configure release -Dbuildtype=release
compile
export GST_REGISTRY=$build/bench.registry
cd "$caller_dir" # where FILE is
exec "$python" "$here/tests/bench/bench.py" --build "$build" "$@"
