/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable.h"

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755

static bool fail(GError **error, int code, const char *what, const char *path)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "cannot %s %s: %s", what,
		path, g_strerror(code));
	return false;
}

void durable_step(const struct env *env, const char *name)
{
	if (env->host && env->host->step)
		env->host->step(env->host, name);
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

bool durable_poke(const struct env *env, const char *path, const char *text, GError **error)
{
	g_autofree char *full = env_path(env, path);
	size_t size = strlen(text);
	struct stat status;
	int fd = open(full, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool done;

	if (fd < 0)
		return fail(error, errno, "open", path);
	durable_step(env, "poke");
	errno = EIO;
	done = write(fd, text, size) == (ssize_t)size;
	/* Below a root of a test it is a file, which may have been longer. */
	if (done && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
		done = ftruncate(fd, (off_t)size) == 0;
	if (!done)
		fail(error, errno, "write", path);
	close(fd);
	if (done)
		durable_step(env, "poked");
	return done;
}

static bool sync_folder(const char *full)
{
	g_autofree char *folder = g_path_get_dirname(full);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	if (fd < 0)
		return false;
	code = fsync(fd) < 0 ? errno : 0;
	close(fd);
	errno = code;
	return code == 0;
}

static char *beside(const char *full)
{
	g_autofree char *folder = g_path_get_dirname(full), *name = g_path_get_basename(full);

	return g_strdup_printf("%s/.%s.helix-new", folder, name);
}

static bool make_folder(const char *full)
{
	g_autofree char *folder = g_path_get_dirname(full);

	if (g_file_test(folder, G_FILE_TEST_IS_DIR))
		return true;
	return make_folder(folder) && (mkdir(folder, FOLDER_MODE) == 0 || errno == EEXIST) &&
	       sync_folder(folder);
}

static bool fill(const struct env *env, int fd, const struct durable_file *file)
{
	/* The mode first: whose file it is by then, CAP_FOWNER alone may change that. */
	bool done = write_all(fd, file->text) && fchmod(fd, file->mode) == 0 &&
		    fchown(fd, file->uid, file->gid) == 0;

	if (done)
		durable_step(env, "file-written");
	return done && fsync(fd) == 0;
}

static bool put_in_place(const struct env *env, const char *fresh, const char *full)
{
	durable_step(env, "file-synced");
	if (rename(fresh, full) < 0)
		return false;
	durable_step(env, "file-renamed");
	if (!sync_folder(full))
		return false;
	durable_step(env, "folder-synced");
	return true;
}

bool durable_replace(
	const struct env *env, const char *path, const struct durable_file *file, GError **error)
{
	g_autofree char *full = env_path(env, path), *fresh = beside(full);
	bool done;
	int fd;

	if (!make_folder(full))
		return fail(error, errno, "make the folder of", path);
	if (unlink(fresh) < 0 && errno != ENOENT)
		return fail(error, errno, "remove a left-over of", path);
	durable_step(env, "file-create");
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(error, errno, "create", path);
	durable_step(env, "file-created");
	done = fill(env, fd, file);
	if (!done)
		fail(error, errno, "write", path);
	close(fd);
	if (done && !put_in_place(env, fresh, full))
		done = fail(error, errno, "replace", path);
	if (!done)
		unlink(fresh);
	return done;
}

bool durable_link(const struct env *env, const char *path, const char *target, GError **error)
{
	g_autofree char *full = env_path(env, path), *fresh = beside(full);

	if (!make_folder(full))
		return fail(error, errno, "make the folder of", path);
	if (unlink(fresh) < 0 && errno != ENOENT)
		return fail(error, errno, "remove a left-over of", path);
	durable_step(env, "link-create");
	if (symlink(target, fresh) < 0)
		return fail(error, errno, "link", path);
	if (!put_in_place(env, fresh, full)) {
		fail(error, errno, "link", path);
		unlink(fresh);
		return false;
	}
	return true;
}

bool durable_remove(const struct env *env, const char *path, GError **error)
{
	g_autofree char *full = env_path(env, path), *fresh = beside(full);
	bool there;

	durable_step(env, "remove");
	there = unlink(fresh) == 0;
	if (!there && errno != ENOENT && errno != ENOTDIR)
		return fail(error, errno, "remove a left-over of", path);
	durable_step(env, "left-over-removed");
	if (unlink(full) == 0)
		there = true;
	else if (errno != ENOENT && errno != ENOTDIR)
		return fail(error, errno, "remove", path);
	durable_step(env, "removed");
	if (there && !sync_folder(full))
		return fail(error, errno, "write the folder of", path);
	durable_step(env, "folder-synced");
	return true;
}
