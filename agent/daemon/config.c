/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../env.h"

#include <hxfr/endpoint.h>
#include <stddef.h>
#include <string.h>

enum type {
	TEXT,
	NUMBER,
	OCTAL,
	BOOLEAN,
};

static const struct option {
	const char *group, *key;
	enum type type;
	size_t offset;
	unsigned max;
	const char *fallback, *help;
} options[] = {
#define AT(field) offsetof(struct config, field)
	{ "listen", "socket", TEXT, AT(socket), 0, "/run/helix-agent/agent.sock", "Unix socket" },
	{ "listen", "socket-mode", OCTAL, AT(socket_mode), 0777, "666", "its mode" },
	{ "listen", "group", TEXT, AT(group), 0, "helix", "group that may read" },
	{ "listen", "vsock-port", NUMBER, AT(vsock_port), G_MAXINT, "5001", "vsock port; 0: none" },
	{ "listen", "virtio-serial", TEXT, AT(virtio_serial), 0,
		"/dev/virtio-ports/org.helix.agent.0", "virtio-serial port" },
	{ "listen", "encoder-socket", TEXT, AT(encoder_socket), 0, "/run/helix-agent/encoder.sock",
		"where encoders of this machine report" },
	{ "listen", "idle-timeout-s", NUMBER, AT(idle_timeout_s), 86400, "300",
		"when a client that asks nothing is closed; 0: never" },
	{ "listen", "requests-per-s", NUMBER, AT(requests_per_s), 1000, "10",
		"of a user or host; 0: no limit" },
	{ "listen", "write-interval-s", NUMBER, AT(write_interval_s), 86400, "10",
		"between the writes of a user or host; 0: no limit" },
	{ "host", "allow-host-write", BOOLEAN, AT(allow_host_write), 0, "no",
		"may the host apply profiles?" },
	{ "host", "host-privileged-port", BOOLEAN, AT(host_privileged_port), 0, "no",
		"only hosts that come from a vsock port below 1024" },
	{ "apply", "apply-socket", TEXT, AT(apply_socket), 0, "/run/helix-agent/apply.sock",
		"where helix-applyd listens" },
	{ "process", "user", TEXT, AT(user), 0, "helix-agent", "to become, when started as root" },
	{ "health", "health-json", TEXT, AT(health_json), 0, "", "file to write for the host" },
	{ "health", "health-openmetrics", TEXT, AT(health_openmetrics), 0, "",
		"file to write for a textfile collector" },
	{ "health", "health-interval-s", NUMBER, AT(health_interval_s), 86400, "15",
		"how often, when nothing changes" },
	{ "health", "role", TEXT, AT(role), 0, "desktop", "of this machine: desktop or dsp" },
	{ "health", "rate", NUMBER, AT(rate_hz), 768000, "96000", "of the audio, Hz" },
	{ "health", "period", NUMBER, AT(period_frames), 65536, "128", "of the audio, frames" },
	{ "health", "periods", NUMBER, AT(periods), 64, "2", "of a buffer" },
	{ "health", "hugepages", NUMBER, AT(hugepages), G_MAXINT, "0", "wanted" },
	{ "health", "encoder", TEXT, AT(encoder), 0, "",
		"endpoint of the host encoder: vsock:2:5000" },
	{ "health", "state-dir", TEXT, AT(state_dir), 0, "/var/lib/helix-agent",
		"of helix-applyd's journal" },
#undef AT
};

static bool fail(GError **error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(
			G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE, format, args);
	va_end(args);
	return false;
}

static void *field(const struct config *config, const struct option *option)
{
	return (char *)config + option->offset;
}

static const struct option *find(const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		if (!strcmp(options[i].key, key))
			return &options[i];
	return NULL;
}

static bool set_boolean(const char *text, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL };
	static const char *const no[] = { "no", "false", "off", "0", NULL };

	if (!g_strv_contains(yes, text) && !g_strv_contains(no, text))
		return false;
	*ret = g_strv_contains(yes, text);
	return true;
}

static bool set(
	struct config *config, const struct option *option, const char *text, GError **error)
{
	guint64 number;
	bool good = true;

	switch (option->type) {
	case TEXT:
		g_free(*(char **)field(config, option));
		*(char **)field(config, option) = g_strdup(text);
		break;
	case NUMBER:
	case OCTAL:
		good = g_ascii_string_to_unsigned(
			text, option->type == OCTAL ? 8 : 10, 0, option->max, &number, NULL);
		if (good)
			*(unsigned *)field(config, option) = (unsigned)number;
		break;
	case BOOLEAN:
		good = set_boolean(text, field(config, option));
		break;
	}
	return good ||
	       fail(error, "%s: '%s' is no value for it (%s)", option->key, text, option->help);
}

/* --- the file --- */

static bool take_group(struct config *config, GKeyFile *file, const char *group, GError **error)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; *key; key++) {
		g_autofree char *text = g_key_file_get_string(file, group, *key, error);
		const struct option *option = find(*key);

		if (!text)
			return false;
		if (!option || strcmp(option->group, group) != 0)
			return fail(error, "[%s] has no key '%s'", group, *key);
		if (!set(config, option, text, error))
			return false;
	}
	return true;
}

static bool load_file(struct config *config, const char *path, bool optional, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) own = NULL;
	g_auto(GStrv) groups = NULL;

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &own)) {
		if (optional && g_error_matches(own, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
		return fail(error, "%s: %s", path, own->message);
	}
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++)
		if (!take_group(config, file, *group, &own))
			return fail(error, "%s: %s", path, own->message);
	return true;
}

/* --- the command line --- */

/* "--key=value" or "--key value": the value, and *i is moved on; NULL when there is none. */
static const char *value_of(int argc, char *const *argv, int *i)
{
	const char *equals = strchr(argv[*i], '=');

	if (equals)
		return equals + 1;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static char *key_of(const char *argument)
{
	return g_str_has_prefix(argument, "--")
		       ? g_strndup(argument + 2, strcspn(argument + 2, "="))
		       : g_strdup(argument);
}

/* Takes those that are no options of the table, when `config_path` is given; else the others. */
static bool take_arguments(struct config *config, int argc, char *const *argv,
	const char **config_path, GError **error)
{
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i], *value;
		g_autofree char *key = key_of(argument);
		const struct option *option = find(key);
		bool first = config_path != NULL;

		if (!strcmp(argument, "--dump-conf")) {
			config->dump = true;
			continue;
		}
		if (!strcmp(argument, "--foreground"))
			continue;
		if (!option && strcmp(key, "root") != 0 && strcmp(key, "config") != 0)
			return fail(error, "'%s' is no option", argument);
		value = value_of(argc, argv, &i);
		if (!value)
			return fail(error, "%s needs a value", argument);
		if (option && !first && !set(config, option, value, error))
			return false;
		if (first && !strcmp(key, "config"))
			*config_path = value;
		if (first && !strcmp(key, "root")) {
			g_free(config->root);
			config->root = g_strdup(value);
		}
	}
	return true;
}

static bool check(const struct config *config, GError **error)
{
	struct hxfr_endpoint encoder;

	if (strcmp(config->role, "desktop") != 0 && strcmp(config->role, "dsp") != 0)
		return fail(error, "role: '%s' is neither desktop nor dsp", config->role);
	if (config->rate_hz == 0 || config->period_frames == 0)
		return fail(error, "rate and period cannot be 0");
	if (*config->encoder && hxfr_endpoint_parse(config->encoder, &encoder) < 0)
		return fail(error, "encoder: '%s' is no vsock:CID:PORT, unix:PATH or tcp:HOST:PORT",
			config->encoder);
	return true;
}

static bool load(int argc, char *const *argv, struct config *config, GError **error)
{
	const char *path = NULL;
	g_autofree char *fallback = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		if (!set(config, &options[i], options[i].fallback, error))
			return false;
	if (!take_arguments(config, argc, argv, &path, error))
		return false;
	fallback = g_strconcat(config->root ? config->root : "", CONFIG_PATH, NULL);
	return load_file(config, path ? path : fallback, !path, error) &&
	       take_arguments(config, argc, argv, NULL, error) && check(config, error);
}

bool config_load(int argc, char *const *argv, struct config *ret, GError **error)
{
	struct config config = { 0 };

	if (!load(argc, argv, &config, error)) {
		config_finish(&config);
		return false;
	}
	*ret = config;
	return true;
}

void config_finish(struct config *config)
{
	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		if (options[i].type == TEXT)
			g_free(*(char **)field(config, &options[i]));
	g_free(config->root);
	*config = (struct config){ 0 };
}

static char *format(const struct config *config, const struct option *option)
{
	switch (option->type) {
	case TEXT:
		return g_strdup(*(char **)field(config, option));
	case NUMBER:
		return g_strdup_printf("%u", *(unsigned *)field(config, option));
	case OCTAL:
		return g_strdup_printf("%o", *(unsigned *)field(config, option));
	case BOOLEAN:
		return g_strdup(*(bool *)field(config, option) ? "yes" : "no");
	}
	return NULL;
}

char *config_dump(const struct config *config)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
		g_autofree char *text = format(config, &options[i]);

		g_key_file_set_string(file, options[i].group, options[i].key, text);
	}
	return g_key_file_to_data(file, NULL, NULL);
}

char *config_help(void)
{
	GString *help = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		g_string_append_printf(help, "  --%-22s%s (%s)\n", options[i].key, options[i].help,
			*options[i].fallback ? options[i].fallback : "none");
	return g_string_free(help, FALSE);
}

void config_wanted(const struct config *config, struct probe_wanted *ret)
{
	*ret = (struct probe_wanted){
		.role = strcmp(config->role, "dsp") == 0 ? PROBE_ROLE_DSP : PROBE_ROLE_DESKTOP,
		.rate_hz = config->rate_hz,
		.period_frames = config->period_frames,
		.periods = config->periods,
		.hugepages = config->hugepages,
		.encoder = *config->encoder ? config->encoder : NULL,
		.state_dir = config->state_dir,
	};
}
