/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errand.h"

/* g_atomic_rc_box: of the main context and of the thread. */
struct errand {
	const struct errand_kind *kind;
	struct env env; /* root is owned */
	/* of the thread, until it ends */
	json_t *reply;
	struct dialect_error error;
	bool done;

	/* of the main context */
	struct errands *errands;   /* NULL: gone */
	struct dialect_call *call; /* NULL: was told that this takes too long */
	guint timer;               /* 0: over, or not begun */
};

struct errands {
	struct env env; /* root is owned */
	GQueue waiting;
	GPtrArray *begun;
	unsigned late; /* of these */
};

static struct env copy(const struct env *env)
{
	struct env made = *env;

	made.root = g_strdup(env->root);
	return made;
}

static void errand_clear(void *data)
{
	struct errand *errand = data;

	json_decref(errand->reply);
	g_free(errand->error.desc);
	env_finish(&errand->env);
}

static void errand_unref(void *errand)
{
	g_atomic_rc_box_release_full(errand, errand_clear);
}

static void fail(struct errand *errand, const char *why)
{
	struct dialect_error error = { 0 };

	if (!errand->call)
		return;
	dialect_fail(&error, "%s", why);
	dialect_call_finish(g_steal_pointer(&errand->call), NULL, &error);
}

static void begin_next(struct errands *errands);

/* It keeps no place any more, neither among those that are begun nor among the late. */
static void leave(struct errand *errand)
{
	if (errand->timer)
		g_clear_handle_id(&errand->timer, g_source_remove);
	else
		errand->errands->late--;
	g_ptr_array_remove_fast(errand->errands->begun, errand);
}

static gboolean on_ended(void *user)
{
	struct errand *errand = user;
	struct errands *errands = errand->errands;
	json_t *reply;

	if (!errands)
		return G_SOURCE_REMOVE;
	if (errand->call) {
		reply = errand->done ? g_steal_pointer(&errand->reply) : NULL;
		dialect_call_finish(g_steal_pointer(&errand->call), reply, &errand->error);
		errand->error = (struct dialect_error){ 0 };
	}
	leave(errand);
	begin_next(errands);
	return G_SOURCE_REMOVE;
}

static gboolean on_late(void *user)
{
	struct errand *errand = user;

	errand->timer = 0;
	errand->errands->late++;
	fail(errand, errand->kind->late);
	begin_next(errand->errands);
	return G_SOURCE_REMOVE;
}

static void *run_thread(void *user)
{
	struct errand *errand = user;

	errand->done = errand->kind->run(&errand->env, errand->reply, &errand->error);
	g_idle_add_full(G_PRIORITY_DEFAULT, on_ended, errand, errand_unref);
	return NULL;
}

/* Takes it. */
static void begin(struct errands *errands, struct errand *errand)
{
	g_autoptr(GError) error = NULL;
	GThread *thread = NULL;

	if (errands->late < ERRANDS_LATE_MAX)
		thread = g_thread_try_new(
			"errand", run_thread, g_atomic_rc_box_acquire(errand), &error);
	if (!thread) {
		fail(errand, error ? error->message : "too many questions before this one hang");
		if (error)
			errand_unref(errand); /* the thread's */
		errand_unref(errand);
		return;
	}
	g_thread_unref(thread);
	g_ptr_array_add(errands->begun, errand);
	errand->timer = g_timeout_add(errand->kind->late_ms, on_late, errand);
}

static void begin_next(struct errands *errands)
{
	while (errands->begun->len - errands->late < ERRANDS_AT_ONCE && errands->waiting.length > 0)
		begin(errands, g_queue_pop_head(&errands->waiting));
}

struct errands *errands_new(const struct env *env)
{
	struct errands *errands = g_new0(struct errands, 1);

	errands->env = copy(env);
	g_queue_init(&errands->waiting);
	errands->begun = g_ptr_array_new_with_free_func(errand_unref);
	return errands;
}

static void give_up(struct errand *errand)
{
	g_clear_handle_id(&errand->timer, g_source_remove);
	errand->errands = NULL;
	fail(errand, "helix-agentd ends");
}

void errands_free(struct errands *errands)
{
	struct errand *errand;

	if (!errands)
		return;
	while ((errand = g_queue_pop_head(&errands->waiting))) {
		give_up(errand);
		errand_unref(errand);
	}
	for (unsigned i = 0; i < errands->begun->len; i++)
		give_up(errands->begun->pdata[i]);
	g_ptr_array_unref(errands->begun);
	env_finish(&errands->env);
	g_free(errands);
}

void errands_run(struct errands *errands, const struct errand_kind *kind, struct dialect_call *call,
	json_t *reply)
{
	struct errand *errand = g_atomic_rc_box_new0(struct errand);

	errand->kind = kind;
	errand->env = copy(&errands->env);
	errand->reply = reply;
	errand->errands = errands;
	errand->call = call;
	g_queue_push_tail(&errands->waiting, errand);
	begin_next(errands);
}
