#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# PipeWire as in a user's session, until it is killed; nothing when there is one. Says "session is up" when programs
# can connect.

set -eu
[ ! -e "$XDG_RUNTIME_DIR/session-is-up" ] || {
	echo "session is up"
	exit
}
rm -rf "$XDG_RUNTIME_DIR" /run/dbus
mkdir "$XDG_RUNTIME_DIR" /run/dbus
# The session manager of Debian 12 ends without these of systemd-logind.
mkdir -p /run/systemd/seats /run/systemd/sessions /run/systemd/users /run/systemd/machines
chmod 0700 "$XDG_RUNTIME_DIR"
dbus-daemon --system --fork --nopidfile
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork
pipewire &
until pw-cli info 0 >/dev/null 2>&1; do sleep 0.1; done
wireplumber &
until wpctl status 2>/dev/null | grep -q WirePlumber; do sleep 0.1; done
touch "$XDG_RUNTIME_DIR/session-is-up"
echo "session is up"
wait
