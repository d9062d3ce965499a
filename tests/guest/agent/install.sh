# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What a package does; and a boot loader that is looked at, and a service that the profile stops, slowly while /run/slow
# is there.

cp -a "$HELIX/stage/." /
systemd-sysusers
systemd-tmpfiles --create
printf '[host]\nallow-host-write=%s\n[health]\nrole=dsp\n' "${1:-no}" >/etc/helix-agent/agent.conf

mkdir -p /boot/grub /etc/default/grub.d
cat >/usr/sbin/grub-mkconfig <<'END'
#!/bin/sh
GRUB_CMDLINE_LINUX=quiet
for file in /etc/default/grub.d/*.cfg; do
	[ ! -e "$file" ] || . "$file"
done
echo "linux /vmlinuz $GRUB_CMDLINE_LINUX" >"$2"
END
chmod +x /usr/sbin/grub-mkconfig
grub-mkconfig -o /boot/grub/grub.cfg

cat >/etc/systemd/system/irqbalance.service <<'END'
[Service]
ExecStart=sleep infinity
ExecStop=sh -c 'if [ -e /run/slow ]; then echo >/run/stopping; fi; while [ -e /run/slow ]; do sleep 0.1; done'
TimeoutStopSec=infinity
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet --now irqbalance.service
# As an installation is when the machine is reset later.
sync
