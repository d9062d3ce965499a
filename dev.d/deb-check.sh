#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# In a fresh Debian, as root: the packages in /debs install, run, and leave nothing behind. For ./dev deb --check.

set -eu

fail() {
	echo "deb-check: $*" >&2
	exit 1
}

ours() {
	find / -xdev \( -path /debs -o -path /proc -o -path /sys -o -path /var/lib/dpkg -o -path /var/log \) -prune -o \
		\( -name '*helix*' -o -name '*vsockenc*' \) -print
}

# wait_for FILE: for 10 s at most.
wait_for() {
	n=0
	until [ -e "$1" ]; do
		n=$((n + 1))
		[ "$n" -lt 100 ] || fail "$1 never appeared"
		sleep 0.1
	done
}

quietly() {
	"$@" >/tmp/log 2>&1 || {
		cat /tmp/log >&2
		fail "$* failed"
	}
}

[ -z "$(ours)" ] || fail "something is there before: $(ours)"
quietly apt-get -q update
quietly apt-get -q -y install --no-install-recommends /debs/*.deb gstreamer1.0-tools

getent passwd helix-agent >/dev/null || fail "no user helix-agent"
getent group helix >/dev/null || fail "no group helix"
[ "$(stat -c %U /run/helix-agent 2>/dev/null || echo helix-agent)" = helix-agent ] || fail "/run/helix-agent is not its user's"
for unit in helix-agentd.service helix-applyd.service helix-applyd.socket; do
	find /etc/systemd/system -name "$unit" | grep -q . || fail "$unit is not enabled"
done
gst-inspect-1.0 vsockenc >/dev/null || fail "GStreamer does not find vsockenc"
helix-host-stub --help >/dev/null || fail "helix-host-stub does not run"

# Without a service manager, as in a container.
/usr/libexec/helix-applyd &
applyd=$!
wait_for /run/helix-agent/apply.sock
/usr/libexec/helix-agentd --vsock-port=0 &
agentd=$!
wait_for /run/helix-agent/agent.sock
helix-agent health --refresh --check mem.avail || fail "no health"
helix-agent profile list | grep -q rt-audio || fail "no profile"
kill "$agentd" "$applyd"
wait "$agentd" || fail "helix-agentd ended with $?"
wait "$applyd" || fail "helix-applyd ended with $?"

quietly apt-get -q -y purge gstreamer1.0-vsockenc helix-agent helix-host-stub
[ -z "$(ours)" ] || fail "left behind: $(ours)"
