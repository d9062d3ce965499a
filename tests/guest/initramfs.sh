#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
# /init of the initramfs: the root is a folder of the host, read-only, with everything that is written kept in memory, or on
# the disk where there is one.

set -e
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
while read -r module; do
	insmod "/modules/$module"
done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro rootfs /lower
if [ -b /dev/vda ]; then
	mount -t ext4 /dev/vda /upper
else
	mount -t tmpfs -o size=50% tmpfs /upper
fi
mkdir -p /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
cp /guest-init /root/guest-init
cp /guest-init.service /root/etc/systemd/system
mount -t proc proc /proc
first=$(sed -n 's/.*first=\([^ ]*\).*/\1/p' /proc/cmdline)
umount /proc
mount -o move /dev /root/dev
exec switch_root /root "${first:-/guest-init}"
