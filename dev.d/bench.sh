# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev bench [--quick] [--repeat N] [--json FILE]
# ./dev bench agent [--quick] [--json FILE]
# ./dev bench netjack [--quick] [--json FILE]
# ./dev bench guest [--quick] [--json FILE] [--kvm] [--only NAME]

need "the build" "${packages_build[@]}"
need "the benchmark" "${packages_run[@]}"
configure release -Dbuildtype=release

if [ "${1:-}" = agent ]; then
	shift
	compile helix-agentd helix-applyd
	cd "$caller_dir" # where FILE is
	exec "$python" -B "$here/tests/bench/agent.py" --build "$build" --profiles "$here/agent/profiles" "$@"
fi

if [ "${1:-}" = netjack ]; then
	shift
	need "the slave and what is compared with" "${packages_test[@]}" "${packages_bench_netjack[@]}"
	compile
	cd "$caller_dir" # where FILE is
	exec "$python" -B "$here/tests/bench/netjack.py" --build "$build" "$@"
fi

if [ "${1:-}" = guest ]; then
	shift
	source "$here/dev.d/guest-image.sh"
	obstacle=$(guest_obstacle)
	[ -z "$obstacle" ] || die "no guest can run here: $obstacle"
	compile helix-host-stub transport-probe
	guest_prepare boot
	cd "$caller_dir" # where FILE is
	exec "$python" -B "$here/tests/guest/bench.py" "${guest_roots[@]}" --home "$guest_home" --qemu "$guest_qemu" \
		--stub "$build/host-stub/helix-host-stub" --logs "$here/build/guest" \
		--probe "$build/tests/support/guest/transport-probe" "$@" </dev/null
fi

compile
export GST_REGISTRY=$build/bench.registry
cd "$caller_dir" # where FILE is
exec "$python" "$here/tests/bench/bench.py" --build "$build" "$@"
