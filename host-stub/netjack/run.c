/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include "../command.h"
#include "advice.h"
#include "measure/live.h"
#include "measure/stack.h"
#include "measure/summary.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS   200  /* from one look at the endpoint to the next */
#define ADVICE_MS 4000 /* nobody waits longer for a hint */

struct run {
	const struct netjack_options *options;
	struct live live;
	struct log_sink log;

	struct measure *measure;
	struct wav_player *player;
	struct wav_recorder *recorder;
	struct stack stack;

	struct endpoint *endpoint;
	pthread_t thread;
	int done_fd; /* readable when the endpoint has ended */
	int result;  /* endpoint_run()'s */
	int signal_fd;

	struct baseline baseline;
	struct summary summary;
	int64_t start_ns; /* CLOCK_MONOTONIC, of the run */
	int64_t begin_ns; /* when it began to count: 0: not yet */
	int64_t begin_cpu_ns;
	int64_t end_ns;
	int64_t slave_ns; /* when the first slave was seen; 0: not yet */
	bool advised_slave, advised_back;
};

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* --- what is played --- */

static void add_part(struct stack *stack, const struct audio_ops *ops, void *user)
{
	stack->parts[stack->n++] = (struct stack_part){ ops, user };
}

/* What plays comes first; a recorder alone hears, and silence is sent. */
static int build_audio(struct run *run)
{
	const struct netjack_options *o = run->options;
	int r = 0;

	if (o->measure) {
		r = measure_new((uint64_t)(o->warm_up * o->rate / o->period), &run->measure);
		if (r == 0)
			add_part(&run->stack, &measure_ops, run->measure);
	}
	if (r == 0 && o->play) {
		r = wav_player_new(o->play, o->loop, o->rate, &run->log, &run->player);
		if (r == 0)
			add_part(&run->stack, &wav_player_ops, run->player);
	}
	run->stack.player = run->stack.n > 0 ? 0 : STACK_MAX;
	if (r == 0 && o->record) {
		r = wav_recorder_new(o->record, o->format, &run->log, &run->recorder);
		if (r == 0)
			add_part(&run->stack, &wav_recorder_ops, run->recorder);
	}
	return r;
}

/* --- while it runs --- */

static void *run_endpoint(void *data)
{
	struct run *run = data;

	run->result = endpoint_run(run->endpoint, 0);
	eventfd_write(run->done_fd, 1);
	return NULL;
}

static void begin(struct run *run, int64_t now)
{
	run->begin_ns = now;
	run->begin_cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static void measure_time(struct run *run, int64_t end)
{
	int64_t cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID) - run->begin_cpu_ns;

	run->summary.seconds = (double)(end - run->begin_ns) / 1e9;
	run->summary.cpu_percent = (double)cpu_ns / (double)(end - run->begin_ns) * 100;
}

static void look(struct run *run)
{
	struct summary *s = &run->summary;
	int64_t now = now_ns(), end = run->end_ns ? run->end_ns : now;

	endpoint_report(run->endpoint, &s->endpoint);
	if (run->measure) {
		s->n_measures = measure_report(run->measure, s->measures);
		measure_forgotten(run->measure, &s->forgotten);
	}
	if (run->recorder)
		s->dropped = wav_recorder_dropped(run->recorder);
	baseline_update(&run->baseline, s);
	if (run->slave_ns == 0 && s->endpoint.connects > 0)
		run->slave_ns = now;
	if (run->begin_ns == 0 &&
		(run->measure ? run->baseline.has_wakeup : s->endpoint.connects > 0))
		begin(run, now);
	if (run->begin_ns && end > run->begin_ns)
		measure_time(run, end);
	summary_judge(s, &run->baseline);
}

static bool is_older(int64_t since_ns, int64_t now, double ms)
{
	return since_ns != 0 && (double)(now - since_ns) >= ms * 1e6;
}

/* Why nothing is counted; at the end in any case. */
static char *advise_back(const struct run *run)
{
	char *late = summary_late(&run->summary, &run->summary.sessions[0]);

	return late ? late : advice_nothing_back(&run->summary.endpoint.slaves[0]);
}

static void advise(struct run *run, int64_t now, double patience_ms)
{
	const struct endpoint_report *endpoint = &run->summary.endpoint;
	g_autofree char *text = NULL;

	if (!run->advised_slave && run->slave_ns == 0 &&
		is_older(run->start_ns, now, patience_ms)) {
		run->advised_slave = true;
		text = advice_no_slave(run->options->address, endpoint_port(run->endpoint),
			run->options->names != NULL);
	} else if (!run->advised_back && run->measure && run->begin_ns == 0 &&
		   endpoint->n_slaves > 0 && !run->summary.measures[0].matched &&
		   is_older(run->slave_ns, now, patience_ms)) {
		run->advised_back = true;
		text = advise_back(run);
	}
	if (text)
		log_write(&run->log, LOG_LEVEL_WARNING, "%s", text);
}

static bool is_over(const struct run *run, int64_t now)
{
	const struct netjack_options *o = run->options;

	if (run->begin_ns == 0)
		return o->wait > 0 && is_older(run->start_ns, now, o->wait * 1000);
	return o->seconds > 0 && is_older(run->begin_ns, now, o->seconds * 1000);
}

/* How long until something has to be looked at. */
static int patience_ms(const struct run *run, int64_t now)
{
	double left_ms = LOOK_MS;

	if (run->begin_ns != 0 && run->options->seconds > 0)
		left_ms = run->options->seconds * 1000 - (double)(now - run->begin_ns) / 1e6 + 1;
	return (int)CLAMP(left_ms, 1, LOOK_MS);
}

static void note_connected(struct summary *summary)
{
	summary->n_to_the_end = summary->endpoint.n_slaves;
	for (unsigned i = 0; i < summary->n_to_the_end; i++)
		summary->to_the_end[i] = summary->endpoint.slaves[i].session.id;
}

static void watch(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = run->done_fd, .events = POLLIN },
		{ .fd = run->signal_fd, .events = POLLIN },
	};
	int64_t now = now_ns();

	while (!is_over(run, now) && poll(fds, 2, patience_ms(run, now)) <= 0) {
		g_autofree char *line = NULL;

		look(run);
		now = now_ns();
		advise(run, now, ADVICE_MS);
		line = summary_line(&run->summary);
		live_show(&run->live, line, now);
	}
	look(run);
	advise(run, now_ns(), 0);
	note_connected(&run->summary);
	run->end_ns = now_ns();
}

/* A second signal does not wait for anything; the first one has been heard. */
static void let_signals_end_it(struct run *run)
{
	struct signalfd_siginfo info;
	sigset_t set;

	while (read(run->signal_fd, &info, sizeof info) > 0)
		continue;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int run_to_end(struct run *run)
{
	run->start_ns = now_ns();
	int r = -pthread_create(&run->thread, NULL, run_endpoint, run);
	if (r < 0) {
		g_printerr("helix-host-stub: %s\n", g_strerror(-r));
		return r;
	}
	watch(run);
	endpoint_stop(run->endpoint);
	let_signals_end_it(run);
	pthread_join(run->thread, NULL);
	look(run);
	live_finish(&run->live);
	if (run->result < 0)
		g_printerr("helix-host-stub: %s\n", g_strerror(-run->result));
	return run->result;
}

/* --- the end --- */

static int report(const struct run *run)
{
	const struct netjack_options *o = run->options;
	g_autofree char *text = o->json ? summary_json(&run->summary) : summary_text(&run->summary);
	g_autofree char *svg = o->histogram ? summary_svg(&run->summary) : NULL;
	g_autoptr(GError) error = NULL;

	printf("%s%s", text, o->json ? "\n" : "");
	if (fflush(stdout) != 0) {
		g_printerr("helix-host-stub: standard output: %s\n", g_strerror(errno));
		return EXIT_RUNTIME;
	}
	if (svg && !g_file_set_contents(o->histogram, svg, -1, &error)) {
		g_printerr("helix-host-stub: --histogram: %s\n", error->message);
		return EXIT_RUNTIME;
	}
	return run->summary.outcome == OUTCOME_OK ? EXIT_OK : EXIT_RUNTIME;
}

/* Before anything runs: a picture that cannot be written is no result of a long night. */
static int check_histogram(const char *path)
{
	g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;
	int r = 0;

	if (folder && access(folder, W_OK) < 0)
		r = -errno;
	else if (path && g_file_test(path, G_FILE_TEST_IS_DIR))
		r = -EISDIR;
	if (r < 0)
		g_printerr("helix-host-stub: --histogram %s: %s\n", path, g_strerror(-r));
	return r;
}

static int make_endpoint(struct run *run)
{
	struct endpoint_config config = {
		.audio = &stack_ops,
		.user = &run->stack,
		.skew_ppm = run->options->skew_ppm,
		.rt_priority = run->options->rt_priority,
	};

	netjack_options_door(run->options, &run->log, &config.door);
	int r = endpoint_new(&config, &run->endpoint);
	if (r < 0) {
		g_autofree char *advice = advice_listen(run->options, r);

		g_printerr("helix-host-stub: %s\n", advice);
	} else {
		log_write(&run->log, LOG_LEVEL_INFO, "listening on UDP port %u, %u Hz, %u frames",
			endpoint_port(run->endpoint), run->options->rate, run->options->period);
	}
	return r;
}

/* Blocked in all threads that are started from now on. */
static int catch_signals(struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	run->done_fd = eventfd(0, EFD_CLOEXEC);
	return run->signal_fd < 0 || run->done_fd < 0 ? -errno : 0;
}

static void run_free(struct run *run)
{
	endpoint_destroy(run->endpoint);
	measure_destroy(run->measure);
	wav_player_destroy(run->player);
	wav_recorder_destroy(run->recorder);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	if (run->done_fd >= 0)
		close(run->done_fd);
	g_free(run);
}

int netjack_run(const struct netjack_options *options)
{
	struct run *run = g_new0(struct run, 1);
	int status = EXIT_RUNTIME;

	run->options = run->summary.options = options;
	run->signal_fd = run->done_fd = -1;
	live_init(&run->live, STDERR_FILENO);
	run->log = (struct log_sink){ options->log_level, live_log, &run->live };
	int r = catch_signals(run);
	if (r == 0)
		r = check_histogram(options->histogram);
	if (r == 0)
		r = build_audio(run);
	if (r == 0)
		r = make_endpoint(run);
	if (r == 0)
		r = run_to_end(run);
	if (r == 0)
		status = report(run);
	run_free(run);
	return status;
}
