/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"

#include "durable.h"
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRC_POLYNOMIAL 0xedb88320u /* of zlib and Ethernet, reflected */
#define JSON_FLAGS     (JSON_COMPACT | JSON_SORT_KEYS)

struct journal {
	const struct env *env;
	char *path, *old, *fresh;
	int lock_fd, folder_fd, fd;
	size_t size; /* of whole records */
	bool broken;
	json_t *records;
};

static bool fail(GError **error, const char *what, const char *path)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot %s %s: %s", what,
		path, g_strerror(errno));
	return false;
}

static uint32_t crc32_of(const char *data, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= (unsigned char)data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
	}
	return ~crc;
}

/* --- reading --- */

/* One record at *text, which is moved behind it; NULL: none that is whole. */
static json_t *parse_record(const char **text, const char *end)
{
	const char *newline = memchr(*text, '\n', (size_t)(end - *text)), *json;
	guint64 crc, size;
	char *after;
	json_t *record;

	if (!newline)
		return NULL;
	crc = g_ascii_strtoull(*text, &after, 16);
	size = g_ascii_strtoull(after, &after, 10);
	json = after + 1;
	if (json > newline || *after != ' ' || (guint64)(newline - json) != size ||
		size > JOURNAL_RECORD_MAX || crc32_of(json, size) != crc)
		return NULL;
	record = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(record)) {
		json_decref(record);
		return NULL;
	}
	*text = newline + 1;
	return record;
}

static bool any_record_follows(const char *text, const char *end)
{
	const char *newline;

	while ((newline = memchr(text, '\n', (size_t)(end - text)))) {
		const char *next = newline + 1;
		json_t *record = parse_record(&next, end);

		text = newline + 1;
		if (record) {
			json_decref(record);
			return true;
		}
	}
	return false;
}

static bool parse_all(struct journal *journal, const char *text, size_t size, GError **error)
{
	const char *at = text, *end = text + size;
	json_t *record;

	while ((record = parse_record(&at, end)))
		json_array_append_new(journal->records, record);
	journal->size = (size_t)(at - text);
	if (at == end || !any_record_follows(at, end))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		"%s is damaged at byte %zu, with records behind it", journal->path, journal->size);
	return false;
}

/* The whole file, NUL-terminated; transfer full. */
static char *read_text(struct journal *journal, size_t *ret_size, GError **error)
{
	struct stat status;
	size_t size = 0;
	ssize_t n = 1;
	char *text;

	if (fstat(journal->fd, &status) < 0 || status.st_size > (off_t)JOURNAL_MAX) {
		errno = EFBIG;
		fail(error, "read", journal->path);
		return NULL;
	}
	text = g_malloc0((size_t)status.st_size + 1);
	while (n > 0 && size < (size_t)status.st_size) {
		n = pread(journal->fd, text + size, (size_t)status.st_size - size, (off_t)size);
		size += n > 0 ? (size_t)n : 0;
	}
	*ret_size = size;
	if (size == (size_t)status.st_size)
		return text;
	fail(error, "read", journal->path);
	g_free(text);
	return NULL;
}

static bool read_all(struct journal *journal, GError **error)
{
	size_t size = 0;
	char *text = read_text(journal, &size, error);
	bool done = text && parse_all(journal, text, size, error);

	g_free(text);
	if (!done || journal->size == size)
		return done;
	if (ftruncate(journal->fd, (off_t)journal->size) == 0 && fsync(journal->fd) == 0)
		return true;
	return fail(error, "cut the torn end of", journal->path);
}

/* --- life --- */

static bool lock(struct journal *journal, const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "lock", NULL);

	if (g_mkdir_with_parents(folder, 0700) < 0)
		return fail(error, "make", folder);
	journal->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->folder_fd < 0)
		return fail(error, "open", folder);
	journal->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->lock_fd < 0)
		return fail(error, "open", path);
	if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return fail(error, "lock", path);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s is in use by another process", folder);
	return false;
}

static bool open_file(struct journal *journal, const char *path, int flags, GError **error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	if (fd < 0)
		return fail(error, "open", path);
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = fd;
	return true;
}

bool journal_open(const struct env *env, const char *folder, struct journal **ret, GError **error)
{
	struct journal *journal = g_new0(struct journal, 1);

	*journal = (struct journal){
		.env = env,
		.path = g_build_filename(folder, "journal", NULL),
		.old = g_build_filename(folder, "journal.old", NULL),
		.fresh = g_build_filename(folder, "journal.new", NULL),
		.lock_fd = -1,
		.folder_fd = -1,
		.fd = -1,
		.records = json_array(),
	};
	if (!lock(journal, folder, error) || !open_file(journal, journal->path, 0, error) ||
		!read_all(journal, error)) {
		journal_close(journal);
		return false;
	}
	if (fsync(journal->folder_fd) < 0) {
		fail(error, "write", folder);
		journal_close(journal);
		return false;
	}
	*ret = journal;
	return true;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->fd >= 0)
		close(journal->fd);
	if (journal->folder_fd >= 0)
		close(journal->folder_fd);
	if (journal->lock_fd >= 0)
		close(journal->lock_fd);
	json_decref(journal->records);
	g_free(journal->path);
	g_free(journal->old);
	g_free(journal->fresh);
	g_free(journal);
}

const json_t *journal_records(const struct journal *journal)
{
	return journal->records;
}

size_t journal_size(const struct journal *journal)
{
	return journal->size;
}

/* --- writing --- */

static bool write_piece(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* In two halves for who looks for what a torn record does. */
static bool write_line(struct journal *journal, const char *line, size_t size)
{
	size_t half = journal->env->host && journal->env->host->tears ? size / 2 : size;

	durable_step(journal->env, "journal-append");
	if (!write_piece(journal->fd, line, half))
		return false;
	if (half < size) {
		durable_step(journal->env, "journal-torn");
		if (!write_piece(journal->fd, line + half, size - half))
			return false;
	}
	durable_step(journal->env, "journal-appended");
	return true;
}

static char *format_record(const json_t *record, size_t *ret_size, GError **error)
{
	char *json = json_dumps(record, JSON_FLAGS), *line = NULL;
	size_t size = json ? strlen(json) : 0;

	if (!json || size > JOURNAL_RECORD_MAX) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"a record that the journal cannot hold");
	} else {
		line = g_strdup_printf("%08x %zu %s\n", crc32_of(json, size), size, json);
		*ret_size = strlen(line);
	}
	free(json);
	return line;
}

static bool may_append(struct journal *journal, GError **error)
{
	if (journal->broken)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s could not be written before",
			journal->path);
	return !journal->broken;
}

bool journal_append(struct journal *journal, json_t *record, GError **error)
{
	g_autofree char *line = NULL;
	size_t size = 0;

	if (may_append(journal, error))
		line = format_record(record, &size, error);
	if (line && journal->size + size > JOURNAL_MAX) {
		errno = EFBIG;
		fail(error, "append to", journal->path);
		g_clear_pointer(&line, g_free);
	}
	if (line && !write_line(journal, line, size)) {
		fail(error, "append to", journal->path);
		journal->broken = ftruncate(journal->fd, (off_t)journal->size) < 0;
		g_clear_pointer(&line, g_free);
	}
	if (!line) {
		json_decref(record);
		return false;
	}
	journal->size += size;
	json_array_append_new(journal->records, record);
	return true;
}

bool journal_sync(struct journal *journal, GError **error)
{
	if (!may_append(journal, error))
		return false;
	durable_step(journal->env, "journal-sync");
	/* What fsync(2) could not write once it may forget: no second try. */
	if (fdatasync(journal->fd) < 0) {
		journal->broken = true;
		return fail(error, "write", journal->path);
	}
	durable_step(journal->env, "journal-synced");
	return true;
}

static bool write_records(struct journal *journal, GError **error)
{
	const json_t *record;
	size_t i;

	journal->size = 0;
	json_array_foreach(journal->records, i, record)
	{
		size_t size = 0;
		g_autofree char *line = format_record(record, &size, error);

		if (!line)
			return false;
		if (!write_line(journal, line, size))
			return fail(error, "write", journal->fresh);
		journal->size += size;
	}
	return true;
}

static bool put_in_place(struct journal *journal)
{
	if (fsync(journal->fd) < 0)
		return false;
	durable_step(journal->env, "turn-synced");
	unlink(journal->old);
	durable_step(journal->env, "turn-unlinked");
	if (link(journal->path, journal->old) < 0)
		return false;
	durable_step(journal->env, "turn-linked");
	if (rename(journal->fresh, journal->path) < 0)
		return false;
	durable_step(journal->env, "turn-renamed");
	if (fsync(journal->folder_fd) < 0)
		return false;
	durable_step(journal->env, "turn-done");
	return true;
}

bool journal_turn(struct journal *journal, json_t *records, GError **error)
{
	durable_step(journal->env, "turn");
	if (!may_append(journal, error) || !open_file(journal, journal->fresh, O_TRUNC, error)) {
		json_decref(records);
		return false;
	}
	json_decref(journal->records);
	journal->records = records;
	/* From here on journal->fd is the new one, which is good for nothing until it is whole. */
	journal->broken = true;
	if (!write_records(journal, error))
		return false;
	if (!put_in_place(journal))
		return fail(error, "replace", journal->path);
	journal->broken = false;
	return true;
}
