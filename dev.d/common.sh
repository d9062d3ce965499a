# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the commands share: messages, missing packages, build folders, one run of the tests.

# The distribution's meson and python, not the ones a pyenv or a virtualenv may have put first.
meson=/usr/bin/meson
python=/usr/bin/python3

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
[ -t 1 ] || say() { printf '==> %s\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# as_root COMMAND...: runs it as root, or says which command to run and exits.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif ! command -v sudo >/dev/null; then
		die "root is needed and there is no sudo. Run as root: $*"
	elif [ -t 0 ] && [ -z "${CI:-}" ]; then
		sudo "$@"
	else
		sudo -n "$@" || die "this failed (does sudo need a password here?). Run as root: $*"
	fi
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -y -q -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" </dev/null
}

# need WHY PACKAGE...: installs those that are missing.
need() {
	local why=$1 package missing=()
	shift
	if ! command -v dpkg-query >/dev/null; then
		say "not a Debian system: make sure yourself that you have the likes of: $*"
		return 0
	fi
	for package; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing, because $why needs it: ${missing[*]}"
	apt_install "${missing[@]}" && return 0
	say "that failed; refreshing the package lists and trying once more"
	as_root apt-get -q -o DPkg::Lock::Timeout=600 update </dev/null ||
		say "apt-get update reported errors; going on, they may be about another archive"
	apt_install "${missing[@]}" || die "cannot install: ${missing[*]}. The message of apt-get is above"
}

# Two runs in one clone take turns on a build folder; two clones do not meet.
lock_folder() {
	mkdir -p "$1"
	exec {folder_lock}>"$1/.dev-lock"
	flock -n "$folder_lock" || {
		say "another ./dev is using $1; waiting for it"
		flock -w 1800 "$folder_lock" || die "$1 is still in use after 30 minutes"
	}
}

# configure NAME [MESON-OPTION...]: sets up build/NAME, once, and keeps its options right.
configure() {
	build=$here/build/$1
	shift
	lock_folder "$build"
	local log=$build/setup.log how=()
	if [ -e "$build/build.ninja" ]; then
		how=(--reconfigure)
		# Nothing to do when the options are those of the last time: ninja notices changed build files.
		[ "$(cat "$build/.dev-options" 2>/dev/null)" != "$*" ] || return 0
	elif [ -d "$build/meson-private" ]; then
		how=(--wipe)
	fi
	say "setting up ${build#"$here/"}"
	PYTHONNOUSERSITE=1 "$meson" setup "${how[@]}" "$build" "$here" "$@" >"$log" 2>&1 </dev/null || {
		tail -n 25 "$log" >&2
		die "meson setup failed; the whole log is $log"
	}
	printf '%s' "$*" >"$build/.dev-options"
}

# compile [TARGET...]: builds in the folder that configure() chose.
compile() {
	say "building ${build#"$here/"}"
	# Targets are looked up before ninja notices that a build file changed.
	[ $# -eq 0 ] || ninja -C "$build" build.ninja >/dev/null
	"$meson" compile -C "$build" "$@" </dev/null || die "the build failed; the compiler's message is above"
}

# run_suites [MESON-TEST-ARGUMENT...]: runs, shows failing logs; sets suites_status.
run_suites() {
	suites_status=0
	rm -f "$build"/meson-logs/dev*.json
	"$meson" test -C "$build" --no-rebuild --print-errorlogs --logbase dev "$@" </dev/null || suites_status=$?
}

# run_tests [MESON-TEST-ARGUMENT...]: the same, and ends with the line "N passed, N failed".
run_tests() {
	run_suites "$@"
	"$python" "$here/dev.d/summary.py" "$suites_status" "$build"/meson-logs/dev*.json
}
