/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../command.h"

#include "../resource/mirror.h"
#include "options.h"
#include "server.h"

#include <errno.h>
#include <gst/gst.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS 1500u /* for clients with frames in their encoders, on SIGTERM */

static struct server *running; /* for the signal handler */

static void on_signal(int signal_number)
{
	(void)signal_number;
	server_stop(running);
}

/* A second signal of the same kind finds the default action, and kills; restore_signals() does that
 * for both. */
static void catch_signals(struct server *server)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	running = server;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void restore_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void explain_listen(const struct hxfr_endpoint *endpoint, int error)
{
	const char *advice = server_listen_advice(endpoint, error);
	char address[HXFR_ENDPOINT_MAX];

	if (hxfr_endpoint_format(endpoint, address, sizeof address) == 0)
		g_printerr("helix-host-stub: cannot listen on %s: %s\n", address,
			advice ? advice : g_strerror(-error));
}

static int listen_on(
	struct server *server, const struct hxfr_endpoint *endpoint, struct hxfr_endpoint *ret)
{
	int r = server_listen(server, endpoint, ret);
	if (r < 0)
		explain_listen(endpoint, r);
	return r;
}

/* Said when all are bound: a script that read the first line may connect to any of them. */
static int listen_all(struct server *server, const struct options *options)
{
	struct hxfr_endpoint bound[SERVER_LISTENERS_MAX];
	char address[HXFR_ENDPOINT_MAX];

	for (unsigned i = 0; i < options->n_endpoints; i++) {
		int r = listen_on(server, &options->endpoints[i], &bound[i]);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < options->n_endpoints; i++)
		if (hxfr_endpoint_format(&bound[i], address, sizeof address) == 0)
			printf("listening on %s\n", address);
	fflush(stdout);
	return 0;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_stats(const struct stats *stats, const char *encoder)
{
	char text[STATS_JSON_SIZE];

	if (stats_json(stats, encoder, cpu_seconds(), text, sizeof text) == 0)
		puts(text);
	fflush(stdout);
}

/* Threads that do not end cannot be cleaned up behind. */
static void leave(const struct server_config *config, int status)
{
	log_write(config->log, LOG_LEVEL_WARNING,
		"encoder %s does not stop within %u ms; left as it is", config->encoder.name,
		STOP_TIMEOUT_MS);
	fflush(NULL);
	_exit(status);
}

static int run_server(const struct options *options, const struct server_config *config)
{
	struct server *server;
	struct stats stats;

	int r = server_new(config, &server);
	if (r < 0) {
		g_printerr("helix-host-stub: %s\n", g_strerror(-r));
		return EXIT_RUNTIME;
	}
	catch_signals(server);
	r = listen_all(server, options);
	if (r < 0) {
		restore_signals();
		server_destroy(server);
		return EXIT_RUNTIME;
	}
	r = server_run(server);
	restore_signals();
	if (r < 0)
		g_printerr("helix-host-stub: cannot wait for clients: %s\n", g_strerror(-r));
	server_stop_listening(server);
	int stopped = server_stop_sessions(server, STOP_TIMEOUT_MS);
	server_get_stats(server, &stats);
	if (options->stats_json)
		print_stats(&stats, config->encoder.name);
	if (stopped < 0)
		leave(config, r < 0 ? EXIT_RUNTIME : EXIT_OK);
	server_destroy(server);
	return r < 0 ? EXIT_RUNTIME : EXIT_OK;
}

static void explain_encoder(const char *name)
{
	if (name && strcmp(name, "auto") != 0)
		g_printerr("helix-host-stub: encoder %s is not usable here; 'gst-inspect-1.0 %s' "
			   "shows whether it is installed, --encoder auto takes one that works\n",
			name, name);
	else
		g_printerr("helix-host-stub: no H.264 encoder works on this machine; install "
			   "gstreamer1.0-plugins-ugly (x264enc) or gstreamer1.0-plugins-bad "
			   "(openh264enc), or use --encoder null\n");
}

static int serve(const struct options *options, struct server_config *config)
{
	config->console_width = options->console_width;
	config->console_height = options->console_height;
	config->refuse_ids = options->refuse_ids;
	config->n_faults = options->n_faults;
	memcpy(config->faults, options->faults, sizeof config->faults);
	if (options->resources) {
		int r = mirror_new(options->resources, config->log, &config->mirror);
		if (r < 0) {
			g_printerr("helix-host-stub: --resources unix:%s: %s\n", options->resources,
				g_strerror(-r));
			return EXIT_RUNTIME;
		}
	}
	int status = run_server(options, config);
	mirror_destroy(config->mirror);
	return status;
}

static int run(int argc, char **argv)
{
	struct options options;
	struct server_config config = { 0 };

	int r = options_parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	struct log_sink log = { .level = options.log_level, .write = command_write_log };
	/* It reads a registry of hundreds of plugins: not for the encoder that needs none. */
	if (g_strcmp0(options.encoder, "null") != 0)
		gst_init(NULL, NULL);
	r = encoder_choose(options.encoder, &log, &config.encoder);
	if (r < 0) {
		explain_encoder(options.encoder);
		options_finish(&options);
		return EXIT_RUNTIME;
	}
	log_write(&log, LOG_LEVEL_INFO, "encoder: %s", config.encoder.name);
	config.log = &log;
	r = serve(&options, &config);
	options_finish(&options);
	return r;
}

const struct command stream_command = {
	.name = "stream",
	.summary = "serve the frame-export protocol: frames in, H.264 out",
	.run = run,
};
