# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev trixie [MESON-TEST-OPTION...]
#
# Copies the source into a Debian 13 chroot, builds it there with warnings as errors, runs the suites that need no other
# program than themselves. The chroot is made once per package list and shared by all clones of this user.

counted=
trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT

# The archive this machine uses itself, so that a local mirror or an air gap is respected.
debian_mirror() {
	local uri
	uri=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's|^Debian \(.*/debian/\?\)$|\1|p' | head -n 1)
	echo "${TRIXIE_MIRROR:-${uri:-http://deb.debian.org/debian/}}"
}

# make_chroot FOLDER: at FOLDER, complete or not at all.
make_chroot() {
	local root=$1 new=$1.new mirror proxy
	mirror=$(debian_mirror)
	proxy=$(apt-config shell proxy Acquire::http::Proxy | sed -n "s/^proxy='\(.*\)'\$/\1/p")
	[ -z "$proxy" ] || export http_proxy=$proxy
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

# in_chroot ROOT SHELL-COMMAND: with a /proc and /dev/shm of its own where this machine allows it, and nothing of
# this machine's files. They go with the namespace.
in_chroot() {
	local root=$1 mounts='mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/dev/shm"'
	local enter='exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} CI=true sh -ec "$2"'
	if as_root unshare --mount --pid --fork true 2>/dev/null; then
		as_root unshare --mount --pid --fork --kill-child sh -c "{ $mounts; } 2>/dev/null; $enter" sh "$root" "$2"
	else
		as_root sh -c "$enter" sh "$root" "$2"
	fi </dev/null
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
as_root rm -rf "$root$source_dir"
as_root mkdir -p "$root$source_dir"
# The tracked and the new files; from an unpacked archive without git, everything but build/.
if git -C "$here" rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -z --cached --others --exclude-standard --deduplicate | xargs -0 sh -c \
		'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar -c --null --files-from=-
else
	tar -c --exclude=./build .
fi | as_root tar -x --no-same-owner -C "$root$source_dir"

say "building and testing under $(in_chroot "$root" 'gcc --version | head -n 1; gst-inspect-1.0 --version | sed -n 2p' | paste -sd ' ')"
as_root rm -rf "$root/build"
in_chroot "$root" "meson setup /build $source_dir -Dwerror=true >/tmp/setup.log 2>&1 || { tail -n 25 /tmp/setup.log; exit 1; }
	ninja -C /build" || die "Debian 13 does not build it; the message is above"
status=0
in_chroot "$root" "meson test -C /build --no-rebuild --print-errorlogs --logbase dev --no-suite lint ${*@Q}" ||
	status=$?
counted=yes
"$python" "$here/dev.d/summary.py" "$root/build/meson-logs/dev.json" "$status"
