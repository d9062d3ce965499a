# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Everything that the profile may change, as "NAME:VALUE" lines. Nobody's word is taken for it but the kernel's and systemd's.

for name in swappiness dirty_ratio dirty_background_ratio stat_interval compaction_proactiveness nr_hugepages; do
	echo "/proc/sys/vm/$name"
done >/tmp/names
# Not kernel.watchdog: while the watchdogs are off, reading it keeps soft_watchdog from being set again (kernel/watchdog.c,
# proc_watchdog_common() of Linux 6.12).
for name in numa_balancing nmi_watchdog soft_watchdog timer_migration hung_task_timeout_secs sched_rt_runtime_us; do
	echo "/proc/sys/kernel/$name"
done >>/tmp/names
# shellcheck disable=SC2046 # several words
grep -Hs '' $(cat /tmp/names) /proc/sys/fs/inotify/max_user_watches /sys/kernel/mm/transparent_hugepage/enabled \
	/sys/kernel/mm/transparent_hugepage/defrag /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor \
	/sys/devices/virtual/workqueue/cpumask /sys/bus/workqueue/devices/writeback/cpumask \
	/sys/devices/system/machinecheck/machinecheck*/ignore_ce /proc/irq/*/smp_affinity_list /boot/grub/grub.cfg || :
echo "dma-latency:$(od -An -td4 -N4 /dev/cpu_dma_latency | tr -d ' ')"
echo "irqbalance:$(systemctl is-active irqbalance.service || :) $(systemctl is-enabled irqbalance.service || :)"
find /etc -type l -printf '%p:%l\n'
# The stamp of systemd's updates is of this boot.
find /etc -type f ! -name .updated -exec md5sum {} + | sed 's/^\([^ ]*\)  \(.*\)/\2:\1/'
