# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What a guest is made of: a Debian root that QEMU shows it read-only, this project built in there, and a QEMU.
# Roots and QEMU are made once per package list and recipe, and are shared by all clones of this user.

source "$here/dev.d/debian.sh"

guest_cache=${XDG_CACHE_HOME:-$HOME/.cache}/helix-guest
guest_results=$here/build/guest/results.json # as `meson test` would log them
guest_impossible=77                          # exit status: it could not even be tried, for the reason printed

# Prints why no guest can run on this machine, nothing when one can.
guest_obstacle() {
	if ! command -v apt-get >/dev/null; then
		echo "the image is made with Debian's tools, and this is no Debian"
	elif [ "$(uname -m)" != x86_64 ]; then
		echo "the image and QEMU are for x86_64"
	elif [ "$(id -u)" = 0 ] || { [ -t 0 ] && [ -z "${CI:-}" ] && command -v sudo >/dev/null; }; then
		return 0
	elif ! sudo -n true 2>/dev/null; then
		echo "the image is made by root, and sudo is missing or wants a password"
	fi
}

# With the proxies and keys of this machine's apt.
archive_is_reachable() {
	local file mirror status=0
	file=$(mktemp) mirror=$(debian_mirror)
	/usr/lib/apt/apt-helper download-file "${mirror%/}/dists/trixie/InRelease" "$file" >/dev/null 2>&1 || status=1
	rm -f "$file"
	return "$status"
}

# cached NAME HASHED MAKE [ARGUMENT...]: sets `cached` to a folder that MAKE FOLDER LOG ARGUMENT... filled, complete or
# not at all. HASHED is what makes the folder outdated when it changes.
cached() {
	local name=$1 key lock
	key=$(sha256sum <<<"$2" | cut -c 1-12)
	cached=$guest_cache/$name-$key
	shift 2
	mkdir -p "$guest_cache"
	exec {lock}>"$cached.lock"
	flock -n "$lock" || {
		say "another ./dev is making $cached; waiting for it"
		flock -w 3600 "$lock" || die "$cached is not there after an hour"
	}
	if [ ! -d "$cached" ]; then
		archive_is_reachable || {
			say "$cached cannot be made: $(debian_mirror) is out of reach (TRIXIE_MIRROR=... chooses another)"
			exit "$guest_impossible"
		}
		as_root rm -rf "$cached.new"
		"$1" "$cached.new" "$cached.log" "${@:2}" || {
			tail -n 15 "$cached.log" >&2
			die "that failed; the whole log is $cached.log"
		}
		as_root mv "$cached.new" "$cached"
	fi
	exec {lock}>&-
}

joined() {
	local IFS=,
	echo "$*"
}

# make_root FOLDER LOG SUITE PACKAGE...
make_root() {
	local root=$1 log=$2 suite=$3 option options=()
	shift 3
	for option in man doc locale info icons gir-1.0; do
		options+=(--dpkgopt="path-exclude=/usr/share/$option/*")
	done
	say "making a Debian $suite root from $(debian_mirror) in ${root%.new} (once; about two minutes, 1.2 GB)"
	debian_proxy
	# An initramfs is made anyway; with few modules it takes seconds. The -dev package of plugins-bad would bring
	# OpenCV, VTK and LLVM; its headers are enough. Of the plugins themselves, the parsers are.
	as_root env ${http_proxy:+http_proxy="$http_proxy"} mmdebstrap --mode=root --variant=apt --format=directory \
		--include="$(joined "$@")" "${options[@]}" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"
			echo MODULES=list >"$1/etc/initramfs-tools/conf.d/guest"' \
		--chrooted-customize-hook='cd "$(mktemp -d)" && chmod 0777 .
			apt-get -q download libgstreamer-plugins-bad1.0-dev gstreamer1.0-plugins-bad
			dpkg -x libgstreamer-plugins-bad1.0-dev_*.deb /
			dpkg --fsys-tarfile gstreamer1.0-plugins-bad_*.deb |
				tar -x -C / --wildcards "*/libgstvideoparsersbad.so"
			rm -r "$PWD"' \
		--chrooted-customize-hook='mkdir -p /var/cache/helix
			GST_REGISTRY=/var/cache/helix/gst-registry gst-inspect-1.0 >/dev/null' \
		"$suite" "$root" "$(debian_mirror)" >"$log" 2>&1 </dev/null
}

# make_qemu FOLDER LOG: Debian 13's, unpacked, with a script `qemu` that runs it on any distribution.
make_qemu() {
	say "unpacking QEMU of Debian 13 in ${1%.new} (once; 170 MB)"
	debian_proxy
	as_root env ${http_proxy:+http_proxy="$http_proxy"} mmdebstrap --mode=root --variant=extract --format=directory \
		--include="$(joined "${packages_guest_qemu[@]}")" trixie "$1" "$(debian_mirror)" >"$2" 2>&1 </dev/null || return
	# The modules' folder is for this program alone: another QEMU must not see it.
	as_root tee "$1/qemu" >/dev/null <<-'END'
		#!/bin/sh
		q=$(dirname "$(readlink -f "$0")")
		export QEMU_MODULE_DIR="$q/usr/lib/x86_64-linux-gnu/qemu"
		exec "$q/usr/lib64/ld-linux-x86-64.so.2" --library-path "$q/usr/lib/x86_64-linux-gnu" \
			"$q/usr/bin/qemu-system-x86_64" -L "$q/usr/share/qemu" -L "$q/usr/share/seabios" "$@"
	END
	as_root chmod 0755 "$1/qemu"
}

# guest_find_qemu: sets guest_qemu to a QEMU of version 10 or later: this machine's, else an unpacked one.
guest_find_qemu() {
	local version
	guest_qemu=$(command -v qemu-system-x86_64 || true)
	version=$([ -z "$guest_qemu" ] || "$guest_qemu" --version | sed -n 's/.* version \([0-9]*\)\..*/\1/p')
	[ "${version:-0}" -lt 10 ] || return 0
	cached qemu "${packages_guest_qemu[*]} $(declare -f make_qemu)" make_qemu
	guest_qemu=$cached/qemu
}

# guest_make_root NAME: sets guest_root to the root of that name.
guest_make_root() {
	local packages=("${packages_guest_run[@]}" "${packages_guest_build[@]}")
	[ "$1" = "${1%-full}" ] || packages+=("${packages_guest_full[@]}")
	cached "guest-$1" "${packages[*]} $(declare -f make_root)" make_root "${1%-full}" "${packages[@]}"
	guest_root=$cached
}

# guest_build_in ROOT: this clone's folder in there is guest_home, with src/, build/, registry, and stage/, which is
# what an installation adds to /.
guest_build_in() {
	guest_home=/helix/$(sha256sum <<<"$here" | cut -c 1-8)
	say "building for the guest in $1$guest_home"
	copy_source "$1$guest_home/src"
	in_chroot "$1" "cd $guest_home
		[ -e build/build.ninja ] || meson setup build src -Dwerror=true >setup.log 2>&1 || {
			tail -n 25 setup.log
			exit 1
		}
		ninja -C build build.ninja >/dev/null
		programs=\$(ninja -C build -t targets all | sed -n 's,^\(\(tests/support/guest\|agent\)/[^:]*\): c_LINKER$,\1,p')
		ninja -C build gst-vsockenc/libgstvsockenc.so host-stub/helix-host-stub \$programs
		rm -rf stage
		meson install -C build --quiet --no-rebuild --destdir $guest_home/stage
		[ -e registry ] || cp -p /var/cache/helix/gst-registry registry
		GST_REGISTRY=$guest_home/registry GST_PLUGIN_PATH=$guest_home/build/gst-vsockenc gst-inspect-1.0 \
			vsockenc >/dev/null
		chmod 0644 registry" || die "the project does not build for the guest; the message is above"
}

# guest_prepare [OPTION-OF-RUN.PY...] [NAME...]: everything that guest_run takes for these, but what it takes
# of build/debug.
guest_prepare() {
	local name names
	need "the guest" "${packages_guest_host[@]}"
	guest_find_qemu
	lock_folder "$here/build/guest"
	names=$("$python" -B "$here/tests/guest/run.py" --which-roots "$@") || exit 1
	guest_roots=()
	for name in $names; do
		[ "$name" != virgl ] || {
			need "a guest with 3D" "${packages_guest_virgl[@]}"
			! apt-cache show "${packages_guest_virgl_13[@]}" >/dev/null 2>&1 ||
				need "a guest with 3D" "${packages_guest_virgl_13[@]}"
			continue
		}
		guest_make_root "$name"
		guest_build_in "$guest_root"
		guest_roots+=(--root "$name" "$guest_root")
	done
}

# guest_run [OPTION-OF-RUN.PY...] [NAME...]: the results are in $guest_results.
guest_run() {
	say "running scenarios in the guest; logs are in build/guest"
	"$python" -B "$here/tests/guest/run.py" "${guest_roots[@]}" --home "$guest_home" --qemu "$guest_qemu" \
		--stub "$here/build/debug/host-stub/helix-host-stub" \
		--pattern-tool "$here/build/debug/tests/process/pattern-tool" --logs "$here/build/guest" \
		--log-json "$guest_results" "$@" </dev/null
}
