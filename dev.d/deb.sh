# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev deb [--check]

source "$here/dev.d/debian.sh"

check=
case ${1:-} in
--check) check=yes ;;
'') ;;
*) die "usage: ./dev deb [--check]" ;;
esac

need "the packages" "${packages_build[@]}" "${packages_deb[@]}"
out=$here/build/deb
lock_folder "$out"
copy_source "$out/source"
as_root chown -R "$(id -u):$(id -g)" "$out/source"
rm -f "$out"/*.deb
say "building the packages (log: ${out#"$here/"}/build.log)"
(cd "$out/source" && DEB_BUILD_OPTIONS=noddebs dpkg-buildpackage -us -uc -b -j2) >"$out/build.log" 2>&1 </dev/null || {
	tail -n 25 "$out/build.log" >&2
	die "dpkg-buildpackage failed; the whole log is $out/build.log"
}
for package in "$out"/*.deb; do
	say "${package#"$here/"} ($(dpkg-deb --field "$package" Installed-Size) kB installed)"
done
[ -n "$check" ] || exit 0

# A system of the release that this machine runs, as small as it gets.
need "the check" "${packages_deb_check[@]}"
debian_proxy
# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
root=$out/root
say "making a Debian $release to install them in"
as_root rm -rf "$root"
as_root mmdebstrap --quiet --variant=minbase --mode=root "$release" "$root" "$(debian_mirror)" >"$out/root.log" 2>&1 </dev/null || {
	tail -n 15 "$out/root.log" >&2
	die "mmdebstrap failed; the whole log is $out/root.log"
}
as_root mkdir -p "$root/debs"
as_root cp "$out"/*.deb "$here/dev.d/deb-check.sh" "$root/debs/"
status=0
in_chroot "$root" 'sh /debs/deb-check.sh' || status=$?
as_root rm -rf "$root"
[ "$status" = 0 ] || die "the packages do not pass; what failed is above"
say "installed, ran, and were purged without a trace"
