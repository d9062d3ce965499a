/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/agentd.h"
#include "daemon/errand.h"
#include "daemon/guest.h"
#include "suite.h"

#include <glib/gstdio.h>

static struct env env;

static void setup(void)
{
	g_autofree char *root = g_dir_make_tmp("agent-guest-XXXXXX", NULL);

	env_init(&env, root);
}

static void teardown(void)
{
	const char *const argv[] = { "rm", "-r", env.root, NULL };
	char *out = NULL;

	ck_assert(env.run(&env, argv, 5000, &out, NULL));
	g_free(out);
	env_finish(&env);
}

static void put(const char *path, const char *text)
{
	g_autofree char *full = env_path(&env, path);
	g_autofree char *folder = g_path_get_dirname(full);

	g_mkdir_with_parents(folder, 0700);
	ck_assert(g_file_set_contents(full, text, -1, NULL));
}

static json_t *ask(const char *name, struct dialect_error *error)
{
	struct agentd agentd = { .env = &env };
	json_t *none = json_object(), *reply = NULL;

	for (const struct dialect_command *c = guest_commands; c->name; c++)
		if (!strcmp(c->name, name))
			reply = c->run(&agentd, none, NULL, error);
	json_decref(none);
	return reply;
}

static void assert_json(json_t *have, const char *wanted)
{
	g_autofree char *text = json_dumps(have, JSON_COMPACT);

	ck_assert_str_eq(text, wanted);
	json_decref(have);
}

START_TEST(a_host_name_that_is_no_text_is_an_answer)
{
	assert_json(guest_parse_host_name("helix"), "{\"host-name\":\"helix\"}");
	assert_json(guest_parse_host_name("h\377"), "{\"host-name\":\"h\357\277\275\"}");
}
END_TEST

static const struct {
	const char *text;
	double load[3];
	bool good;
} loads[] = {
	{ "0.50 1.25 12.00 1/234 5678\n", { 0.5, 1.25, 12 }, true },
	{ "0.50 1.25\n", { 0 }, false },
	{ "0.50 1.25 x 1/2 3", { 0 }, false },
	{ "", { 0 }, false },
};

START_TEST(loads_are_three_numbers)
{
	for (size_t i = 0; i < N_ELEMENTS(loads); i++) {
		json_t *load = guest_parse_load(loads[i].text);

		ck_assert_msg(!!load == loads[i].good, "'%s'", loads[i].text);
		if (!load)
			continue;
		ck_assert_double_eq(
			json_real_value(json_object_get(load, "load1m")), loads[i].load[0]);
		ck_assert_double_eq(
			json_real_value(json_object_get(load, "load5m")), loads[i].load[1]);
		ck_assert_double_eq(
			json_real_value(json_object_get(load, "load15m")), loads[i].load[2]);
		json_decref(load);
	}
}
END_TEST

START_TEST(times_of_cpus_are_in_ms)
{
	assert_json(guest_parse_cpustats("cpu  9 9 9 9 9 9 9 9 9 9\n"
					 "cpu0 1 2 3 4 5 6 7 8 9 10\ncpu12 1 2 3 4\nintr 5\n",
			    100),
		"[{\"type\":\"linux\",\"cpu\":0,\"user\":10,\"nice\":20,\"system\":30,\"idle\":40,"
		"\"iowait\":50,\"irq\":60,\"softirq\":70,\"steal\":80,\"guest\":90,"
		"\"guestnice\":100},{\"type\":\"linux\",\"cpu\":12,\"user\":10,\"nice\":20,"
		"\"system\":30,\"idle\":40}]");
	ck_assert_ptr_null(guest_parse_cpustats("cpu0 1 2 3\n", 100));
	ck_assert_ptr_null(guest_parse_cpustats("cpu0 1 2 x 4\n", 100));
}
END_TEST

START_TEST(os_release_is_unquoted)
{
	json_t *info = json_object();

	guest_parse_osrelease("# NAME=no\nNAME=\"Debian GNU/Linux\"\nID=debian\nVERSION='12 (b)'\n"
			      "VERSION_ID=\"12\"\nPRETTY_NAME=\"unfinished\nNAME_X=1\nnonsense\n",
		info);
	assert_json(info, "{\"name\":\"Debian GNU/Linux\",\"id\":\"debian\",\"version\":\"12 (b)\","
			  "\"version-id\":\"12\"}");
}
END_TEST

START_TEST(osinfo_has_kernel_and_distribution)
{
	struct dialect_error error = { 0 };
	json_t *info;

	put("/usr/lib/os-release", "ID=helix\n");
	info = ask("guest-get-osinfo", &error);
	ck_assert_str_eq(json_string_value(json_object_get(info, "id")), "helix");
	ck_assert(json_is_string(json_object_get(info, "kernel-release")));
	json_decref(info);
}
END_TEST

static const struct {
	const char *line, *mountpoint, *type, *source; /* mountpoint NULL: nonsense */
	unsigned major, minor;
} mounts[] = {
	{ "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw", "/", "ext4", "/dev/vda1", 254,
		1 },
	{ "36 25 8:17 /sub /mnt/a\\040b rw - vfat /dev/sdb1 rw,utf8", "/mnt/a b", "vfat",
		"/dev/sdb1", 8, 17 },
	{ "24 1 0:22 / /proc rw shared:2 master:3 - proc proc rw", "/proc", "proc", "proc", 0, 22 },
	{ "25 1 254:1 / / rw,relatime shared:1", NULL, NULL, NULL, 0, 0 },
	{ "25 1 254 / / rw - ext4 /dev/vda1 rw", NULL, NULL, NULL, 0, 0 },
	{ "25 1 254:1 / - ext4 /dev/vda1 rw", NULL, NULL, NULL, 0, 0 },
	{ "", NULL, NULL, NULL, 0, 0 },
};

START_TEST(lines_of_mountinfo_are_read)
{
	for (size_t i = 0; i < N_ELEMENTS(mounts); i++) {
		struct guest_mount mount;

		poison(&mount);
		if (!mounts[i].mountpoint) {
			ck_assert(!guest_parse_mount(mounts[i].line, &mount));
			assert_poisoned(&mount);
			continue;
		}
		ck_assert_msg(guest_parse_mount(mounts[i].line, &mount), "%s", mounts[i].line);
		ck_assert_str_eq(mount.mountpoint, mounts[i].mountpoint);
		ck_assert_str_eq(mount.type, mounts[i].type);
		ck_assert_str_eq(mount.source, mounts[i].source);
		ck_assert_uint_eq(mount.major, mounts[i].major);
		ck_assert_uint_eq(mount.minor, mounts[i].minor);
		guest_mount_finish(&mount);
	}
}
END_TEST

static void on_send(void *user, const char *data, size_t size)
{
	*(json_t **)user = json_loadb(data, size, 0, NULL);
}

/* Of a command that may hang: not before the main loop runs. */
static json_t *ask_and_wait(const char *request)
{
	struct agentd agentd = { .env = &env, .errands = errands_new(&env) };
	const struct dialect_command *const tables[] = { guest_commands };
	json_t *reply = NULL, *value;
	const struct dialect_client_config config = { .send = on_send, .user = &reply };
	struct dialect *dialect = dialect_new(tables, 1, &agentd);
	struct dialect_client *client = dialect_client_new(dialect, &config);

	dialect_client_feed(client, request, strlen(request));
	ck_assert_ptr_null(reply);
	while (!reply)
		g_main_context_iteration(NULL, TRUE);
	dialect_client_free(client);
	errands_free(agentd.errands);
	dialect_free(dialect);
	value = json_incref(json_object_get(reply, "return"));
	json_decref(reply);
	return value;
}

START_TEST(fsinfo_lists_block_devices_and_their_space)
{
	json_t *list, *first;

	put("/proc/self/mountinfo", "24 1 0:22 / /proc rw - proc proc rw\n"
				    "25 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
				    "26 1 254:2 / /gone rw - fuseblk /dev/vda2 rw\n");
	list = ask_and_wait("{\"execute\":\"guest-get-fsinfo\"}");
	ck_assert_uint_eq(json_array_size(list), 2);
	first = json_array_get(list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(first, "name")), "vda1");
	ck_assert_str_eq(json_string_value(json_object_get(first, "mountpoint")), "/");
	ck_assert(json_is_array(json_object_get(first, "disk")));
	ck_assert_int_gt(json_integer_value(json_object_get(first, "total-bytes")), 0);
	ck_assert_ptr_null(json_object_get(json_array_get(list, 1), "total-bytes"));
	json_decref(list);
}
END_TEST

START_TEST(vcpus_are_in_order_of_number)
{
	struct dialect_error error = { 0 };

	put("/sys/devices/system/cpu/cpu0/topology/core_id", "0\n");
	put("/sys/devices/system/cpu/cpu10/online", "0\n");
	put("/sys/devices/system/cpu/cpu2/online", "1\n");
	put("/sys/devices/system/cpu/cpufreq/x", "");
	assert_json(ask("guest-get-vcpus", &error),
		"[{\"logical-id\":0,\"online\":true,\"can-offline\":false},"
		"{\"logical-id\":2,\"online\":true,\"can-offline\":true},"
		"{\"logical-id\":10,\"online\":false,\"can-offline\":true}]");
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error_that_names_it)
{
	struct dialect_error error = { 0 };

	ck_assert_ptr_null(ask("guest-get-load", &error));
	ck_assert_str_eq(error.class, DIALECT_GENERIC_ERROR);
	ck_assert_ptr_nonnull(strstr(error.desc, "/proc/loadavg"));
	g_free(error.desc);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_host_name_that_is_no_text_is_an_answer,
		loads_are_three_numbers,
		times_of_cpus_are_in_ms,
		os_release_is_unquoted,
		osinfo_has_kernel_and_distribution,
		lines_of_mountinfo_are_read,
		fsinfo_lists_block_devices_and_their_space,
		vcpus_are_in_order_of_number,
		what_cannot_be_read_is_an_error_that_names_it,
		NULL,
	};

	return suite_run_with("agent-guest", tests, setup, teardown);
}
