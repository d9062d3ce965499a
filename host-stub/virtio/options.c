/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include "../command.h"
#include "edid.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CID     3u /* the first that is no special one, vsock(7) */
#define DEFAULT_WIDTH   1920u
#define DEFAULT_HEIGHT  1080u
#define DEFAULT_REFRESH 60u
#define DEFAULT_MEMORY  "2G"
#define REFRESH_MAX     240u
#define CID_MAX         0xfffffffeu /* 0xffffffff is VMADDR_CID_ANY */

/* "_4294967295", a port behind uds_path: the longest name in the folder. */
#define LONGEST_NAME (sizeof "/" VIRTIO_UDS "_4294967295" - 1)

/* As GOption leaves it. */
struct raw {
	char *dir, *cid, *console, *scanouts, *refresh, *only, *memory;
	struct command_log log;
};

static void raw_finish(struct raw *raw)
{
	g_free(raw->dir);
	g_free(raw->cid);
	g_free(raw->console);
	g_free(raw->scanouts);
	g_free(raw->refresh);
	g_free(raw->only);
	g_free(raw->memory);
	g_free(raw->log.level);
}

static const char sockets_help[] =
	"Sockets in DIR:\n"
	"  gpu.sock, vsock.sock  vhost-user, for QEMU: its arguments are printed by "
	"'helix-host-stub qemu-args'\n"
	"  resources.sock        for 'helix-host-stub stream --resources "
	"unix:DIR/resources.sock'\n"
	"  vsock_PORT            made by whoever wants to serve guests that connect to "
	"port PORT of CID 2:\n"
	"                        'helix-host-stub stream --listen unix:DIR/vsock_5000'\n"
	"  vsock                 reaches into the guest: connect, send \"CONNECT PORT\\n\", "
	"read \"OK ...\\n\"\n";

static const char qemu_args_help[] =
	"Prints arguments, one or more a line, for: qemu-system-x86_64 ... $(helix-host-stub "
	"qemu-args)\n"
	"Takes the options that 'helix-host-stub virtio' was started with, and the guest's memory.\n";

/* Both commands take the options of both, so that one list serves the two; each shows its own. */
static int parse_raw(const char *name, int argc, char **argv, struct raw *raw)
{
	bool prints = strcmp(name, "qemu-args") == 0;
	int of_devices = prints ? G_OPTION_FLAG_HIDDEN : 0;
	int of_qemu = prints ? 0 : G_OPTION_FLAG_HIDDEN;
	const GOptionEntry entries[] = {
		{ "dir", 'd', 0, G_OPTION_ARG_FILENAME, &raw->dir,
			"Folder of the sockets (default $XDG_RUNTIME_DIR/helix-host, for root "
			"/run/helix-host)",
			"DIR" },
		{ "cid", 'c', of_devices, G_OPTION_ARG_STRING, &raw->cid,
			"vsock address of the guest (default 3)", "CID" },
		{ "console", 0, 0, G_OPTION_ARG_STRING, &raw->console,
			"Size of every screen (default 1920x1080)", "WIDTHxHEIGHT" },
		{ "scanouts", 0, 0, G_OPTION_ARG_STRING, &raw->scanouts,
			"Screens, connected from the start, 1 to 16 (default 1)", "N" },
		{ "refresh", 0, of_devices, G_OPTION_ARG_STRING, &raw->refresh,
			"Refresh rate that the screens announce (default 60)", "HZ" },
		{ "only", 0, 0, G_OPTION_ARG_STRING, &raw->only,
			"Just that device (default: both, a process each)", "gpu|vsock" },
		{ "memory", 'm', of_qemu, G_OPTION_ARG_STRING, &raw->memory,
			"RAM of the guest (default " DEFAULT_MEMORY ")", "SIZE" },
		COMMAND_LOG_OPTIONS(&raw->log),
		G_OPTION_ENTRY_NULL,
	};
	return command_parse(name, entries, prints ? qemu_args_help : sockets_help, argc, argv);
}

static int parse_number(
	const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	guint64 value;

	if (!text)
		return 0;
	if (!g_ascii_string_to_unsigned(text, 10, min, max, &value, NULL)) {
		g_printerr("helix-host-stub: %s %s: write a number from %u to %u\n", option, text,
			min, max);
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

static int parse_dir(const char *dir, struct virtio_options *options)
{
	g_autofree char *fallback = g_build_filename(
		geteuid() == 0 ? "/run" : g_get_user_runtime_dir(), "helix-host", NULL);

	if (!dir)
		dir = fallback;
	if (strlen(dir) + LONGEST_NAME >= sizeof options->dir) {
		g_printerr("helix-host-stub: --dir %s is too long: paths of sockets have %zu "
			   "bytes\n",
			dir, sizeof options->dir - 1);
		return -EINVAL;
	}
	g_strlcpy(options->dir, dir, sizeof options->dir);
	return 0;
}

static int parse_only(const char *only, struct virtio_options *options)
{
	options->gpu = !only || strcmp(only, "gpu") == 0;
	options->vsock = !only || strcmp(only, "vsock") == 0;
	if (options->gpu || options->vsock)
		return 0;
	g_printerr("helix-host-stub: --only %s: write gpu or vsock\n", only);
	return -EINVAL;
}

/* Digits and a suffix of QEMU's. */
static int parse_memory(const char *memory, struct virtio_options *options)
{
	const char *text = memory ? memory : DEFAULT_MEMORY;
	size_t digits = strspn(text, "0123456789");

	if (digits > 0 && digits < 10 && strlen(text) == digits + 1 && strchr("MG", text[digits])) {
		g_strlcpy(options->memory, text, sizeof options->memory);
		return 0;
	}
	g_printerr("helix-host-stub: --memory %s: write a size such as 512M or 4G\n", text);
	return -EINVAL;
}

static int parse_values(const struct raw *raw, struct virtio_options *options)
{
	uint32_t n_scanouts = 1;

	int r = parse_number("--cid", raw->cid, DEFAULT_CID, CID_MAX, &options->cid);
	if (r == 0)
		r = parse_number("--scanouts", raw->scanouts, 1, GPU_SCANOUTS_MAX, &n_scanouts);
	if (r == 0)
		r = parse_number("--refresh", raw->refresh, 1, REFRESH_MAX, &options->refresh_hz);
	if (r == 0)
		r = command_parse_size("--console", raw->console, EDID_SIDE_MAX, &options->width,
			&options->height);
	options->n_scanouts = n_scanouts;
	return r;
}

int virtio_options_parse(const char *name, int argc, char **argv, struct virtio_options *ret)
{
	struct raw raw = { 0 };
	struct virtio_options options = {
		.cid = DEFAULT_CID,
		.width = DEFAULT_WIDTH,
		.height = DEFAULT_HEIGHT,
		.refresh_hz = DEFAULT_REFRESH,
	};

	int r = parse_raw(name, argc, argv, &raw);
	if (r == 0)
		r = parse_dir(raw.dir, &options);
	if (r == 0)
		r = parse_only(raw.only, &options);
	if (r == 0)
		r = parse_memory(raw.memory, &options);
	if (r == 0)
		r = parse_values(&raw, &options);
	if (r == 0)
		r = command_parse_log(&raw.log, &options.log_level);
	raw_finish(&raw);
	if (r == 0)
		*ret = options;
	return r;
}

void virtio_path(const struct virtio_options *options, const char *name, char ret[VIRTIO_PATH_MAX])
{
	g_strlcpy(ret, options->dir, VIRTIO_PATH_MAX);
	g_strlcat(ret, "/", VIRTIO_PATH_MAX);
	g_strlcat(ret, name, VIRTIO_PATH_MAX);
}
