/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* helix-agentd: answers questions about this machine. Changes nothing; helix-applyd does. */

#include "../health.h"
#include "../notify.h"
#include "../probe/link-log.h"
#include "../probe/override.h"
#include "agentd.h"
#include "encoder-socket.h"
#include "errand.h"
#include "forward.h"
#include "health-writer.h"
#include "policy.h"
#include "port.h"
#include "privilege.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WRITE_LATE_MS 10000u /* a file system that does not answer */

struct program {
	struct config config;
	struct env env;
	struct agentd agentd;
	struct policy policy;
	struct dialect *dialect;
	struct dialect_server *server;
	struct port *port;
	struct encoder_log *encoder_log;
	struct encoder_socket *encoder_socket;
	GString *places; /* where it listens */
	GMainLoop *loop;
	char *status;                                       /* of the service manager, last told */
	struct health_writer *json_writer, *metrics_writer; /* NULL: none is wanted */
};

static const struct dialect_command *const tables[] = { guest_commands, health_commands,
	forward_commands, facts_commands, link_commands };

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	fprintf(stderr, "helix-agentd: %s\n", text);
}

/* --- health goes out --- */

static void on_write_failed(void *user, const char *why)
{
	say("health cannot be written: %s", why);
}

static char *all_metrics(struct health *health)
{
	return health_openmetrics(health, NULL);
}

static struct health_writer *writer_new(
	const struct program *program, const char *path, char *(*format)(struct health *health))
{
	g_autofree char *full = env_path(&program->env, path);
	const struct health_writer_config config = {
		.path = full,
		.format = format,
		.late_ms = WRITE_LATE_MS,
		.failed = on_write_failed,
	};

	return *path ? health_writer_new(&config) : NULL;
}

static gboolean write_health(void *user)
{
	struct program *program = user;

	if (program->json_writer)
		health_writer_write(program->json_writer, program->agentd.health);
	if (program->metrics_writer)
		health_writer_write(program->metrics_writer, program->agentd.health);
	return G_SOURCE_CONTINUE;
}

static void on_changed(void *user)
{
	struct program *program = user;
	g_autofree char *summary = health_summary(program->agentd.health);
	g_autofree char *state = g_strdup_printf("STATUS=%s", summary);

	if (g_strcmp0(state, program->status)) {
		notify_send(state);
		g_free(program->status);
		program->status = g_steal_pointer(&state);
	}
	write_health(program);
}

static gboolean on_watchdog(void *user)
{
	notify_send("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(void *user)
{
	struct program *program = user;

	g_main_loop_quit(program->loop);
	return G_SOURCE_CONTINUE;
}

/* --- who listens where --- */

static bool admit(void *user, const struct dialect_peer *peer, struct dialect_terms *ret)
{
	const struct program *program = user;

	return policy_admit(&program->policy, peer, ret);
}

static void add_place(struct program *program, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add_place(struct program *program, const char *format, ...)
{
	va_list args;

	if (program->places->len)
		g_string_append(program->places, ", ");
	va_start(args, format);
	g_string_append_vprintf(program->places, format, args);
	va_end(args);
}

static bool listen_unix(struct program *program, GError **error)
{
	g_autofree char *path = env_path(&program->env, program->config.socket);
	g_autofree char *folder = g_path_get_dirname(path);

	if (!*program->config.socket)
		return true;
	g_mkdir_with_parents(folder, 0755);
	if (!dialect_server_listen_unix(
		    program->server, path, program->config.socket_mode, error)) {
		if (geteuid() != 0)
			g_prefix_error(error, "start it as root, or say --socket PATH: ");
		return false;
	}
	add_place(program, "%s", path);
	return true;
}

static void listen_vsock(struct program *program)
{
	g_autoptr(GError) error = NULL;

	if (program->config.vsock_port == 0)
		return;
	if (!dialect_server_listen_vsock(program->server, program->config.vsock_port, &error))
		say("not on vsock: %s", error->message);
	else
		add_place(program, "vsock port %u", program->config.vsock_port);
}

static void open_port(struct program *program)
{
	g_autofree char *path = env_path(&program->env, program->config.virtio_serial);
	struct dialect_terms terms = policy_host_terms(&program->policy);

	if (*program->config.virtio_serial)
		program->port = port_new(path, program->dialect, &terms);
	if (*program->config.virtio_serial)
		add_place(program, "virtio-serial %s%s", path,
			g_file_test(path, G_FILE_TEST_EXISTS) ? "" : " (not there yet)");
}

/* Encoders also work without being watched. */
static void listen_to_encoders(struct program *program)
{
	g_autofree char *path = env_path(&program->env, program->config.encoder_socket);
	g_autoptr(GError) error = NULL;

	if (!*program->config.encoder_socket)
		return;
	program->encoder_socket =
		encoder_socket_new(path, &program->env, program->encoder_log, &error);
	if (!program->encoder_socket)
		say("not told of streams: %s", error->message);
}

static bool start_talking(struct program *program, GError **error)
{
	const struct config *config = &program->config;
	const struct dialect_server_config server = {
		.dialect = program->dialect,
		.admit = admit,
		.user = program,
		.idle_timeout_ms = config->idle_timeout_s * 1000,
	};

	program->policy = (struct policy){
		.own_uid = privilege_uid_of(config->user),
		.own_cid = privilege_own_cid(),
		.allow_host_write = config->allow_host_write,
		.host_privileged_port = config->host_privileged_port,
		.requests_per_s = config->requests_per_s,
		.write_interval_s = config->write_interval_s,
	};
	program->policy.has_group = privilege_find_group(config->group, &program->policy.group);
	program->server = dialect_server_new(&server);
	if (dialect_server_inherit(program->server) > 0)
		add_place(program, "what was handed over");
	else if (!listen_unix(program, error))
		return false;
	listen_vsock(program);
	open_port(program);
	listen_to_encoders(program);
	return true;
}

/* --- life --- */

static void complain(void *user, const char *mistake)
{
	say("%s", mistake);
}

static void start(struct program *program)
{
	struct probe_wanted wanted;

	env_init(&program->env, program->config.root);
	config_wanted(&program->config, &wanted);
	g_autofree char *apply = env_path(&program->env, program->config.apply_socket);
	wanted.apply_socket = apply;
	wanted.overrides = overrides_new();
	overrides_load(wanted.overrides, &program->env, complain, NULL);
	wanted.link_log = link_log_new();
	wanted.encoder_log = program->encoder_log = encoder_log_new();
	program->agentd = (struct agentd){
		.env = &program->env,
		.config = &program->config,
		.link_log = wanted.link_log,
		.health = health_new(&program->env, &wanted),
	};
	overrides_unref(wanted.overrides);
	program->agentd.forward = forward_new(apply, &forward_times);
	program->agentd.errands = errands_new(&program->env);
	program->dialect = dialect_new(tables, G_N_ELEMENTS(tables), &program->agentd);
	program->loop = g_main_loop_new(NULL, FALSE);
	program->places = g_string_new(NULL);
}

static void run(struct program *program)
{
	unsigned watchdog_ms = notify_watchdog_ms();

	/* A service manager knows, and its journal need not. */
	if (!g_getenv("NOTIFY_SOCKET"))
		say("listens on %s", program->places->len ? program->places->str : "nothing");
	g_unix_signal_add(SIGTERM, on_signal, program);
	g_unix_signal_add(SIGINT, on_signal, program);
	if (watchdog_ms)
		g_timeout_add(watchdog_ms, on_watchdog, NULL);
	program->json_writer = writer_new(program, program->config.health_json, health_json_text);
	program->metrics_writer =
		writer_new(program, program->config.health_openmetrics, all_metrics);
	if (program->json_writer || program->metrics_writer)
		g_timeout_add_seconds(
			MAX(program->config.health_interval_s, 1), write_health, program);
	notify_send("READY=1");
	health_start(program->agentd.health, on_changed, program);
	g_main_loop_run(program->loop);
	notify_send("STOPPING=1");
}

static void finish(struct program *program)
{
	dialect_server_free(program->server);
	port_free(program->port);
	encoder_socket_free(program->encoder_socket);
	forward_free(program->agentd.forward);
	errands_free(program->agentd.errands);
	health_writer_free(program->json_writer);
	health_writer_free(program->metrics_writer);
	health_free(program->agentd.health);
	link_log_unref(program->agentd.link_log);
	encoder_log_unref(program->encoder_log);
	dialect_free(program->dialect);
	g_main_loop_unref(program->loop);
	g_string_free(program->places, TRUE);
	env_finish(&program->env);
	g_free(program->status);
}

static int serve(struct program *program)
{
	g_autoptr(GError) error = NULL;
	bool good;

	signal(SIGPIPE, SIG_IGN);
	start(program);
	good = start_talking(program, &error) && privilege_drop(program->config.user, &error);
	if (good && geteuid() == 0 && *program->config.user)
		say("stays root, for there is no user %s to become", program->config.user);
	if (good)
		run(program);
	else
		say("%s", error->message);
	finish(program);
	return good ? 0 : 1;
}

static void dump(struct program *program)
{
	g_autofree char *config = config_dump(&program->config), *text = NULL;
	struct overrides *overrides = overrides_new();
	g_auto(GStrv) lines = NULL;

	env_init(&program->env, program->config.root);
	overrides_load(overrides, &program->env, complain, NULL);
	text = overrides_dump(overrides);
	lines = g_strsplit(text, "\n", -1);
	fputs(config, stdout);
	if (*text)
		puts("\n# " OVERRIDE_DIR ":");
	for (char **line = lines; *line && **line; line++)
		printf("# %s\n", *line);
	overrides_unref(overrides);
	env_finish(&program->env);
}

static void print_help(void)
{
	g_autofree char *options = config_help();

	printf("usage: helix-agentd [--config FILE] [--KEY=VALUE...]\n\n"
	       "Answers questions about this machine on a Unix socket, vsock and virtio-serial.\n\n"
	       "  --config FILE           instead of " CONFIG_PATH "\n"
	       "  --root DIR              stands for / (tests)\n"
	       "  --foreground            it never goes to the background; for other init systems\n"
	       "  --dump-conf             print the configuration in effect\n"
	       "  --version\n%s",
		options);
}

int main(int argc, char **argv)
{
	struct program program = { 0 };
	g_autoptr(GError) error = NULL;
	int status = 0;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_help();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("helix-agentd " PACKAGE_VERSION);
		return 0;
	}
	if (!config_load(argc, argv, &program.config, &error)) {
		say("%s", error->message);
		return 2;
	}
	if (program.config.dump)
		dump(&program);
	else
		status = serve(&program);
	config_finish(&program.config);
	return status;
}
