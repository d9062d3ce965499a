/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forward.h"

#include "../dialect/client.h"
#include "agentd.h"

#include <string.h>

/* Altogether less than helix-agent waits. */
const struct forward_times forward_times = {
	.start_ms = 60000,
	.read_ms = 15000,
	.latency_ms = 20000, /* it measures for 10 s at most */
	.write_ms = 120000,
};

struct forward {
	char *path;
	const struct forward_times *times;
	GQueue waiting; /* of struct handed */
	struct handed *under_way[FORWARD_AT_ONCE];
};

struct handed {
	struct forward *forward;
	struct dialect_call *call;
	struct dialect_question *question; /* NULL: not asked yet */
	bool started;                      /* it answered, and the question is the call's own */
	json_t *arguments;
};

static void handed_free(struct handed *handed)
{
	if (handed->question)
		dialect_question_cancel(handed->question);
	json_decref(handed->arguments);
	g_free(handed);
}

static struct handed **find(struct forward *forward, const struct handed *handed)
{
	for (unsigned i = 0; i < FORWARD_AT_ONCE; i++)
		if (forward->under_way[i] == handed)
			return &forward->under_way[i];
	return NULL;
}

static unsigned timeout_of(const struct forward_times *times, const struct dialect_command *command)
{
	if (command->access == DIALECT_WRITE)
		return times->write_ms;
	return strcmp(command->name, "helix-latency-run") ? times->read_ms : times->latency_ms;
}

static void set_error(
	const struct handed *handed, const GError *failure, struct dialect_error *error)
{
	bool late = g_error_matches(failure, DIALECT_CLIENT_ERROR, DIALECT_CLIENT_ERROR_TIMED_OUT);

	if (late && !handed->started)
		dialect_fail(error,
			"helix-applyd does not start within %u s; journalctl -u helix-applyd",
			handed->forward->times->start_ms / 1000);
	else if (g_error_matches(failure, DIALECT_CLIENT_ERROR, DIALECT_CLIENT_ERROR_UNREACHABLE))
		dialect_fail(error,
			"helix-applyd is not there (%s); is helix-applyd.socket started?",
			failure->message);
	else
		dialect_fail(error, "%s", failure->message);
	error->class = dialect_client_error_class(failure);
}

static void ask_next(struct forward *forward);

static void on_answer(void *user, json_t *reply, const GError *failure)
{
	struct handed *handed = user;
	struct forward *forward = handed->forward;
	struct dialect_error error = { 0 };

	handed->question = NULL;
	*find(forward, handed) = NULL;
	if (!reply)
		set_error(handed, failure, &error);
	dialect_call_finish(handed->call, reply, &error);
	handed_free(handed);
	ask_next(forward);
}

static void on_started(void *user, json_t *reply, const GError *failure)
{
	struct handed *handed = user;
	const struct forward *forward = handed->forward;
	const struct dialect_command *command = dialect_call_command(handed->call);

	if (!reply) {
		on_answer(user, NULL, failure);
		return;
	}
	json_decref(reply);
	handed->started = true;
	handed->question = dialect_ask_async(forward->path, command->name, handed->arguments,
		timeout_of(forward->times, command), on_answer, handed);
}

static void ask_next(struct forward *forward)
{
	struct handed **slot, *handed;

	while ((slot = find(forward, NULL)) && (handed = g_queue_pop_head(&forward->waiting))) {
		*slot = handed;
		handed->question = dialect_ask_async(forward->path, "guest-ping", NULL,
			forward->times->start_ms, on_started, handed);
	}
}

static json_t *run_forward(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	struct forward *forward = ((const struct agentd *)user)->forward;
	struct handed *handed = g_new0(struct handed, 1);

	*handed = (struct handed){
		.forward = forward, .call = call, .arguments = json_incref(arguments)
	};
	g_queue_push_tail(&forward->waiting, handed);
	ask_next(forward);
	return NULL;
}

struct forward *forward_new(const char *path, const struct forward_times *times)
{
	struct forward *forward = g_new0(struct forward, 1);

	forward->times = times;
	forward->path = g_strdup(path);
	return forward;
}

static void give_up(struct handed *handed)
{
	struct dialect_error error = { 0 };

	dialect_fail(&error, "helix-agentd ends");
	dialect_call_finish(handed->call, NULL, &error);
	handed_free(handed);
}

void forward_free(struct forward *forward)
{
	struct handed *handed;

	if (!forward)
		return;
	while ((handed = g_queue_pop_head(&forward->waiting)))
		give_up(handed);
	for (unsigned i = 0; i < FORWARD_AT_ONCE; i++)
		if (forward->under_way[i])
			give_up(forward->under_way[i]);
	g_free(forward->path);
	g_free(forward);
}

#define READS(name, help)                                                                          \
	{                                                                                          \
		name, DIALECT_READ, dialect_any_arguments, run_forward, help                       \
	}
#define WRITES(name, help)                                                                         \
	{                                                                                          \
		name, DIALECT_WRITE, dialect_any_arguments, run_forward, help                      \
	}
const struct dialect_command forward_commands[] = {
	READS("helix-profile-list", "the profiles there are"),
	READS("helix-profile-show", "what a profile would set"),
	READS("helix-profile-plan", "what it would change, and the plan-hash to apply it"),
	WRITES("helix-profile-apply", "changes it"),
	WRITES("helix-profile-confirm", "keeps what was applied"),
	WRITES("helix-profile-rollback", "puts back what was there before"),
	READS("helix-profile-verify", "is what was applied in effect?"),
	READS("helix-checkpoint-list", "named states, and what they changed"),
	READS("helix-journal-list", "transactions"),
	READS("helix-latency-run", "measures scheduling latency"),
	{ NULL },
};
