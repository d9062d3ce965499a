# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# Debian packages, one row per need. The same names exist in Debian 12 and 13.

packages_build=(
	build-essential meson ninja-build pkg-config check libdrm-dev libva-dev libjansson-dev libcap-ng-dev
	libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev
	libjack-jackd2-dev libsamplerate0-dev libsndfile1-dev
)
packages_run=(
	gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
	gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x
)
# Settings of users, as a desktop has them; jackd as a slave, in a network of its own.
packages_test=(
	dconf-cli dconf-gsettings-backend dbus-daemon gsettings-desktop-schemas libglib2.0-bin
	jackd2 iproute2 nftables
)
packages_wine=(wine wine64) # runs the batch files for Windows
packages_bench_netjack=(zita-njbridge)
packages_lint=(clang-format clang-tidy shellcheck git)
packages_fuzz=(clang libclang-rt-dev llvm)
packages_cover=(gcovr)
packages_deb=(dpkg-dev debhelper)
packages_deb_check=(mmdebstrap debian-archive-keyring)
packages_trixie=(debootstrap debian-archive-keyring)

# ./dev guest: what this machine needs; what the guest runs; what builds the project for it.
packages_guest_host=(mmdebstrap debian-archive-keyring e2fsprogs)
packages_guest_run=(
	linux-image-amd64 busybox-static kmod iproute2 dbus pipewire pipewire-bin wireplumber libgstreamer-plugins-bad1.0-0
	gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly
	gstreamer1.0-libav gstreamer1.0-pipewire
)
packages_guest_build=(
	gcc libc6-dev pkgconf meson ninja-build check libdrm-dev libpipewire-0.3-dev libjansson-dev libcap-ng-dev
	libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
)
# More for the slow scenarios: compositors, systemd, a real-time kernel.
packages_guest_full=(
	linux-image-rt-amd64 systemd-sysv udev dbus-user-session libpam-systemd
	weston libgl1-mesa-dri libegl1 libgles2
)
packages_guest_qemu=(qemu-system-x86 seabios)
packages_guest_virgl=(qemu-system-x86 qemu-system-gui xvfb libgl1-mesa-dri libegl1) # and, since Debian 13:
packages_guest_virgl_13=(qemu-system-modules-opengl)
