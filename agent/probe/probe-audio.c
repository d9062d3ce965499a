/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-audio.h"

#include "probe-list.h"

#include <sched.h>
#include <string.h>

#define GOOD_PRIORITY  60u
#define AUDIO_TIMEOUT  8000u /* ms; the tools have 3000 */
#define PIPEWIRE_SHARE "/usr/share/pipewire/pipewire.conf"
#define PIPEWIRE_ETC   "/etc/pipewire/pipewire.conf"

static bool say_no_server(const struct audio_server *server, struct probe_result *ret)
{
	if (server->kind == AUDIO_NONE)
		probe_say(ret, PROBE_NA, NULL, "no audio server runs");
	return server->kind == AUDIO_NONE;
}

/* --- audio.server --- */

void audio_server_judge(const struct audio_server *server, const struct probe_wanted *wanted,
	struct probe_result *ret)
{
	const struct jackd *jackd = &server->jackd;
	g_autofree char *several =
		server->n > 1 ? g_strdup_printf("%u jackds run; this is ", server->n) : NULL;

	if (server->kind == AUDIO_NONE && wanted->role == PROBE_ROLE_DSP)
		probe_say(ret, PROBE_FAIL, "systemctl start jackd, or log in to start PipeWire",
			"neither JACK nor PipeWire runs");
	else if (say_no_server(server, ret))
		return;
	else if (server->kind == AUDIO_PIPEWIRE)
		probe_say(ret, PROBE_OK, NULL, "PipeWire runs, process %d", server->process.pid);
	else if (!jackd->realtime)
		probe_say(ret, PROBE_WARN, "start jackd with -R",
			"jackd runs without real-time threads (-r)");
	else
		probe_say(ret, PROBE_OK, NULL, "%s%sprocess %d%s%s%s",
			several ? several : server->process.name, several ? "" : " runs, ",
			server->process.pid, *jackd->driver ? ", driver " : "", jackd->driver,
			jackd->sync ? ", synchronous" : "");
}

static void server_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct audio_server server;

	audio_server_find(env, &server);
	audio_server_judge(&server, wanted, ret);
	audio_server_finish(&server);
}

const struct probe probe_audio_server = {
	.id = "audio.server",
	.group = PROBE_GROUP_AUDIO,
	.title = "audio server",
	.period_s = 30,
	.timeout_ms = 2000,
	.run = server_run,
};

/* --- audio.rt --- */

struct audio_threads audio_threads_of(const struct process_thread *threads, unsigned n)
{
	struct audio_threads best = { 0 };

	for (unsigned i = 0; i < n; i++) {
		if (threads[i].policy == SCHED_FIFO)
			best.fifo = MAX(best.fifo, threads[i].priority);
		else if (threads[i].policy == SCHED_RR)
			best.rr = MAX(best.rr, threads[i].priority);
	}
	return best;
}

void audio_rt_judge(const char *server, const struct audio_threads *threads,
	const struct probe_wanted *wanted, struct probe_result *ret)
{
	static const char hint[] =
		"give its user rtprio in /etc/security/limits.d (group audio or pipewire); RealtimeKit "
		"grants 20 at most";
	bool dsp = wanted->role == PROBE_ROLE_DSP;

	probe_measure(ret, MAX(threads->fifo, threads->rr), NULL, NULL);
	if (threads->fifo >= GOOD_PRIORITY)
		probe_say(ret, PROBE_OK, NULL, "%s has threads of SCHED_FIFO %u", server,
			threads->fifo);
	else if (threads->fifo || threads->rr)
		probe_say(ret, dsp ? PROBE_WARN : PROBE_OK, hint, "%s only has threads of %s %u",
			server, threads->fifo ? "SCHED_FIFO" : "SCHED_RR",
			threads->fifo ? threads->fifo : threads->rr);
	else
		probe_say(ret, dsp ? PROBE_FAIL : PROBE_WARN, hint, "%s has no real-time threads",
			server);
}

static void rt_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autoptr(GArray) threads = NULL;
	struct audio_server server;
	struct audio_threads best;

	audio_server_find(env, &server);
	if (!say_no_server(&server, ret)) {
		threads = process_threads(env, &server.process);
		best = audio_threads_of((const struct process_thread *)threads->data, threads->len);
		if (threads->len == 0)
			probe_say(ret, PROBE_UNKNOWN,
				"is /proc mounted with hidepid=? grep /proc /proc/mounts",
				"the threads of %s cannot be seen", server.process.name);
		else
			audio_rt_judge(server.process.name, &best, wanted, ret);
	}
	audio_server_finish(&server);
}

const struct probe probe_audio_rt = {
	.id = "audio.rt",
	.group = PROBE_GROUP_AUDIO,
	.title = "priority of audio threads",
	.period_s = 60,
	.timeout_ms = 2000,
	.run = rt_run,
};

/* --- audio.quantum --- */

#define QUANTUM_HINT                                                                               \
	"in /etc/pipewire/pipewire.conf.d/10-quantum.conf set vm.overrides (PipeWire 1.0 and "     \
	"later: context.properties.rules) to default.clock.min-quantum = %u, and restart it"

static double in_ms(unsigned frames, unsigned rate_hz)
{
	return frames * 1e3 / rate_hz;
}

void audio_quantum_judge(unsigned frames, unsigned rate_hz, unsigned min_frames,
	const struct probe_wanted *wanted, struct probe_result *ret)
{
	unsigned most =
		(unsigned)((uint64_t)wanted->period_frames * rate_hz / MAX(wanted->rate_hz, 1));
	g_autofree char *warn = g_strdup_printf("%u", most), *fail = NULL, *hint = NULL;
	enum probe_status status;

	if (wanted->role == PROBE_ROLE_DSP)
		fail = g_strdup_printf("%u", 4 * most);
	status = probe_measure(ret, frames, warn, fail);
	if (min_frames > most) {
		hint = g_strdup_printf(QUANTUM_HINT, most);
		probe_say(ret, MAX(status, PROBE_WARN), hint,
			"the period is %u frames, %.2f ms, and PipeWire does not go below %u in a "
			"virtual machine",
			frames, in_ms(frames, rate_hz), min_frames);
		return;
	}
	hint = g_strdup_printf(min_frames ? "pw-metadata -n settings 0 clock.force-quantum %u"
					  : "jack_bufsize %u, or start jackd with that -p",
		most);
	probe_say(ret, status, hint, "the period is %u frames at %u Hz, %.2f ms", frames, rate_hz,
		in_ms(frames, rate_hz));
}

void audio_min_quantum_judge(
	unsigned min_frames, const struct probe_wanted *wanted, struct probe_result *ret)
{
	g_autofree char *hint = g_strdup_printf(QUANTUM_HINT, wanted->period_frames);

	if (min_frames > wanted->period_frames)
		probe_say(ret, PROBE_WARN, hint,
			"PipeWire's configuration does not let a virtual machine go below %u frames",
			min_frames);
	else
		probe_say(ret, PROBE_NA, NULL,
			"the server is another user's; its configuration allows %u frames",
			min_frames);
}

static void vm_quantum_of(const struct env *env, const char *path, unsigned *ret)
{
	g_autofree char *text = NULL;

	if (env_read(env, path, &text, NULL))
		pipewire_vm_quantum_parse(text, ret);
}

static void vm_quantum_of_folder(const struct env *env, const char *folder, unsigned *ret)
{
	g_auto(GStrv) names = env_list(env, folder);

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat(folder, "/", *name, NULL);

		if (g_str_has_suffix(*name, ".conf"))
			vm_quantum_of(env, path, ret);
	}
}

/* 0: not known. Files in the order in which PipeWire reads them: the last one wins. */
static unsigned vm_quantum(const struct env *env)
{
	unsigned frames = 0;

	vm_quantum_of(env, env_exists(env, PIPEWIRE_ETC) ? PIPEWIRE_ETC : PIPEWIRE_SHARE, &frames);
	vm_quantum_of_folder(env, PIPEWIRE_SHARE ".d", &frames);
	vm_quantum_of_folder(env, PIPEWIRE_ETC ".d", &frames);
	return frames;
}

static void quantum_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	unsigned frames, rate_hz, min_frames;
	struct audio_server server;
	struct quantum quantum;

	audio_server_find(env, &server);
	if (say_no_server(&server, ret))
		return;
	if (audio_quantum(env, &server, &quantum))
		audio_quantum_judge(quantum_effective(&quantum), quantum.rate_hz,
			MAX(quantum.min_frames, 1), wanted, ret);
	else if (audio_period(env, &server, &frames, &rate_hz))
		audio_quantum_judge(frames, rate_hz, 0, wanted, ret);
	else if (server.kind == AUDIO_PIPEWIRE && (min_frames = vm_quantum(env)) > 0)
		audio_min_quantum_judge(min_frames, wanted, ret);
	else
		probe_say(ret, PROBE_NA, NULL, "%s is another user's and does not tell",
			server.process.name);
	audio_server_finish(&server);
}

const struct probe probe_audio_quantum = {
	.id = "audio.quantum",
	.group = PROBE_GROUP_AUDIO,
	.title = "period of the audio server",
	.unit = "frames",
	.period_s = 120,
	.rest_s = 5,
	.timeout_ms = AUDIO_TIMEOUT,
	.run = quantum_run,
};

/* --- audio.latency --- */

double audio_loop_periods(const struct audio_server *server)
{
	if (server->kind != AUDIO_JACK)
		return 2;
	if (g_str_equal(server->jackd.driver, "net"))
		return server->jackd.latency + !server->jackd.sync;
	return server->jackd.periods ? server->jackd.periods : 2;
}

void audio_latency_judge(
	const struct audio_loop *loop, const struct probe_wanted *wanted, struct probe_result *ret)
{
	double most_ms = wanted->periods * probe_wanted_period_us(wanted) / 1e3;
	double loop_ms = loop->periods * in_ms(loop->frames, loop->rate_hz);
	/* Room for the last digit of what is written into the range. */
	g_autofree char *warn = probe_number(most_ms * 1.0001);
	g_autofree char *fail = probe_number(most_ms * 4.0004);
	enum probe_status status =
		probe_measure(ret, loop_ms, warn, wanted->role == PROBE_ROLE_DSP ? fail : NULL);

	probe_say(ret, status,
		"smaller periods (-p), fewer of them on the network (-d net -l 1), and -S where the "
		"graph is fast enough",
		"%s%u frames at %u Hz are %.2f ms, a loop of %.3g period%s is %.2f ms",
		loop->assumed ? "if the master's period is as wanted, " : "", loop->frames,
		loop->rate_hz, in_ms(loop->frames, loop->rate_hz), loop->periods,
		loop->periods == 1 ? "" : "s", loop_ms);
}

static void latency_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct audio_loop loop = { 0 };
	struct audio_server server;

	audio_server_find(env, &server);
	if (say_no_server(&server, ret))
		return;
	loop.periods = audio_loop_periods(&server);
	if (!audio_period(env, &server, &loop.frames, &loop.rate_hz) &&
		g_str_has_prefix(server.jackd.driver, "net")) {
		loop.frames = wanted->period_frames;
		loop.rate_hz = wanted->rate_hz;
		loop.assumed = true;
	}
	if (loop.frames && loop.rate_hz)
		audio_latency_judge(&loop, wanted, ret);
	else
		probe_say(ret, PROBE_NA, NULL, "%s does not tell its period", server.process.name);
	audio_server_finish(&server);
}

const struct probe probe_audio_latency = {
	.id = "audio.latency",
	.group = PROBE_GROUP_AUDIO,
	.title = "loop by the periods",
	.unit = "ms",
	.period_s = 300,
	.rest_s = 5,
	.timeout_ms = AUDIO_TIMEOUT,
	.run = latency_run,
};
