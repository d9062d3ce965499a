/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/probe-audio.h"

#include <unistd.h>

#define SECONDS G_GINT64_CONSTANT(1000000000)

/* --- arguments of jackd --- */

static const struct {
	const char *command;
	struct jackd jackd;
} commands[] = {
	{ "jackd -R -P80 -d alsa -d hw:0 -r 96000 -p 128 -n 3",
		{ "alsa", true, false, 80, 96000, 128, 3, 5 } },
	{ "/usr/bin/jackd -S -P 70 -dnet -l 1 -C 2 -P 2", { "net", true, true, 70, 0, 0, 2, 1 } },
	{ "jackd --sync --realtime-priority=88 --driver=alsa --rate=48000 --period=64 --nperiods=2",
		{ "alsa", true, true, 88, 48000, 64, 2, 5 } },
	{ "jackd -r -d dummy -r44100", { "dummy", false, false, 10, 44100, 1024, 2, 5 } },
	{ "jackd -d net", { "net", true, false, 10, 0, 0, 2, 5 } },
	{ "jackd", { "", true, false, 10, 0, 0, 0, 0 } },
	{ "jackd -P", { "", true, false, 10, 0, 0, 0, 0 } },
	{ "jackd -d alsa -r", { "alsa", true, false, 10, 48000, 1024, 2, 5 } },
	{ "jackd -d alsa -p many", { "alsa", true, false, 10, 48000, 1024, 2, 5 } },
	{ "jackd -d a-driver-with-a-very-long-name",
		{ "a-driver-with-a", true, false, 10, 48000, 1024, 2, 5 } },
};

START_TEST(a_process_decides_in_vain_how_much_is_read_of_it)
{
	const struct process process = { .pid = 7 };
	char text[2 * PROCESS_ARGUMENTS_MAX];
	g_autofree char *path = NULL;
	g_auto(GStrv) arguments = NULL, first = NULL;

	machine_put(&machine, "/proc/7/comm", "jackd\n");
	path = env_path(&machine.env, "/proc/7/cmdline");
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '\0' : 'x';
	ck_assert(g_file_set_contents(path, text, sizeof(text), NULL));
	arguments = process_arguments(&machine.env, &process);
	ck_assert_uint_eq(g_strv_length(arguments), PROCESS_ARGUMENTS_MAX / 2);
	ck_assert(g_file_set_contents(path, "jackd\0-d\0", 9, NULL));
	first = process_arguments(&machine.env, &process);
	ck_assert_uint_eq(g_strv_length(first), 2);
	ck_assert_str_eq(first[1], "-d");
}
END_TEST

START_TEST(arguments_of_jackd_are_understood)
{
	static const char *const none[] = { NULL };
	struct jackd jackd;

	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		g_auto(GStrv) words = g_strsplit(commands[i].command, " ", -1);
		const struct jackd *good = &commands[i].jackd;

		jackd_parse((const char *const *)words, &jackd);
		ck_assert_str_eq(jackd.driver, good->driver);
		ck_assert_msg(jackd.realtime == good->realtime && jackd.sync == good->sync &&
				      jackd.priority == good->priority &&
				      jackd.rate_hz == good->rate_hz &&
				      jackd.period_frames == good->period_frames &&
				      jackd.periods == good->periods &&
				      jackd.latency == good->latency,
			"%s", commands[i].command);
	}
	jackd_parse(none, &jackd);
	ck_assert_str_eq(jackd.driver, "");
}
END_TEST

static const struct {
	const char *command;
	unsigned port;
} ports[] = {
	{ "jackd -d net -p 19172 -l 1", 19172 },
	{ "jackd -p 5 -d net --udp-net-port=7", 7 },
	{ "jackd -d net -P 2", NETJACK2_PORT },
	{ "jackd -d netone -p 128", 0 },
	{ "jackd -d alsa -p 128", 0 },
};

START_TEST(the_port_is_that_of_the_net_driver)
{
	for (size_t i = 0; i < N_ELEMENTS(ports); i++) {
		g_auto(GStrv) words = g_strsplit(ports[i].command, " ", -1);
		struct jackd jackd;

		jackd_parse((const char *const *)words, &jackd);
		ck_assert_msg(jackd.port == ports[i].port, "%s: %u", ports[i].command, jackd.port);
	}
}
END_TEST

/* --- settings of PipeWire --- */

#define METADATA(quantum, min, force)                                                              \
	"Found \"settings\" metadata 31\n"                                                         \
	"update: id:0 key:'log.level' value:'2' type:''\n"                                         \
	"update: id:0 key:'clock.rate' value:'48000' type:''\n"                                    \
	"update: id:0 key:'clock.allowed-rates' value:'[ 48000 ]' type:''\n"                       \
	"update: id:0 key:'clock.quantum' value:'" quantum "' type:''\n"                           \
	"update: id:0 key:'clock.min-quantum' value:'" min "' type:''\n"                           \
	"update: id:0 key:'clock.max-quantum' value:'2048' type:''\n"                              \
	"update: id:0 key:'clock.force-quantum' value:'" force "' type:''\n"                       \
	"update: id:0 key:'clock.force-rate' value:'0' type:''\n"

static const struct {
	const char *text;
	bool good;
	unsigned frames;
} metadatas[] = {
	{ METADATA("1024", "32", "0"), true, 1024 },
	{ METADATA("128", "32", "0"), true, 128 },
	{ METADATA("128", "1024", "0"), true, 1024 },
	{ METADATA("1024", "1024", "64"), true, 64 },
	{ METADATA("8192", "32", "0"), true, 2048 },
	{ METADATA("x", "32", "0"), false, 0 },
	{ "Found \"settings\" metadata 31\n", false, 0 },
	{ "update: id:0 key:'clock.quantum\n", false, 0 },
	{ "", false, 0 },
};

START_TEST(the_effective_quantum_is_what_a_graph_gets)
{
	for (size_t i = 0; i < N_ELEMENTS(metadatas); i++) {
		struct quantum quantum;

		poison(&quantum);
		ck_assert_msg(quantum_parse(metadatas[i].text, &quantum) == metadatas[i].good,
			"row %zu", i);
		if (metadatas[i].good)
			ck_assert_uint_eq(quantum_effective(&quantum), metadatas[i].frames);
		else
			assert_poisoned(&quantum);
	}
}
END_TEST

/* As in Debian 12 and in Debian 13. */
#define CONF_0_3                                                                                   \
	"context.properties = {\n"                                                                 \
	"    #default.clock.min-quantum   = 32\n"                                                  \
	"    # These overrides are only applied when running in a vm.\n"                           \
	"    vm.overrides = {\n"                                                                   \
	"        default.clock.min-quantum = 1024\n"                                               \
	"    }\n"                                                                                  \
	"    default.clock.min-quantum = 16\n"                                                     \
	"}\n"
#define CONF_1_4                                                                                   \
	"context.properties.rules = [\n"                                                           \
	"    {   matches = [ { cpu.vm.name = !null } ]\n"                                          \
	"        actions = {\n"                                                                    \
	"            update-props = {\n"                                                           \
	"                # These overrides are only applied when running in a vm.\n"               \
	"                default.clock.min-quantum = 1024\n"                                       \
	"\t\t# default.clock.min-quantum = 7\n"                                                    \
	"            }\n"                                                                          \
	"        }\n"                                                                              \
	"    }\n"                                                                                  \
	"]\n"

static const struct {
	const char *text;
	unsigned frames; /* 0: none */
} confs[] = {
	{ CONF_0_3, 1024 },
	{ CONF_1_4, 1024 },
	{ CONF_0_3 CONF_1_4 "vm.overrides={default.clock.min-quantum:64}", 64 },
	{ "{ \"vm.overrides\": { \"default.clock.min-quantum\": 128 } }", 128 },
	{ "context.properties = { default.clock.min-quantum = 64 }", 0 },
	{ "# vm.overrides = { default.clock.min-quantum = 64 }", 0 },
	{ "vm.overrides = { default.clock.min-quantum = lots }", 0 },
	{ "vm.overrides = { } default.clock.min-quantum = 64", 0 },
	{ "}}}]] vm.overrides", 0 },
	{ "", 0 },
};

START_TEST(the_quantum_of_virtual_machines_is_found_in_the_configuration)
{
	for (size_t i = 0; i < N_ELEMENTS(confs); i++) {
		unsigned frames = 0;

		ck_assert_msg(
			pipewire_vm_quantum_parse(confs[i].text, &frames) == (confs[i].frames > 0),
			"row %zu", i);
		ck_assert_uint_eq(frames, confs[i].frames);
	}
}
END_TEST

/* --- sockets --- */

#define UDP_HEAD                                                                                   \
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "     \
	"timeout inode ref pointer drops\n"
#define UDP_LINE(local, remote, drops)                                                             \
	"  512: " local " " remote " 07 00000000:00000000 00:00000000 00000000  1000        0 "    \
	"12345 2 0000000000000000 " drops "\n"

static const struct {
	const char *udp;
	bool bound, connected;
	uint64_t drops;
} sockets[] = {
	{ "", false, false, 0 },
	{ UDP_HEAD UDP_LINE("00000000:0044", "00000000:0000", "5"), false, false, 0 },
	{ UDP_HEAD UDP_LINE("00000000:4A38", "00000000:0000", "0"), true, false, 0 },
	{ UDP_HEAD UDP_LINE("0F02000A:4A38", "0202000A:C350", "7"), true, true, 7 },
	/* a remote port of 19000 is somebody else's slave */
	{ UDP_HEAD UDP_LINE("0F02000A:C350", "0202000A:4A38", "0"), false, false, 0 },
	{ UDP_HEAD "  1: 00000000:4A38\n", false, false, 0 },
};

START_TEST(the_socket_of_a_slave_is_found)
{
	for (size_t i = 0; i < N_ELEMENTS(sockets); i++) {
		const struct netjack_owner owner = { .port = NETJACK2_PORT, .uid = 4242 };
		struct netjack_socket found;

		netjack_socket_parse(sockets[i].udp, &owner, &found);
		ck_assert_msg(found.bound == sockets[i].bound &&
				      found.connected == sockets[i].connected &&
				      found.drops == sockets[i].drops,
			"row %zu", i);
	}
}
END_TEST

/* A slave of its own machine: 127.0.0.1 to itself, from a port of the kernel's choice. */
#define LOCAL_SLAVE   UDP_HEAD UDP_LINE("0100007F:A5B0", "0100007F:9A7C", "3")
#define REMOTE_SOCKET UDP_HEAD UDP_LINE("0F02000A:C350", "0202000A:01BB", "0")

static const struct {
	const char *udp, *inode;
	int64_t uid;
	bool bound;
} owned[] = {
	{ LOCAL_SLAVE, "12345", -1, true },
	{ LOCAL_SLAVE, "12346", 1000, false }, /* that of another process */
	{ LOCAL_SLAVE, NULL, 1000, true }, { LOCAL_SLAVE, NULL, 1001, false },
	{ LOCAL_SLAVE, NULL, -1, false }, { REMOTE_SOCKET, NULL, 1000, false }, /* of a browser */
};

START_TEST(a_slave_is_known_by_its_sockets_or_its_user)
{
	for (size_t i = 0; i < N_ELEMENTS(owned); i++) {
		const char *const inodes[] = { owned[i].inode, NULL };
		const struct netjack_owner owner = { 19172, inodes, owned[i].uid };
		struct netjack_socket found;

		netjack_socket_parse(owned[i].udp, &owner, &found);
		ck_assert_msg(found.bound == owned[i].bound && found.connected == owned[i].bound,
			"row %zu", i);
	}
}
END_TEST

/* --- verdicts --- */

static const struct {
	struct audio_threads threads;
	enum probe_status on_desktop, on_dsp;
} threads_table[] = {
	{ { 80, 0 }, PROBE_OK, PROBE_OK },
	{ { 60, 0 }, PROBE_OK, PROBE_OK },
	{ { 59, 0 }, PROBE_OK, PROBE_WARN },
	{ { 0, 20 }, PROBE_OK, PROBE_WARN },
	{ { 0, 0 }, PROBE_WARN, PROBE_FAIL },
};

START_TEST(audio_wants_real_time_threads)
{
	for (size_t i = 0; i < N_ELEMENTS(threads_table); i++) {
		struct probe_result result = { 0 };

		audio_rt_judge("jackd", &threads_table[i].threads, &desktop, &result);
		assert_result(&result, threads_table[i].on_desktop, NULL);
		audio_rt_judge("jackd", &threads_table[i].threads, &dsp, &result);
		assert_result(&result, threads_table[i].on_dsp, NULL);
	}
}
END_TEST

static const struct {
	unsigned frames, rate_hz, min_frames;
	enum probe_status status;
} quanta[] = {
	{ 128, 96000, 0, PROBE_OK },
	{ 64, 48000, 32, PROBE_OK }, /* the same time */
	{ 65, 48000, 32, PROBE_WARN },
	{ 256, 48000, 32, PROBE_WARN },
	{ 257, 48000, 32, PROBE_FAIL },
	{ 64, 48000, 1024, PROBE_WARN }, /* forced today, not after the next login */
	{ 1024, 48000, 1024, PROBE_FAIL },
};

START_TEST(periods_are_compared_as_times)
{
	for (size_t i = 0; i < N_ELEMENTS(quanta); i++) {
		struct probe_result result = { 0 };

		audio_quantum_judge(
			quanta[i].frames, quanta[i].rate_hz, quanta[i].min_frames, &dsp, &result);
		assert_result(&result, quanta[i].status, NULL);
	}
}
END_TEST

static const struct {
	struct audio_loop loop;
	enum probe_status status;
	const char *part;
} loops[] = {
	{ { 128, 96000, 2, false }, PROBE_OK, "1.33 ms, a loop of 2 periods is 2.67 ms" },
	{ { 128, 96000, 3, false }, PROBE_WARN, "4.00 ms" },
	{ { 128, 48000, 2, false }, PROBE_WARN, "5.33 ms" },
	{ { 1024, 48000, 2, false }, PROBE_FAIL, "42.67 ms" },
	{ { 128, 96000, 1, true }, PROBE_OK, "if the master's" },
	{ { 128, 96000, 1, false }, PROBE_OK, "a loop of 1 period is 1.33 ms" },
};

START_TEST(the_latency_is_periods_times_their_length)
{
	for (size_t i = 0; i < N_ELEMENTS(loops); i++) {
		struct probe_result result = { 0 };

		audio_latency_judge(&loops[i].loop, &dsp, &result);
		assert_result(&result, loops[i].status, loops[i].part);
	}
}
END_TEST

START_TEST(an_asynchronous_slave_costs_one_period_more)
{
	struct audio_server server = { .kind = AUDIO_JACK,
		.jackd = { .driver = "net", .latency = 1, .sync = true, .periods = 2 } };

	ck_assert(audio_loop_periods(&server) == 1);
	server.jackd.sync = false;
	ck_assert(audio_loop_periods(&server) == 2);
	server.jackd = (struct jackd){ .driver = "alsa", .latency = 5, .periods = 3 };
	ck_assert(audio_loop_periods(&server) == 3);
	server.kind = AUDIO_PIPEWIRE;
	ck_assert(audio_loop_periods(&server) == 2);
}
END_TEST

static const struct {
	struct netjack_facts facts;
	enum probe_status status;
} netjacks[] = {
	{ { { false, false, 0 }, { false, false, 0 }, 0, false }, PROBE_NA },
	{ { { false, false, 0 }, { false, false, 0 }, 0, true }, PROBE_FAIL },
	{ { { true, false, 0 }, { false, false, 0 }, 0, true }, PROBE_FAIL },
	{ { { true, false, 0 }, { false, false, 0 }, 0, false }, PROBE_FAIL },
	{ { { true, true, 3 }, { false, false, 0 }, 3, true }, PROBE_OK },
	{ { { true, true, 4 }, { false, false, 0 }, 3, true }, PROBE_WARN },
	{ { { true, true, 1 }, { false, false, 0 }, 3, true }, PROBE_OK },
	{ { { false, false, 0 }, { true, false, 0 }, 0, true }, PROBE_OK },
};

START_TEST(a_slave_without_a_master_fails)
{
	for (size_t i = 0; i < N_ELEMENTS(netjacks); i++) {
		struct probe_result result = { 0 };

		audio_netjack_judge(&netjacks[i].facts, &result);
		assert_result(&result, netjacks[i].status, NULL);
	}
}
END_TEST

/* --- a machine --- */

/* name (in parentheses, with what names may hold), then fields 3 to 41. */
#define STAT(name, priority, policy)                                                               \
	"77 (" name                                                                                \
	") S 1 77 77 0 -1 4194560 1 0 0 0 1 1 0 0 -2 0 3 0 12345 1 1 1 1 1 1 1 1 0 0 0 "           \
	"0 0 0 0 17 1 " priority " " policy " 0 0 0\n"

static void run_jackd(const char *pid, const char *cmdline, gsize size)
{
	g_autofree char *comm = g_strdup_printf("/proc/%s/comm", pid);
	g_autofree char *status = g_strdup_printf("/proc/%s/status", pid);
	g_autofree char *arguments = g_strdup_printf("/proc/%s/cmdline", pid);
	g_autofree char *path = env_path(&machine.env, arguments);

	machine_put(&machine, comm, "jackd\n");
	machine_put(&machine, status, "Name:\tjackd\nUid:\t4242\t4242\t4242\t4242\n");
	ck_assert(g_file_set_contents(path, cmdline, (gssize)size, NULL));
}
#define RUN_JACKD_AS(pid, cmdline) run_jackd(pid, cmdline, sizeof(cmdline) - 1)
#define RUN_JACKD(cmdline)         RUN_JACKD_AS("77", cmdline)

static void run_pipewire(unsigned uid)
{
	g_autofree char *status = g_strdup_printf("Name:\tpipewire\nUid:\t%u\t0\t0\t0\n", uid);

	machine_put(&machine, "/proc/88/comm", "pipewire\n");
	machine_put(&machine, "/proc/88/status", status);
	machine_put(&machine, "/proc/88/cmdline", "/usr/bin/pipewire");
}

START_TEST(without_a_server_only_a_dsp_fails)
{
	static const char *const rest[] = { "audio.rt", "audio.quantum", "audio.latency",
		"audio.xruns" };

	machine_put(&machine, "/proc/1/comm", "systemd\n");
	machine_put(&machine, "/proc/self/comm", "jackd\n");
	assert_probe("audio.server", PROBE_FAIL, "neither");
	wanted = desktop;
	assert_probe("audio.server", PROBE_NA, NULL);
	for (size_t i = 0; i < N_ELEMENTS(rest); i++)
		assert_probe(rest[i], PROBE_NA, "no audio server");
}
END_TEST

START_TEST(a_jack_server_is_known_by_its_arguments)
{
	RUN_JACKD("jackd\0-S\0-d\0alsa\0-r\0"
		  "96000\0-p\0"
		  "128\0");
	assert_probe("audio.server", PROBE_OK, "jackd runs, process 77, driver alsa, synchronous");
	machine_put(&machine, "/proc/78/comm", "jackd\n");
	assert_probe("audio.server", PROBE_OK, "2 jackds run; this is process 77, driver alsa");
	machine_remove(&machine, "/proc/78");
	assert_probe("audio.quantum", PROBE_OK, "128 frames at 96000 Hz, 1.33 ms");
	assert_probe("audio.latency", PROBE_OK, "2.67 ms");
	RUN_JACKD("jackd\0-r\0-d\0alsa\0");
	assert_probe("audio.server", PROBE_WARN, "-r");
	assert_probe("audio.quantum", PROBE_FAIL, "1024 frames at 48000 Hz");
	RUN_JACKD("jackd\0-d\0net\0-l\0"
		  "1\0");
	assert_probe("audio.quantum", PROBE_NA, "another user's");
	assert_probe("audio.latency", PROBE_OK, "if the master's period is as wanted");
}
END_TEST

START_TEST(threads_of_the_server_are_looked_at)
{
	RUN_JACKD("jackd\0-d\0net\0");
	assert_probe("audio.rt", PROBE_UNKNOWN, "cannot be seen");
	machine_put(&machine, "/proc/77/task/77/stat", STAT("jackd", "0", "0"));
	machine_put(&machine, "/proc/77/task/78/stat", "78 garbage");
	assert_probe("audio.rt", PROBE_FAIL, NULL);
	machine_put(&machine, "/proc/77/task/79/stat", STAT("a) (S 9 9", "20", "2"));
	assert_probe("audio.rt", PROBE_WARN, "SCHED_RR 20");
	machine_put(&machine, "/proc/77/task/80/stat", STAT("jackd", "80", "1"));
	assert_probe("audio.rt", PROBE_OK, "SCHED_FIFO 80");
}
END_TEST

START_TEST(pipewire_is_asked_where_it_may_be_asked)
{
	g_autofree char *command = g_strdup_printf(
		"pw-metadata -r /run/user/%u/pipewire-0 -n settings", (unsigned)geteuid());

	run_pipewire(geteuid());
	assert_probe("audio.server", PROBE_OK, "PipeWire");
	assert_probe("audio.quantum", PROBE_NA, NULL);
	machine_program(&machine, command, METADATA("1024", "1024", "0"));
	assert_probe("audio.quantum", PROBE_FAIL, "does not go below 1024");
	assert_probe("audio.latency", PROBE_FAIL, "42.67 ms");
	machine_program(&machine, command, METADATA("64", "32", "0"));
	assert_probe("audio.quantum", PROBE_OK, "64 frames");
	wanted = desktop;
	machine_program(&machine, command, METADATA("1024", "1024", "0"));
	assert_probe("audio.quantum", PROBE_OK, NULL);
}
END_TEST

START_TEST(another_users_pipewire_is_known_by_its_configuration)
{
	if (geteuid() == 0)
		return; /* root may ask everybody; the parser has its own test */
	run_pipewire(geteuid() + 1);
	assert_probe("audio.quantum", PROBE_NA, "does not tell");
	machine_put(&machine, "/usr/share/pipewire/pipewire.conf", CONF_1_4);
	assert_probe("audio.quantum", PROBE_WARN, "below 1024");
}
END_TEST

START_TEST(configuration_is_read_when_pipewire_does_not_answer)
{
	run_pipewire(geteuid());
	machine_put(&machine, "/usr/share/pipewire/pipewire.conf", CONF_0_3);
	assert_probe("audio.quantum", PROBE_WARN, "below 1024");
	machine_put(&machine, "/etc/pipewire/pipewire.conf.d/20-b.conf",
		"vm.overrides = { default.clock.min-quantum = 64 }");
	machine_put(&machine, "/etc/pipewire/pipewire.conf.d/10-a.conf",
		"vm.overrides = { default.clock.min-quantum = 512 }");
	machine_put(&machine, "/etc/pipewire/pipewire.conf.d/30-c.conf.bak", CONF_0_3);
	assert_probe("audio.quantum", PROBE_NA, "allows 64");
}
END_TEST

#define PW_TOP_HEAD "S   ID  QUANT   RATE    WAIT    BUSY   W/Q   B/Q  ERR FORMAT           NAME \n"

static const struct {
	const char *text;
	bool good;
	uint64_t errors;
} tops[] = {
	{ PW_TOP_HEAD
		"S   28      0      0    ---     ---   ---   ---    9   Dummy-Driver\n" PW_TOP_HEAD
		"R   50   1024  48000   1.0us  2.0us  0.00  0.00    3   S16 2 48000 alsa\n"
		"R   60      0      0   1.0us  2.0us  0.00  0.00    4   F32 1 firefox\n",
		true, 7 },
	{ PW_TOP_HEAD, true, 0 },
	{ "no heading\nR 1 2 3 4 5 6 7 8 9\n", false, 0 },
	{ "", false, 0 },
};

START_TEST(errors_of_the_last_round_are_summed)
{
	for (size_t i = 0; i < N_ELEMENTS(tops); i++) {
		uint64_t errors = 77;

		ck_assert_msg(pw_top_errors(tops[i].text, &errors) == tops[i].good, "row %zu", i);
		ck_assert_uint_eq(errors, tops[i].good ? tops[i].errors : 77);
	}
}
END_TEST

START_TEST(xruns_of_pipewire_are_counted_from_look_to_look)
{
	g_autofree char *command = g_strdup_printf(
		"env PIPEWIRE_REMOTE=/run/user/%u/pipewire-0 pw-top -b -n 2", (unsigned)geteuid());

	run_pipewire(geteuid());
	machine.now_ns = 100 * SECONDS;
	assert_probe("audio.xruns", PROBE_NA, "not there");
	machine_program(&machine, command, PW_TOP_HEAD "R 1 1 1 1 1 1 1 50 x\n");
	assert_probe("audio.xruns", PROBE_OK, NULL);
	machine.now_ns = 130 * SECONDS;
	machine_program(&machine, command, PW_TOP_HEAD "R 1 1 1 1 1 1 1 51 x\n");
	assert_probe("audio.xruns", PROBE_WARN, "2 xruns a minute");
	machine.now_ns = 190 * SECONDS;
	machine_program(&machine, command, PW_TOP_HEAD "R 1 1 1 1 1 1 1 57 x\n");
	assert_probe("audio.xruns", PROBE_FAIL, "6 xruns");
}
END_TEST

START_TEST(xruns_of_jack_are_those_of_its_log)
{
	static const char command[] = "journalctl --quiet --no-pager --output=cat --since=-60s "
				      "_COMM=jackd + _COMM=jackdbus";

	RUN_JACKD("jackd\0-d\0alsa\0");
	machine_program(&machine, command, "JackEngine::XRun: client = a\nXRun again\nok\n");
	assert_probe("audio.xruns", PROBE_NA, "there is no journal on this machine");
	machine_put(&machine, "/var/log/journal/0123/user-1000.journal", "");
	assert_probe("audio.xruns", PROBE_NA,
		geteuid() == 0 ? "there is no journal" : "this user may not read the journal");
	machine_put(&machine, "/var/log/journal/0123/system.journal", "");
	assert_probe("audio.xruns", PROBE_WARN, "2 xruns");
	machine_program(&machine, command, "");
	assert_probe("audio.xruns", PROBE_OK, "0 xruns");
}
END_TEST

START_TEST(a_slave_on_another_port_is_found_by_its_descriptors)
{
	RUN_JACKD("jackd\0-d\0net\0-p\0"
		  "19172\0");
	machine_put(&machine, "/proc/net/udp", LOCAL_SLAVE);
	assert_probe("audio.netjack", PROBE_FAIL, "no socket on UDP port 19172");
	machine_link(&machine, "/proc/77/fd/4", "/dev/null");
	assert_probe("audio.netjack", PROBE_FAIL, "no socket on UDP port 19172");
	machine_link(&machine, "/proc/77/fd/5", "socket:[12345]");
	assert_probe("audio.netjack", PROBE_WARN, "connected, but 3 packets");
}
END_TEST

START_TEST(a_slave_is_watched_through_its_socket)
{
	assert_probe("audio.netjack", PROBE_NA, "/proc/net/udp");
	machine_put(&machine, "/proc/net/udp", UDP_HEAD);
	assert_probe("audio.netjack", PROBE_NA, "no NETJACK slave");
	RUN_JACKD("jackd\0-d\0net\0");
	assert_probe("audio.netjack", PROBE_FAIL, "no socket on UDP port 19000");
	machine_put(&machine, "/proc/net/udp",
		UDP_HEAD UDP_LINE("00000000:4A38", "00000000:0000", "0"));
	assert_probe("audio.netjack", PROBE_FAIL, "waits for a master");
	machine_put(&machine, "/proc/net/udp",
		UDP_HEAD UDP_LINE("0F02000A:4A38", "0202000A:C350", "5"));
	assert_probe("audio.netjack", PROBE_WARN, "5 packets");
	assert_probe("audio.netjack", PROBE_OK, "connected");
	machine.now_ns = G_GINT64_CONSTANT(1000000000);
	machine_remove(&machine, "/proc/77");
	assert_probe("audio.netjack", PROBE_OK, "connected"); /* between the two */
	RUN_JACKD_AS("78", "jackd\0-d\0net\0");
	assert_probe("audio.netjack", PROBE_WARN, "began anew");
	machine.now_ns += 3600 * G_GINT64_CONSTANT(1000000000);
	assert_probe("audio.netjack", PROBE_WARN, "began anew");
	machine.now_ns += G_GINT64_CONSTANT(1000000000);
	assert_probe("audio.netjack", PROBE_OK, "connected");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_decides_in_vain_how_much_is_read_of_it,
		arguments_of_jackd_are_understood,
		the_effective_quantum_is_what_a_graph_gets,
		the_quantum_of_virtual_machines_is_found_in_the_configuration,
		the_socket_of_a_slave_is_found,
		audio_wants_real_time_threads,
		periods_are_compared_as_times,
		the_latency_is_periods_times_their_length,
		an_asynchronous_slave_costs_one_period_more,
		a_slave_without_a_master_fails,
		without_a_server_only_a_dsp_fails,
		a_jack_server_is_known_by_its_arguments,
		threads_of_the_server_are_looked_at,
		pipewire_is_asked_where_it_may_be_asked,
		another_users_pipewire_is_known_by_its_configuration,
		configuration_is_read_when_pipewire_does_not_answer,
		errors_of_the_last_round_are_summed,
		xruns_of_pipewire_are_counted_from_look_to_look,
		xruns_of_jack_are_those_of_its_log,
		a_slave_is_watched_through_its_socket,
		a_slave_on_another_port_is_found_by_its_descriptors,
		a_slave_is_known_by_its_sockets_or_its_user,
		the_port_is_that_of_the_net_driver,
		NULL,
	};

	return suite_run_with(
		"agent-probe-audio", tests, probe_fixture_setup, probe_fixture_teardown);
}
