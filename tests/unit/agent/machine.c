/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include <check.h>
#include <glib/gstdio.h>
#include <unistd.h>

static int64_t machine_now_ns(const struct env *env)
{
	const struct machine *machine = env->user;

	return machine->now_ns;
}

static bool machine_run(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error)
{
	const struct machine *machine = env->user;
	g_autofree char *command = g_strjoinv(" ", (char **)argv);
	gpointer output;

	if (!g_hash_table_lookup_extended(machine->programs, command, NULL, &output)) {
		g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "%s is not there", command);
		return false;
	}
	if (!output) {
		g_set_error(error, G_SPAWN_EXIT_ERROR, 1, "%s failed", argv[0]);
		return false;
	}
	*ret_out = g_strdup(output);
	return true;
}

static GDBusConnection *machine_bus(const struct env *env, GError **error)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no bus");
	return NULL;
}

void machine_init(struct machine *machine)
{
	g_autofree char *root = g_dir_make_tmp("agent-XXXXXX", NULL);

	ck_assert_ptr_nonnull(root);
	env_init(&machine->env, root);
	machine->env.user = machine;
	machine->env.now_ns = machine_now_ns;
	machine->env.run = machine_run;
	machine->env.bus = machine_bus;
	machine->now_ns = 0;
	machine->programs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void remove_tree(const char *path)
{
	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_DIR)) {
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *name;

		while (dir && (name = g_dir_read_name(dir))) {
			g_autofree char *child = g_build_filename(path, name, NULL);

			remove_tree(child);
		}
	}
	g_remove(path);
}

void machine_finish(struct machine *machine)
{
	remove_tree(machine->env.root);
	g_hash_table_unref(machine->programs);
	env_finish(&machine->env);
}

static char *make_place(struct machine *machine, const char *path)
{
	char *full = env_path(&machine->env, path);
	g_autofree char *folder = g_path_get_dirname(full);

	ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
	return full;
}

void machine_put(struct machine *machine, const char *path, const char *text)
{
	g_autofree char *full = make_place(machine, path);

	ck_assert(g_file_set_contents(full, text, -1, NULL));
}

void machine_link(struct machine *machine, const char *path, const char *target)
{
	g_autofree char *full = make_place(machine, path);

	ck_assert_int_eq(symlink(target, full), 0);
}

void machine_remove(struct machine *machine, const char *path)
{
	g_autofree char *full = env_path(&machine->env, path);

	remove_tree(full);
}

void machine_program(struct machine *machine, const char *command, const char *output)
{
	g_hash_table_insert(machine->programs, g_strdup(command), g_strdup(output));
}
