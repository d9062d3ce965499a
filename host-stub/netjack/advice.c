/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "advice.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ADDRESSES_MAX 6u

/* --- no slave --- */

static void append_address(GString *text, struct in_addr address, const char *interface)
{
	char name[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, name, sizeof name);
	g_string_append_printf(text, "%s%s (%s)", text->len > 0 ? ", " : "", name, interface);
}

/* "192.168.122.1 (virbr0), ...", and the first of them. */
static char *list_addresses(struct in_addr *ret_first)
{
	GString *text = g_string_new(NULL);
	struct ifaddrs *all = NULL;
	unsigned n = 0;

	ret_first->s_addr = htonl(INADDR_LOOPBACK);
	if (getifaddrs(&all) < 0)
		return g_string_free(text, FALSE);
	for (struct ifaddrs *a = all; a && n < ADDRESSES_MAX; a = a->ifa_next) {
		struct sockaddr_in address;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET ||
			(a->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
			continue;
		memcpy(&address, a->ifa_addr, sizeof address);
		if (n++ == 0)
			*ret_first = address.sin_addr;
		append_address(text, address.sin_addr, a->ifa_name);
	}
	freeifaddrs(all);
	return g_string_free(text, FALSE);
}

char *advice_no_slave(struct in_addr address, uint16_t port, bool by_name)
{
	char host[INET_ADDRSTRLEN], other_port[16] = "";
	g_autofree char *others = NULL;

	if (address.s_addr == htonl(INADDR_ANY))
		others = list_addresses(&address);
	inet_ntop(AF_INET, &address, host, sizeof host);
	if (port != NETJACK_PORT)
		g_snprintf(other_port, sizeof other_port, " -p %u", port);
	return g_strdup_printf(
		"no slave yet. In the guest: jackd -R -S -d net -a %s%s -l 1 (its default, -l 5 "
		"without -S, makes a loop of 5 to 6 periods)%s%s%s%s; UDP port %u must be open",
		host, other_port, others && *others ? "; addresses of this machine: " : "",
		others ? others : "", others ? "; 127.0.0.1 for a slave on this machine" : "",
		by_name ? "; only slaves named by --slave come in" : "", port);
}

char *advice_nothing_back(const struct slave_report *slave)
{
	const struct netjack_session *s = &slave->session;

	if (s->return_audio == 0 || s->send_audio == 0)
		return g_strdup_printf(
			"%s has %d channels to play to and %d that come back: start it with -C 2 "
			"-P 2, or say --channels 2",
			s->name, s->send_audio, s->return_audio);
	return g_strdup_printf(
		"%s is there, but nothing that was sent comes back. In the guest: jack_connect "
		"system:capture_1 system:playback_1, and so on; or the programs between them",
		s->name);
}

/* --- the port --- */

/* The inode of a socket that is bound to the UDP port: /proc/net/udp, proc(5). */
static unsigned long find_inode(uint16_t port)
{
	char line[512];
	unsigned long found = 0;
	FILE *file = fopen("/proc/net/udp", "re");

	while (file && found == 0 && fgets(line, sizeof line, file)) {
		g_auto(GStrv) words = g_strsplit_set(g_strstrip(line), " ", -1);
		unsigned local_port, n = 0;
		const char *fields[16];

		for (char **word = words; *word && n < G_N_ELEMENTS(fields); word++)
			if (**word)
				fields[n++] = *word;
		const char *colon = n > 9 ? strrchr(fields[1], ':') : NULL;
		if (!colon)
			continue;
		local_port = (unsigned)g_ascii_strtoull(colon + 1, NULL, 16);
		if (local_port == port)
			found = (unsigned long)g_ascii_strtoull(fields[9], NULL, 10);
	}
	if (file)
		fclose(file);
	return found;
}

static bool has_inode(const char *pid, unsigned long inode)
{
	g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
	g_autofree char *wanted = g_strdup_printf("socket:[%lu]", inode);
	const char *name;
	bool found = false;
	GDir *dir = g_dir_open(folder, 0, NULL);

	while (dir && !found && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		char target[64];
		ssize_t n = readlink(path, target, sizeof target - 1);

		if (n > 0) {
			target[n] = '\0';
			found = strcmp(target, wanted) == 0;
		}
	}
	if (dir)
		g_dir_close(dir);
	return found;
}

/* "jackd (process 1234)"; NULL: nobody knows, or nobody may. */
static char *find_owner(uint16_t port)
{
	unsigned long inode = find_inode(port);
	GDir *dir = inode ? g_dir_open("/proc", 0, NULL) : NULL;
	const char *pid;
	char *owner = NULL;

	while (dir && !owner && (pid = g_dir_read_name(dir))) {
		g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid), *name = NULL;

		if (isdigit((unsigned char)*pid) && has_inode(pid, inode) &&
			g_file_get_contents(path, &name, NULL, NULL))
			owner = g_strdup_printf("%s (process %s)", g_strstrip(name), pid);
	}
	if (dir)
		g_dir_close(dir);
	return owner;
}

char *advice_listen(const struct netjack_options *options, int error)
{
	g_autofree char *owner = error == -EADDRINUSE ? find_owner(options->port) : NULL;
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &options->address, address, sizeof address);
	if (error == -EADDRINUSE)
		return g_strdup_printf(
			"UDP port %u is taken by %s: another NETJACK2 master (netmanager of jackd, "
			"netjack2-manager of PipeWire, another helix-host-stub)? End it, or say "
			"--port",
			options->port, owner ? owner : "another program");
	if (error == -EADDRNOTAVAIL)
		return g_strdup_printf(
			"%s is no address of this machine; 'ip -br address' lists them", address);
	return g_strdup_printf(
		"cannot listen on %s, UDP port %u: %s", address, options->port, g_strerror(-error));
}
