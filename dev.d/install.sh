# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev install [PREFIX]

prefix=${1:-/usr/local}
need "the build" "${packages_build[@]}"
need "the element" "${packages_run[@]}"
configure install -Dbuildtype=release -Dtests=disabled -Dprefix="$prefix"
compile
target=${DESTDIR:-}$prefix
while [ ! -e "$target" ]; do
	target=$(dirname "$target")
done
run=(env DESTDIR="${DESTDIR:-}" "$meson" install -C "$build" --no-rebuild)
if [ -w "$target" ] && { [ -n "${DESTDIR:-}" ] || [ "$(id -u)" = 0 ]; }; then
	"${run[@]}"
else
	as_root "${run[@]}"
fi
plugins=$(find "${DESTDIR:-}$prefix" -name libgstvsockenc.so -printf '%h\n' | head -n 1)
[ "${plugins#"${DESTDIR:-}"}" = "$(pkg-config --variable=pluginsdir gstreamer-1.0)" ] ||
	say "GStreamer does not look there by itself: export GST_PLUGIN_PATH=${plugins#"${DESTDIR:-}"}"
