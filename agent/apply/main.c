/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* helix-applyd: changes this machine, and takes it back. Talks to root and to helix-agentd only. */

#include "../dialect/server.h"
#include "../notify.h"
#include "../setting/host.h"
#include "service.h"

#include <cap-ng.h>
#include <glib-unix.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET      "/run/helix-agent/apply.sock"
#define STATE       "/var/lib/helix-agent"
#define PROFILES    "/etc/helix-agent/profiles"
#define AGENT_USER  "helix-agent"
#define SOCKET_MODE 0660
#define IDLE_S      30

enum { EXIT_USAGE = 2 };

static char *socket_path, *state_dir, *root, *agent_user;
static char **profile_dirs;
static int idle_s = -1;
static gboolean show_version, only_recover;

static const GOptionEntry options[] = {
	{ "socket", 's', 0, G_OPTION_ARG_FILENAME, &socket_path,
		"Listen here, unless a service manager hands a socket over (" SOCKET ")", "PATH" },
	{ "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir, "Of the journal (" STATE ")",
		"DIR" },
	{ "profile-dir", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &profile_dirs,
		"Of profiles, the first one wins (" PROFILES ", " HELIX_PROFILE_DIR ")", "DIR" },
	{ "agent-user", 0, 0, G_OPTION_ARG_STRING, &agent_user,
		"Who may ask besides root (" AGENT_USER ")", "USER" },
	{ "idle-exit-s", 'i', 0, G_OPTION_ARG_INT, &idle_s,
		"End when nothing was asked and nothing is held for so long; 0: never (30 with a "
		"socket that was handed over, else 0)",
		"S" },
	{ "recover", 0, 0, G_OPTION_ARG_NONE, &only_recover,
		"Take back what was interrupted, and end", NULL },
	{ "root", 0, 0, G_OPTION_ARG_FILENAME, &root, "Stands for / (tests)", "DIR" },
	{ "version", 0, 0, G_OPTION_ARG_NONE, &show_version, "Print the version", NULL },
	{ NULL },
};

struct program {
	struct env env;
	struct setting_host host;
	struct service *service;
	struct dialect *dialect;
	struct dialect_server *server;
	GMainLoop *loop;
	uid_t own_uid, agent_uid;
	gint64 used_us;
};

static void say(const char *text)
{
	fprintf(stderr, "helix-applyd: %s\n", text);
}

/* --- who may --- */

static const struct passwd *find_agent(void)
{
	return getpwnam(agent_user ? agent_user : AGENT_USER);
}

static bool admit(void *user, const struct dialect_peer *peer, struct dialect_terms *ret)
{
	const struct program *program = user;

	if (peer->family != AF_UNIX || (peer->uid != 0 && peer->uid != program->own_uid &&
					       peer->uid != program->agent_uid))
		return false;
	*ret = (struct dialect_terms){ .access = DIALECT_WRITE, .trusted = true };
	return true;
}

/* What it needs as root: others' files, as they were; real-time threads and locked memory; without
 * systemd, which would do it, becoming a user (setting/user-store.c). */
static bool drop_capabilities(GError **error)
{
	static const unsigned kept[] = { CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_SYS_NICE, CAP_IPC_LOCK,
		CAP_SETUID, CAP_SETGID };
	bool had[G_N_ELEMENTS(kept)];
	capng_select_t sets = CAPNG_SELECT_BOTH;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (geteuid() != 0)
		return true;
	capng_get_caps_process();
	/* A service manager has bounded it already, and then it cannot. */
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		sets = CAPNG_SELECT_CAPS;
	for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++)
		if (had[i])
			capng_update(CAPNG_ADD,
				CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, kept[i]);
	if (capng_apply(sets) == 0)
		return true;
	g_set_error_literal(
		error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "cannot drop capabilities");
	return false;
}

/* --- the machine --- */

static GDBusConnection *no_bus(const struct env *env, GError **error)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
		"the bus of this machine is not that of --root");
	return NULL;
}

/* Changing many units takes longer than a watchdog waits. */
static void on_step(struct setting_host *host, const char *name)
{
	notify_send("WATCHDOG=1");
}

/* On the guard's thread. */
static void on_guard_fired(void *user)
{
	say("a real-time thread that never sleeps has starved the machine: "
	    "kernel.sched_rt_runtime_us is " RT_GUARD_RUNTIME " again");
}

static void init_machine(struct program *program)
{
	env_init(&program->env, root);
	setting_host_init(&program->host);
	program->env.host = &program->host;
	program->host.guard_fired = on_guard_fired;
	if (notify_watchdog_ms())
		program->host.step = on_step;
	if (*program->env.root && !g_getenv("DBUS_SYSTEM_BUS_ADDRESS"))
		program->env.bus = no_bus;
}

static char **default_profile_dirs(const struct program *program)
{
	char **dirs = g_new0(char *, 3);

	dirs[0] = env_path(&program->env, PROFILES);
	dirs[1] = env_path(&program->env, HELIX_PROFILE_DIR);
	return dirs;
}

static bool start_service(struct program *program, GError **error)
{
	g_autofree char *state = state_dir ? g_strdup(state_dir) : env_path(&program->env, STATE);
	const struct service_config config = {
		.env = &program->env,
		.state_dir = state,
		.profile_dirs = profile_dirs,
	};
	unsigned n;

	program->service = service_new(&config, error);
	if (!program->service)
		return false;
	n = service_recovered(program->service);
	if (n > 0)
		fprintf(stderr, "helix-applyd: took %u settings back that were left over\n", n);
	return true;
}

/* --- talking --- */

static void on_changed(void *user, unsigned n_clients)
{
	((struct program *)user)->used_us = g_get_monotonic_time();
}

static gboolean on_idle(void *user)
{
	struct program *program = user;
	gint64 since_us = g_get_monotonic_time() - program->used_us;

	if (dialect_server_clients(program->server) == 0 && !service_busy(program->service) &&
		since_us >= (idle_s - 1) * G_USEC_PER_SEC)
		g_main_loop_quit(program->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(void *user)
{
	struct program *program = user;

	g_main_loop_quit(program->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_watchdog(void *user)
{
	notify_send("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

static bool listen_somewhere(struct program *program, GError **error)
{
	static const struct dialect_command *const tables[] = { service_commands };
	const struct dialect_server_config config = {
		.admit = admit,
		.changed = on_changed,
		.user = program,
	};
	struct dialect_server_config made = config;
	g_autofree char *path =
		socket_path ? g_strdup(socket_path) : env_path(&program->env, SOCKET);
	g_autofree char *folder = g_path_get_dirname(path);

	program->dialect = dialect_new(tables, G_N_ELEMENTS(tables), program->service);
	made.dialect = program->dialect;
	program->server = dialect_server_new(&made);
	if (dialect_server_inherit(program->server) > 0) {
		idle_s = idle_s < 0 ? IDLE_S : idle_s;
		return true;
	}
	g_mkdir_with_parents(folder, 0755);
	if (!dialect_server_listen_unix(program->server, path, SOCKET_MODE, error)) {
		if (geteuid() != 0)
			g_prefix_error(error, "start it as root, or say --socket PATH: ");
		return false;
	}
	if (!g_getenv("NOTIFY_SOCKET"))
		fprintf(stderr, "helix-applyd: listens on %s\n", path);
	if (geteuid() == 0 && find_agent() && lchown(path, 0, find_agent()->pw_gid) < 0)
		say("the group of the socket stays: helix-agentd cannot connect");
	return true;
}

static void run(struct program *program)
{
	unsigned watchdog_ms = notify_watchdog_ms();

	program->loop = g_main_loop_new(NULL, FALSE);
	program->used_us = g_get_monotonic_time();
	g_unix_signal_add(SIGTERM, on_signal, program);
	g_unix_signal_add(SIGINT, on_signal, program);
	if (watchdog_ms)
		g_timeout_add(watchdog_ms, on_watchdog, NULL);
	if (idle_s > 0)
		g_timeout_add_seconds((guint)idle_s, on_idle, program);
	notify_send("READY=1");
	g_main_loop_run(program->loop);
	notify_send("STOPPING=1");
	g_main_loop_unref(program->loop);
}

static void finish(struct program *program)
{
	dialect_server_free(program->server);
	service_free(program->service);
	dialect_free(program->dialect);
	setting_host_finish(&program->host);
	env_finish(&program->env);
}

static int serve(void)
{
	struct program program = { .own_uid = geteuid() };
	g_autoptr(GError) error = NULL;
	bool good = true;

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	if (find_agent())
		program.agent_uid = find_agent()->pw_uid;
	init_machine(&program);
	if (!profile_dirs)
		profile_dirs = default_profile_dirs(&program);
	good = start_service(&program, &error) &&
	       (only_recover || (listen_somewhere(&program, &error) && drop_capabilities(&error)));
	if (good && !only_recover)
		run(&program);
	if (!good)
		say(error->message);
	finish(&program);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, options, NULL);
	g_option_context_set_summary(context,
		"Changes this machine as profiles say, and takes it back. Serves helix-agentd and "
		"helix-agent.");
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		say(error ? error->message : "takes no arguments; see --help");
		return EXIT_USAGE;
	}
	if (show_version) {
		puts("helix-applyd " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	return serve();
}
