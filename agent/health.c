/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health-internal.h"

#include "probe/override.h"
#include "probe/range.h"

#define PARALLEL_MAX 2u /* probes at a time, those that hang aside */
#define LATE_MAX     8u /* probes that may hang before no other is begun */

struct refresh {
	struct health *health;
	unsigned pending;
	GSource *idle; /* there was nothing to wait for */
	void (*done)(void *user);
	void *user;
};

static void run_queue(struct health *health);
static void enqueue(struct health_entry *entry);

/* --- memory --- */

static void machine_clear(void *data)
{
	struct health_machine *machine = data;

	env_finish(&machine->env);
	probe_wanted_free(machine->wanted);
}

static void machine_unref(struct health_machine *machine)
{
	g_atomic_rc_box_release_full(machine, machine_clear);
}

static void entry_clear(void *data)
{
	struct health_entry *entry = data;

	steady_finish(&entry->steady);
	probe_result_finish(&entry->result);
	g_mutex_clear(&entry->mutex);
	g_ptr_array_unref(entry->waiting);
	g_main_context_unref(entry->context);
	machine_unref(entry->machine);
	g_free(entry->memory);
}

static void entry_unref(void *entry)
{
	g_atomic_rc_box_release_full(entry, entry_clear);
}

static struct health_entry *entry_new(struct health *health, const struct probe *probe)
{
	struct health_entry *entry = g_atomic_rc_box_new0(struct health_entry);

	entry->probe = probe;
	entry->machine = g_atomic_rc_box_acquire(health->machine);
	entry->override = overrides_find(entry->machine->wanted->overrides, probe);
	entry->context = g_main_context_ref(health->context);
	entry->memory = g_malloc0(probe->state_size);
	g_mutex_init(&entry->mutex);
	entry->waiting = g_ptr_array_new();
	entry->health = health;
	entry->since_ns = health->machine->env.now_ns(&health->machine->env);
	return entry;
}

static void clear_source(GSource **source)
{
	if (*source)
		g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void refresh_free(void *data)
{
	struct refresh *refresh = data;

	clear_source(&refresh->idle);
	g_free(refresh);
}

static void entry_set_timer(
	struct health_entry *entry, GSource *source, GSourceFunc call, int priority)
{
	clear_source(&entry->timer);
	entry->timer = source;
	g_source_set_priority(source, priority);
	g_source_set_callback(source, call, entry, NULL);
	g_source_attach(source, entry->context);
}

/* --- answers --- */

enum probe_status health_worse(enum probe_status a, enum probe_status b)
{
	static const unsigned rank[] = { 0, 1, 3, 2, 0 };

	return rank[b] > rank[a] || a == PROBE_NA ? b : a;
}

unsigned health_entry_period_s(const struct health_entry *entry)
{
	const struct override *override = entry->override;

	return override && override->period_s ? override->period_s : entry->probe->period_s;
}

/* helix-applyd may have been starting, a limit of it met: that is no reason to know nothing for an
 * hour. */
unsigned health_entry_rest_s(const struct health_entry *entry, enum probe_status status)
{
	unsigned period_s = health_entry_period_s(entry);

	if (status != PROBE_UNKNOWN)
		return period_s;
	return MIN(period_s, MAX(HEALTH_RETRY_S, entry->probe->rest_s));
}

enum probe_status health_entry_status(const struct health_entry *entry)
{
	return entry->answer ? entry->answer->status : PROBE_UNKNOWN;
}

static void refresh_finish(struct health *health, struct refresh *refresh)
{
	void (*done)(void *user) = refresh->done;
	void *user = refresh->user;

	g_ptr_array_remove(health->refreshes, refresh);
	done(user);
}

static void tell_waiting(struct health_entry *entry)
{
	g_autoptr(GPtrArray) waiting = entry->waiting;

	entry->waiting = g_ptr_array_new();
	for (unsigned i = 0; i < waiting->len; i++) {
		struct refresh *refresh = waiting->pdata[i];

		if (--refresh->pending == 0)
			refresh_finish(entry->health, refresh);
	}
}

static void entry_answer(struct health_entry *entry, struct probe_result *result)
{
	const struct env *env = &entry->machine->env;
	struct health *health = entry->health;
	enum probe_status before = health_entry_status(entry);
	bool first = !entry->answer;

	entry->value = result->value;
	entry->answer = steady_add(&entry->steady, result);
	entry->answered_us = g_get_monotonic_time();
	if (first || entry->answer->status != before) {
		entry->since_ns = env->now_ns(env);
		if (health->changed)
			health->changed(health->user);
	}
	tell_waiting(entry);
}

/* --- running --- */

static gboolean entry_due(void *data)
{
	enqueue(data);
	return G_SOURCE_REMOVE;
}

static void entry_rest(struct health_entry *entry, enum probe_status status)
{
	unsigned rest_s = health_entry_rest_s(entry, status);

	entry->state = HEALTH_IDLE;
	if (entry->health->started)
		entry_set_timer(
			entry, g_timeout_source_new_seconds(rest_s), entry_due, G_PRIORITY_DEFAULT);
	else
		clear_source(&entry->timer);
}

/* Between the thread and the main context, in either direction. */
static struct probe_result entry_exchange(struct health_entry *entry, struct probe_result result)
{
	struct probe_result before;

	g_mutex_lock(&entry->mutex);
	before = entry->result;
	entry->result = result;
	g_mutex_unlock(&entry->mutex);
	return before;
}

static gboolean entry_returned(void *data)
{
	struct health_entry *entry = data;
	struct probe_result result = entry_exchange(entry, (struct probe_result){ 0 });
	struct health *health = entry->health;
	bool late = entry->state == HEALTH_LATE;

	if (!health) {
		probe_result_finish(&result);
		return G_SOURCE_REMOVE;
	}
	*(late ? &health->late : &health->running) -= 1;
	entry_rest(entry, late ? PROBE_UNKNOWN : result.status);
	if (!late)
		entry_answer(entry, &result);
	probe_result_finish(&result);
	run_queue(health);
	return G_SOURCE_REMOVE;
}

static gboolean entry_is_late(void *data)
{
	struct health_entry *entry = data;
	struct health *health = entry->health;
	struct probe_result result = { 0 };

	clear_source(&entry->timer);
	entry->state = HEALTH_LATE;
	health->running--;
	health->late++;
	probe_say(&result, PROBE_UNKNOWN,
		"is this machine overloaded, or what it was asked stuck? top",
		"no answer within %u ms", entry->probe->timeout_ms);
	entry_answer(entry, &result);
	run_queue(health);
	return G_SOURCE_REMOVE;
}

/* Where a probe judges more than its value, or not by ranges at all, those of the override count as
 * well. */
static void apply_override(struct probe_result *result)
{
	const struct override *override = result->override;
	enum probe_status status;

	if (!override || !result->has_value || result->status > PROBE_FAIL)
		return;
	status = range_judge(result->value, result->warn, result->fail);
	if (status > PROBE_FAIL || status <= result->status)
		return;
	result->status = status;
	if (!result->hint)
		result->hint = g_strdup_printf("this limit is set in %s", override->origin);
}

static void *entry_thread(void *data)
{
	struct health_entry *entry = data;
	GSource *source = g_idle_source_new();
	struct probe_result result = { .override = entry->override };

	entry->probe->run(&entry->machine->env, entry->machine->wanted, entry->memory, &result);
	apply_override(&result);
	entry_exchange(entry, result);
	/* Not g_main_context_invoke(): it may run the function on this thread. */
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, entry_returned, entry, entry_unref);
	g_source_attach(source, entry->context);
	g_source_unref(source);
	return NULL;
}

static void entry_cannot_start(struct health_entry *entry, const char *reason)
{
	struct probe_result result = { 0 };

	probe_say(&result, PROBE_UNKNOWN,
		"systemctl status helix-agentd; systemctl restart helix-agentd", "%s", reason);
	entry_rest(entry, PROBE_UNKNOWN);
	entry_answer(entry, &result);
}

static void entry_start(struct health_entry *entry)
{
	struct health *health = entry->health;
	g_autoptr(GError) error = NULL;
	GThread *thread;

	thread = g_thread_try_new("probe", entry_thread, g_atomic_rc_box_acquire(entry), &error);
	if (!thread) {
		entry_unref(entry);
		entry_cannot_start(entry, error->message);
		return;
	}
	g_thread_unref(thread);
	entry->state = HEALTH_RUNNING;
	health->running++;
	/* Behind answers that wait already: a main loop that was held up is not the probe's fault. */
	entry_set_timer(entry, g_timeout_source_new(entry->probe->timeout_ms), entry_is_late,
		G_PRIORITY_DEFAULT_IDLE);
}

static void run_queue(struct health *health)
{
	while (health->running < PARALLEL_MAX) {
		struct health_entry *entry = g_queue_pop_head(&health->queue);

		if (!entry)
			break;
		if (health->late < LATE_MAX)
			entry_start(entry);
		else
			entry_cannot_start(entry, "too many other probes hang");
	}
}

static void enqueue(struct health_entry *entry)
{
	clear_source(&entry->timer);
	entry->state = HEALTH_QUEUED;
	g_queue_push_tail(&entry->health->queue, entry);
	run_queue(entry->health);
}

/* --- from outside --- */

struct health *health_new_with(
	const struct env *env, const struct probe_wanted *wanted, const struct probe *const *table)
{
	struct health *health = g_new0(struct health, 1);

	health->machine = g_atomic_rc_box_new0(struct health_machine);
	health->machine->env = *env;
	health->machine->env.root = g_strdup(env->root);
	health->machine->wanted = probe_wanted_copy(wanted);
	health->context = g_main_context_ref_thread_default();
	health->entries = g_ptr_array_new_with_free_func(entry_unref);
	health->refreshes = g_ptr_array_new_with_free_func(refresh_free);
	health->boot_id = env_boot_id(env);
	g_queue_init(&health->queue);
	for (; *table; table++)
		g_ptr_array_add(health->entries, entry_new(health, *table));
	return health;
}

struct health *health_new(const struct env *env, const struct probe_wanted *wanted)
{
	return health_new_with(env, wanted, probe_table);
}

void health_free(struct health *health)
{
	if (!health)
		return;
	for (unsigned i = 0; i < health->entries->len; i++) {
		struct health_entry *entry = health->entries->pdata[i];

		clear_source(&entry->timer);
		entry->health = NULL;
	}
	g_queue_clear(&health->queue);
	g_ptr_array_unref(health->refreshes);
	g_ptr_array_unref(health->entries);
	g_main_context_unref(health->context);
	machine_unref(health->machine);
	g_free(health->boot_id);
	g_free(health);
}

void health_start(struct health *health, void (*changed)(void *user), void *user)
{
	health->started = true;
	health->changed = changed;
	health->user = user;
	for (unsigned i = 0; i < health->entries->len; i++) {
		struct health_entry *entry = health->entries->pdata[i];

		if (entry->state == HEALTH_IDLE)
			enqueue(entry);
	}
}

static bool needs_asking(struct health_entry *entry, const char *const *ids)
{
	int64_t age_us = g_get_monotonic_time() - entry->answered_us;

	if (entry->state == HEALTH_LATE || (ids && !g_strv_contains(ids, entry->probe->id)))
		return false;
	return entry->state != HEALTH_IDLE || !entry->answer ||
	       age_us >= entry->probe->rest_s * G_USEC_PER_SEC;
}

static gboolean refresh_idle(void *data)
{
	struct refresh *refresh = data;

	refresh_finish(refresh->health, refresh);
	return G_SOURCE_REMOVE;
}

void health_refresh(
	struct health *health, const char *const *ids, void (*done)(void *user), void *user)
{
	struct refresh *refresh = g_new0(struct refresh, 1);

	refresh->health = health;
	refresh->done = done;
	refresh->user = user;
	g_ptr_array_add(health->refreshes, refresh);
	/* One for this function: nothing is done before it returned. */
	refresh->pending = 1;
	for (unsigned i = 0; i < health->entries->len; i++) {
		struct health_entry *entry = health->entries->pdata[i];

		if (!needs_asking(entry, ids))
			continue;
		refresh->pending++;
		g_ptr_array_add(entry->waiting, refresh);
		if (entry->state == HEALTH_IDLE)
			enqueue(entry);
	}
	if (--refresh->pending > 0)
		return;
	refresh->idle = g_idle_source_new();
	g_source_set_callback(refresh->idle, refresh_idle, refresh, NULL);
	g_source_attach(refresh->idle, health->context);
}
