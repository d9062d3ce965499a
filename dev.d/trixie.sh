# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev trixie [MESON-TEST-OPTION...]
#
# Copies the source into a Debian 13 chroot, builds it there with warnings as errors, runs the suites that need no other
# program than themselves. The chroot is made once per package list and shared by all clones of this user.

source "$here/dev.d/debian.sh"

counted=
trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT

# make_chroot FOLDER: at FOLDER, complete or not at all.
make_chroot() {
	local root=$1 new=$1.new mirror
	mirror=$(debian_mirror)
	debian_proxy
	say "making a Debian 13 chroot from $mirror in $root (once; some minutes, 2 GB)"
	as_root rm -rf "$new"
	as_root debootstrap --variant=minbase trixie "$new" "$mirror" >"$root.log" 2>&1 </dev/null || {
		tail -n 15 "$root.log" >&2
		die "debootstrap failed; the whole log is $root.log. Is $mirror reachable? (TRIXIE_MIRROR=... chooses another)"
	}
	say "installing the packages of the build in it"
	in_chroot "$new" "apt-get -q update && apt-get -y -q install --no-install-recommends \
		${packages_build[*]} ${packages_run[*]} && apt-get clean" >>"$root.log" 2>&1 || {
		tail -n 15 "$root.log" >&2
		die "installing packages in the chroot failed; the whole log is $root.log"
	}
	as_root mv "$new" "$root"
}

need "the chroot" "${packages_trixie[@]}"
key=$(printf '%s\n' trixie "${packages_build[@]}" "${packages_run[@]}" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helix-guest/trixie
mkdir -p "$cache"
exec {cache_lock}>"$cache/$key.lock"
flock -n "$cache_lock" || {
	say "another ./dev trixie is at work; waiting for it"
	flock -w 3600 "$cache_lock" || die "the chroot is still in use after an hour: $cache/$key"
}
root=$cache/$key
[ -d "$root" ] || make_chroot "$root"

say "copying the source"
source_dir=/src
copy_source "$root$source_dir"

say "building and testing under $(in_chroot "$root" 'gcc --version | head -n 1; gst-inspect-1.0 --version | sed -n 2p' | paste -sd ' ')"
as_root rm -rf "$root/build"
in_chroot "$root" "meson setup /build $source_dir -Dwerror=true >/tmp/setup.log 2>&1 || { tail -n 25 /tmp/setup.log; exit 1; }
	ninja -C /build" || die "Debian 13 does not build it; the message is above"
status=0
in_chroot "$root" "meson test -C /build --no-rebuild --print-errorlogs --logbase dev --no-suite lint ${*@Q}" ||
	status=$?
counted=yes
"$python" "$here/dev.d/summary.py" "$status" "$root/build/meson-logs/dev.json"
