# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev guest [--all] [--console] [NAME...]

source "$here/dev.d/guest-image.sh"

guest_usage() {
	cat <<-END
	usage: ./dev guest [--all] [--console] [NAME...]

	Boots a small Debian 13 guest under QEMU, with this project built in it, runs the scenarios of tests/guest and
	prints a table. NAME...: only these. No KVM, no GPU is needed; root is, once, to make the guest's files.

	  --all      the slow ones too: real compositors, Debian 12, a real-time kernel
	  --console  show the guest's console while it runs
	  --kvm      use /dev/kvm instead of emulating the processor
	  --list     name the scenarios, and those that only --all or their name runs: slow

	Logs are in build/guest. TRIXIE_MIRROR=... chooses the archive.
	END
}

guest_list() {
	local file
	for file in "$here"/tests/guest/*/scenario.py; do
		printf '%-14s %-4s  %s\n' "$(basename "${file%/*}")" "$(sed -n 's/^TIER = "slow"/slow/p' "$file")" \
			"$(sed -n 's/^"""\(.*[^"]\)\(""".*\)*$/\1/p' "$file" | head -n 1)"
	done
}

guest_options=() guest_names=() part_of_test=
for argument; do
	case $argument in
	--all | --console) guest_options+=("$argument") ;;
	--part-of-test) part_of_test=yes ;; # ./dev test has built build/debug, and counts
	--kvm) guest_options+=(--accel kvm) ;;
	--list)
		guest_list
		exit 0
		;;
	-h | --help)
		guest_usage
		exit 0
		;;
	-*)
		guest_usage >&2
		die "guest does not know '$argument'"
		;;
	*)
		[ -e "$here/tests/guest/$argument/scenario.py" ] ||
			die "no scenario '$argument'; './dev guest --list' names them"
		guest_names+=("$argument")
		;;
	esac
done

rm -f "$guest_results"
obstacle=$(guest_obstacle)
[ -z "$obstacle" ] || die "no guest can run here: $obstacle"
if [ -n "$part_of_test" ]; then
	guest_prepare
	guest_run
	exit
fi

counted=
trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT
need "the build" "${packages_build[@]}"
need "the host stub" "${packages_run[@]}"
configure debug -Dwerror=true
compile helix-host-stub pattern-tool
guest_prepare "${guest_options[@]}" "${guest_names[@]}"
status=0
guest_run "${guest_options[@]}" "${guest_names[@]}" || status=$?
counted=yes
"$python" "$here/dev.d/summary.py" "$status" "$guest_results"
