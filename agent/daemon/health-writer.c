/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health-writer.h"

#define FILE_MODE 0644

/* What a thread is given, and what it gives back. g_atomic_rc_box. */
struct job {
	struct health_writer *writer; /* NULL: gone. Of the main context */
	bool (*replace)(const char *path, const char *text, GError **error);
	char *path, *text;
	GError *error;
};

struct health_writer {
	struct health_writer_config config;
	char *path;
	struct job *running; /* NULL: none */
	struct job *waiting; /* the newest behind it; NULL: none */
	guint late;          /* timer of running; 0: over */
	bool failed;         /* it was told */
};

static bool replace_file(const char *path, const char *text, GError **error)
{
	return g_file_set_contents_full(
		path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, FILE_MODE, error);
}

/* --- jobs --- */

static void job_clear(void *data)
{
	struct job *job = data;

	g_free(job->path);
	g_free(job->text);
	g_clear_error(&job->error);
}

static void job_unref(void *job)
{
	if (job)
		g_atomic_rc_box_release_full(job, job_clear);
}

static struct job *job_new(struct health_writer *writer, struct health *health)
{
	struct job *job = g_atomic_rc_box_new0(struct job);

	job->writer = writer;
	job->replace = writer->config.replace;
	job->path = g_strdup(writer->path);
	job->text = writer->config.format(health);
	return job;
}

/* --- one at a time --- */

static void tell_failure(struct health_writer *writer, const char *why)
{
	if (!writer->failed && writer->config.failed)
		writer->config.failed(writer->config.user, why);
	writer->failed = true;
}

static gboolean on_late(void *user)
{
	struct health_writer *writer = user;
	g_autofree char *why = g_strdup_printf("%s: its file system does not answer within %u s",
		writer->path, writer->config.late_ms / 1000);

	writer->late = 0;
	tell_failure(writer, why);
	return G_SOURCE_REMOVE;
}

static void start(struct health_writer *writer, struct job *job);

static gboolean on_done(void *user)
{
	struct job *job = user;
	struct health_writer *writer = job->writer;

	if (!writer)
		return G_SOURCE_REMOVE;
	if (writer->late)
		g_source_remove(writer->late);
	writer->late = 0;
	if (job->error)
		tell_failure(writer, job->error->message);
	else
		writer->failed = false;
	job_unref(writer->running);
	writer->running = NULL;
	if (writer->waiting)
		start(writer, g_steal_pointer(&writer->waiting));
	return G_SOURCE_REMOVE;
}

static void *write_thread(void *data)
{
	struct job *job = data;

	job->replace(job->path, job->text, &job->error);
	g_idle_add_full(G_PRIORITY_DEFAULT, on_done, job, job_unref);
	return NULL;
}

/* Takes the job. */
static void start(struct health_writer *writer, struct job *job)
{
	g_autoptr(GError) error = NULL;
	GThread *thread = g_thread_try_new(
		"health-writer", write_thread, g_atomic_rc_box_acquire(job), &error);

	if (!thread) {
		job_unref(job); /* the thread's */
		job_unref(job);
		tell_failure(writer, error->message);
		return;
	}
	g_thread_unref(thread);
	writer->running = job;
	writer->late = g_timeout_add(writer->config.late_ms, on_late, writer);
}

struct health_writer *health_writer_new(const struct health_writer_config *config)
{
	struct health_writer *writer = g_new0(struct health_writer, 1);

	writer->config = *config;
	if (!writer->config.replace)
		writer->config.replace = replace_file;
	writer->path = g_strdup(config->path);
	return writer;
}

void health_writer_free(struct health_writer *writer)
{
	if (!writer)
		return;
	if (writer->late)
		g_source_remove(writer->late);
	if (writer->running)
		writer->running->writer = NULL;
	job_unref(writer->running);
	job_unref(writer->waiting);
	g_free(writer->path);
	g_free(writer);
}

void health_writer_write(struct health_writer *writer, struct health *health)
{
	struct job *job = job_new(writer, health);

	if (writer->running) {
		job_unref(writer->waiting);
		writer->waiting = job;
	} else {
		start(writer, job);
	}
}

bool health_writer_is_busy(const struct health_writer *writer)
{
	return writer->running != NULL;
}
