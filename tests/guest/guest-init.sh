#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# First process of the guest, in place of an init system (or a service of systemd). Every line that comes in on the second serial port is the
# name of a script on the share; it is run beside the others, its output goes to NAME.out, and "done NAME STATUS" goes back.
# The line "stop" kills everything but this, "reboot" is a reset without farewell.

if [ $$ = 1 ]; then
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mkdir -p /dev/shm /dev/pts
	mount -t tmpfs tmpfs /dev/shm
	mount -t devpts devpts /dev/pts
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /tmp
fi
mkdir -p /mnt/host
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none host /mnt/host
ip link set lo up
modules=$(sed -n 's/.*modules=\([^ ]*\).*/\1/p' /proc/cmdline | tr , ' ')
# shellcheck disable=SC2086 # several words
modprobe -a virtio_net $modules
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up

HELIX=$(sed -n 's/.*helix=\([^ ]*\).*/\1/p' /proc/cmdline)
export HELIX HOME=/tmp LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user
export PATH="$HELIX/build/host-stub:$HELIX/build/agent:$HELIX/build/agent/ctl:$HELIX/build/tests/support/guest:/usr/sbin:/usr/bin:/sbin:/bin"
# The registry is complete: looking at every plugin again would take seconds.
export GST_PLUGIN_PATH="$HELIX/build/gst-vsockenc" GST_REGISTRY="$HELIX/registry" GST_REGISTRY_UPDATE=no
export GST_DEBUG_NO_COLOR=1
export DBUS_SESSION_BUS_ADDRESS="unix:path=$XDG_RUNTIME_DIR/bus"
mkdir "$XDG_RUNTIME_DIR"
chmod 0700 "$XDG_RUNTIME_DIR"

run() {
	status=0
	setsid sh -c 'echo $$ >"/mnt/host/$1.pid"; exec sh -eu "/mnt/host/$1"' sh "$1" \
		</dev/null >"/mnt/host/$1.out" 2>&1 3>&- || status=$?
	echo "done $1 $status" >&3
}

stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo ready >&3
while read -r name <&3; do
	case $name in
	stop)
		[ $$ != 1 ] || kill -KILL -1
		rm -f "$XDG_RUNTIME_DIR/session-is-up"
		echo stopped >&3
		;;
	reboot) echo b >/proc/sysrq-trigger ;;
	*) run "$name" & ;;
	esac
done
