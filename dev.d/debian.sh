# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Debian systems in folders: where their packages come from, how a command runs in one, how our source gets there.

# The archive this machine uses itself, so that a local mirror or an air gap is respected.
debian_mirror() {
	local uri
	uri=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's|^Debian \(.*/debian/\?\)$|\1|p' | head -n 1)
	echo "${TRIXIE_MIRROR:-${uri:-http://deb.debian.org/debian/}}"
}

# The proxy of this machine's apt, for programs that do not read its configuration.
debian_proxy() {
	local proxy
	proxy=$(apt-config shell proxy Acquire::http::Proxy | sed -n "s/^proxy='\(.*\)'\$/\1/p")
	[ -z "$proxy" ] || export http_proxy=$proxy
}

# in_chroot ROOT SHELL-COMMAND: with a /proc and /dev/shm of its own where this machine allows it, and nothing of
# this machine's files. They go with the namespace.
in_chroot() {
	local root=$1 mounts='mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/dev/shm"; mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"'
	local enter='exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} CI=true sh -ec "$2"'
	if as_root unshare --mount --pid --fork true 2>/dev/null; then
		as_root unshare --mount --pid --fork --kill-child sh -c "{ $mounts; } 2>/dev/null; $enter" sh "$root" "$2"
	else
		as_root sh -c "$enter" sh "$root" "$2"
	fi </dev/null
}

# copy_source FOLDER: the tracked and the new files; from an unpacked archive without git, everything but build/.
# Times of change are kept, so that a build beside the copy compiles only what changed.
copy_source() {
	as_root rm -rf "$1"
	as_root mkdir -p "$1"
	if git -C "$here" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$here" ls-files -z --cached --others --exclude-standard --deduplicate | xargs -0 sh -c \
			'cd "$0" && for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' "$here" |
			tar -c -C "$here" --null --files-from=-
	else
		tar -c -C "$here" --exclude=./build .
	fi | as_root tar -x --no-same-owner -C "$1"
}
