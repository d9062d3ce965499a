/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include <glib.h>
#include <math.h>

struct entry {
	uint64_t time_ns; /* the key */
	uint64_t number;
	bool left;
	struct entry *next; /* of the same time, entered later */
};

struct judge {
	GMutex lock;
	GHashTable *entries; /* by time */
	GHashTable *late;    /* numbers of late frames that have not left */
	struct judge_verdict verdict;
	uint64_t latest_in_ns, latest_ns;
	double psnr_sum;
	unsigned n_readable;
};

static void free_chain(gpointer data)
{
	struct entry *entry = data, *next;

	for (; entry; entry = next) {
		next = entry->next;
		g_free(entry);
	}
}

struct judge *judge_new(void)
{
	struct judge *j = g_new0(struct judge, 1);

	g_mutex_init(&j->lock);
	j->entries = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_chain);
	j->late = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	j->verdict.psnr_min = INFINITY;
	return j;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	g_hash_table_unref(j->entries);
	g_hash_table_unref(j->late);
	g_mutex_clear(&j->lock);
	g_free(j);
}

static void add_entry(struct judge *j, uint64_t time_ns, uint64_t number)
{
	struct entry *last = g_hash_table_lookup(j->entries, &time_ns);
	struct entry *entry = g_new(struct entry, 1);

	*entry = (struct entry){ .time_ns = time_ns, .number = number };
	while (last && last->next)
		last = last->next;
	if (last)
		last->next = entry;
	else
		g_hash_table_insert(j->entries, &entry->time_ns, entry);
	j->latest_in_ns = time_ns;
}

void judge_enter(struct judge *j, uint64_t time_ns, uint64_t number)
{
	g_mutex_lock(&j->lock);
	j->verdict.entered++;
	if (time_ns < j->latest_in_ns) {
		j->verdict.late++;
		g_hash_table_add(j->late, g_memdup2(&number, sizeof number));
	} else {
		add_entry(j, time_ns, number);
	}
	g_mutex_unlock(&j->lock);
}

static void compare_number(struct judge *j, const struct entry *entry, uint64_t number)
{
	if (number < entry->number)
		j->verdict.stale++;
	else if (number > entry->number)
		j->verdict.swapped++;
}

static void compare_time(struct judge *j, struct entry *entry, uint64_t time_ns)
{
	if (!entry)
		j->verdict.unexpected++;
	else if (entry->left)
		j->verdict.stale++;
	else if (time_ns < j->latest_ns)
		j->verdict.swapped++;
	if (entry)
		entry->left = true;
	if (time_ns > j->latest_ns)
		j->latest_ns = time_ns;
}

static void note_picture(struct judge *j, uint64_t number, double psnr)
{
	j->verdict.last = number;
	j->verdict.psnr_min = MIN(j->verdict.psnr_min, psnr);
	j->psnr_sum += psnr;
	j->n_readable++;
}

static void compare(struct judge *j, uint64_t time_ns, uint64_t number, double psnr)
{
	struct entry *entry = g_hash_table_lookup(j->entries, &time_ns);

	while (entry && entry->left && entry->next)
		entry = entry->next;
	compare_time(j, entry, time_ns);
	if (number == JUDGE_UNREADABLE) {
		j->verdict.unreadable++;
		return;
	}
	note_picture(j, number, psnr);
	if (entry)
		compare_number(j, entry, number);
}

void judge_leave(struct judge *j, uint64_t time_ns, uint64_t number, double psnr)
{
	g_mutex_lock(&j->lock);
	j->verdict.left++;
	if (!g_hash_table_remove(j->late, &number))
		compare(j, time_ns, number, psnr);
	g_mutex_unlock(&j->lock);
}

static unsigned count_lost(struct judge *j)
{
	GHashTableIter i;
	gpointer first;
	unsigned lost = g_hash_table_size(j->late);

	g_hash_table_iter_init(&i, j->entries);
	while (g_hash_table_iter_next(&i, NULL, &first))
		for (const struct entry *entry = first; entry; entry = entry->next)
			lost += !entry->left;
	return lost;
}

struct judge_verdict judge_verdict(struct judge *j)
{
	g_mutex_lock(&j->lock);
	struct judge_verdict verdict = j->verdict;

	verdict.lost = count_lost(j);
	if (j->n_readable == 0)
		verdict.psnr_min = NAN;
	verdict.psnr_mean = j->n_readable ? j->psnr_sum / j->n_readable : NAN;
	g_mutex_unlock(&j->lock);
	return verdict;
}

bool judge_is_content(const struct judge_verdict *v, unsigned lost_max, double psnr_min)
{
	return v->left > 0 && v->lost <= lost_max && v->stale == 0 && v->swapped == 0 &&
	       v->unreadable == 0 && v->unexpected == 0 && v->psnr_min >= psnr_min;
}
