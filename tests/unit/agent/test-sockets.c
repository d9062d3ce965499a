/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets of the agent in a folder where somebody else may write too. */

#include "daemon/encoder-socket.h"
#include "dialect/server.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECRET 0640

static char *folder, *path, *secret;
static struct env env;

static long swap_behind; /* the call that is looked for */

/* Who looks on and puts a link in the place of a socket as soon as it is there. */
static int call(long number, int fd, uintptr_t second, uintptr_t third)
{
	int r = (int)syscall(number, fd, second, third);

	if (r == 0 && number == swap_behind && (g_unlink(path) < 0 || symlink(secret, path) < 0))
		return -1;
	return r;
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return call(SYS_bind, fd, (uintptr_t)address, size);
}

int listen(int fd, int backlog)
{
	return call(SYS_listen, fd, (uintptr_t)backlog, 0);
}

static void setup(void)
{
	folder = g_dir_make_tmp("agent-sockets-XXXXXX", NULL);
	path = g_build_filename(folder, "socket", NULL);
	secret = g_build_filename(folder, "secret", NULL);
	ck_assert(g_file_set_contents_full(secret, "", 0, G_FILE_SET_CONTENTS_NONE, SECRET, NULL));
	ck_assert_int_eq(g_chmod(secret, SECRET), 0);
	env_init(&env, folder);
}

static void teardown(void)
{
	env_finish(&env);
	g_unlink(path);
	g_unlink(secret);
	g_rmdir(folder);
	g_free(folder);
	g_free(path);
	g_free(secret);
}

static void assert_untouched(void)
{
	struct stat status;

	ck_assert_int_eq(g_stat(secret, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, SECRET);
}

START_TEST(the_mode_of_a_server_is_not_given_to_what_a_link_names)
{
	static const long calls[] = { SYS_bind, SYS_listen };

	for (unsigned i = 0; i < N_ELEMENTS(calls); i++) {
		const struct dialect_server_config config = { 0 };
		struct dialect_server *server = dialect_server_new(&config);

		swap_behind = calls[i];
		ck_assert(!dialect_server_listen_unix(server, path, 0666, NULL));
		dialect_server_free(server);
		assert_untouched();
		g_unlink(path);
	}
}
END_TEST

START_TEST(the_mode_of_the_encoders_socket_is_not_given_to_what_a_link_names)
{
	struct encoder_log *log = encoder_log_new();

	swap_behind = SYS_bind;
	ck_assert_ptr_null(encoder_socket_new(path, &env, log, NULL));
	encoder_log_unref(log);
	assert_untouched();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_mode_of_a_server_is_not_given_to_what_a_link_names,
		the_mode_of_the_encoders_socket_is_not_given_to_what_a_link_names,
		NULL,
	};

	return suite_run_with("agent-sockets", tests, setup, teardown);
}
