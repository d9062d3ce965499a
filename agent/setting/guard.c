/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include <string.h>

static bool any_name(const struct env *env, const char *folder, const char *pattern)
{
	g_auto(GStrv) names = env_list(env, folder);

	for (char **name = names; *name; name++)
		if (g_pattern_match_simple(pattern, *name))
			return true;
	return false;
}

static bool text_has(const struct env *env, const char *path, const char *what)
{
	g_autofree char *text = NULL;

	return env_read(env, path, &text, NULL) && strstr(text, what);
}

/* A line that is no comment has one of these words as a field. */
static bool has_field(const struct env *env, const char *path, const char *const *words)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!env_read(env, path, &text, NULL))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit_set(g_strstrip(*line), " \t,", -1);

		for (char **field = fields; **line != '#' && *field; field++)
			if (g_strv_contains(words, *field))
				return true;
	}
	return false;
}

static bool no_isolation(const struct env *env)
{
	g_autofree char *text = NULL;

	return !env_read_line(env, "/sys/devices/system/cpu/isolated", &text, NULL) || !*text;
}

static bool one_cpu(const struct env *env)
{
	g_autofree char *text = NULL;
	struct env_cpus cpus;

	return !env_read_line(env, "/sys/devices/system/cpu/online", &text, NULL) ||
	       !env_cpus_parse(text, &cpus) || env_cpus_count(&cpus) < 2;
}

static bool little_memory(const struct env *env)
{
	g_autofree char *text = NULL;
	const char *line;

	if (!env_read(env, "/proc/meminfo", &text, NULL))
		return true;
	line = strstr(text, "MemAvailable:");
	return !line || g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) < 1024 * 1024;
}

static bool physical(const struct env *env)
{
	static const char *const flag[] = { "hypervisor", NULL };

	return !has_field(env, "/proc/cpuinfo", flag) && !env_exists(env, "/sys/hypervisor/type") &&
	       !env_exists(env, "/proc/device-tree/hypervisor");
}

static bool no_apt(const struct env *env)
{
	return !env_exists(env, "/usr/bin/apt-get");
}

static bool printers(const struct env *env)
{
	return text_has(env, "/etc/cups/printers.conf", "<Printer") ||
	       text_has(env, "/etc/cups/printers.conf", "<DefaultPrinter");
}

static bool bluetooth(const struct env *env)
{
	return any_name(env, "/sys/class/bluetooth", "*");
}

static bool wireless(const struct env *env)
{
	g_auto(GStrv) links = env_list(env, "/sys/class/net");

	for (char **link = links; *link; link++) {
		g_autofree char *path = g_strdup_printf("/sys/class/net/%s/wireless", *link);

		if (env_exists(env, path))
			return true;
	}
	return any_name(env, "/sys/class/ieee80211", "*");
}

static bool modem(const struct env *env)
{
	return any_name(env, "/sys/class/net", "wwan*") || any_name(env, "/dev", "cdc-wdm*") ||
	       any_name(env, "/dev", "ttyUSB*");
}

static bool thunderbolt(const struct env *env)
{
	return any_name(env, "/sys/bus/thunderbolt/devices", "*");
}

static bool firmware(const struct env *env)
{
	return any_name(env, "/sys/firmware/efi/esrt/entries", "*") ||
	       any_name(env, "/sys/class/nvme", "*");
}

static bool sensors(const struct env *env)
{
	return any_name(env, "/sys/class/hwmon", "*") ||
	       any_name(env, "/sys/class/thermal", "*zone*");
}

static bool discard(const struct env *env)
{
	g_auto(GStrv) disks = env_list(env, "/sys/block");

	for (char **disk = disks; *disk; disk++) {
		g_autofree char *path =
			g_strdup_printf("/sys/block/%s/queue/discard_max_bytes", *disk);
		int64_t bytes;

		if (env_read_number(env, path, &bytes, NULL) && bytes > 0)
			return true;
	}
	return false;
}

static bool snaps(const struct env *env)
{
	return any_name(env, "/var/lib/snapd/snaps", "*.snap");
}

static bool desktop(const struct env *env)
{
	return any_name(env, "/usr/share/xsessions", "*.desktop") ||
	       any_name(env, "/usr/share/wayland-sessions", "*.desktop");
}

static bool mdns(const struct env *env)
{
	return text_has(env, "/etc/nsswitch.conf", "mdns");
}

static bool network_mounts(const struct env *env)
{
	static const char *const words[] = { "nfs", "nfs4", "cifs", "_netdev", "ceph", "glusterfs",
		NULL };

	return has_field(env, "/etc/fstab", words) ||
	       any_name(env, "/sys/class/iscsi_session", "*");
}

static bool mapped_disks(const struct env *env)
{
	return any_name(env, "/sys/block", "dm-*") || any_name(env, "/sys/block", "md*") ||
	       any_name(env, "/sys/class/iscsi_session", "*");
}

const struct guard guard_table[] = {
	{ "no-isolation", "no CPU is isolated", no_isolation },
	{ "one-cpu", "the machine has one CPU", one_cpu },
	{ "little-memory", "less than 1 GiB of memory is available", little_memory },
	{ "physical", "the machine is not virtual", physical },
	{ "no-apt", "there is no apt", no_apt },
	{ "printers", "a printer is configured", printers },
	{ "bluetooth", "there is a Bluetooth adapter", bluetooth },
	{ "wireless", "there is a wireless adapter", wireless },
	{ "modem", "there may be a modem", modem },
	{ "thunderbolt", "there is a Thunderbolt controller", thunderbolt },
	{ "firmware", "there is firmware that could be updated", firmware },
	{ "sensors", "there are sensors", sensors },
	{ "discard", "a disk gives freed blocks back to the host", discard },
	{ "snaps", "snaps are installed", snaps },
	{ "desktop", "a desktop session is installed", desktop },
	{ "mdns", "host names are resolved by mDNS", mdns },
	{ "network-mounts", "file systems are mounted from the network", network_mounts },
	{ "mapped-disks", "a mapped, RAID or iSCSI disk is in use", mapped_disks },
	{ NULL },
};

static const struct guard *find(const char *name)
{
	for (const struct guard *guard = guard_table; guard->name; guard++)
		if (!strcmp(guard->name, name))
			return guard;
	return NULL;
}

bool guard_holds(const struct env *env, const char *names, char **ret_reason)
{
	g_auto(GStrv) list = g_strsplit(names, ";", -1);

	for (char **name = list; *name; name++) {
		const struct guard *guard = find(g_strstrip(*name));

		if (!**name || (guard && !guard->holds(env)))
			continue;
		*ret_reason = guard ? g_strdup(guard->because)
				    : g_strdup_printf("the guard %s is not known", *name);
		return true;
	}
	return false;
}
