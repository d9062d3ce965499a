/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolver.h"

#include <errno.h>
#include <gst/allocators/gstfdmemory.h>
#include <stdbool.h>
#include <sys/stat.h>

struct resolver {
	gint refs; /* atomic: one of the owner, one of each answer */
	const struct resolver_impl *impl;
	void *self;
	GMutex lock;
	GHashTable *answers; /* struct answer -> itself, keyed by dev and ino; not owned */
};

/* What is known of one DMA-BUF. Owned by the memories it is attached to. */
struct answer {
	dev_t dev;
	ino_t ino;
	unsigned refs; /* under resolver->lock */
	struct resolver *resolver;
	int error; /* 0: id and handle are valid */
	uint32_t id, handle;
};

static GQuark answer_quark(void)
{
	return g_quark_from_static_string("vsockenc-resource");
}

static guint answer_hash(gconstpointer key)
{
	const struct answer *a = key;

	return (guint)(a->ino * 31 + a->dev);
}

static gboolean answer_equal(gconstpointer a, gconstpointer b)
{
	const struct answer *x = a, *y = b;

	return x->ino == y->ino && x->dev == y->dev;
}

struct resolver *resolver_new(const struct resolver_impl *impl, void *self)
{
	struct resolver *r = g_new0(struct resolver, 1);

	r->refs = 1;
	r->impl = impl;
	r->self = self;
	g_mutex_init(&r->lock);
	r->answers = g_hash_table_new(answer_hash, answer_equal);
	return r;
}

void resolver_unref(struct resolver *r)
{
	if (!r || !g_atomic_int_dec_and_test(&r->refs))
		return;

	g_hash_table_unref(r->answers);
	g_mutex_clear(&r->lock);
	r->impl->destroy(r->self);
	g_free(r);
}

static void answer_unref(void *data)
{
	struct answer *a = data;
	struct resolver *r = a->resolver;
	bool last;

	g_mutex_lock(&r->lock);
	last = --a->refs == 0;
	if (last) {
		g_hash_table_remove(r->answers, a);
		if (a->error == 0)
			r->impl->release(r->self, a->handle);
	}
	g_mutex_unlock(&r->lock);

	if (last) {
		g_free(a);
		resolver_unref(r);
	}
}

/* A reference on what is known of fd, asking the kernel the first time. */
static struct answer *resolver_ask(struct resolver *r, int fd, const struct stat *st)
{
	struct answer key = { .dev = st->st_dev, .ino = st->st_ino }, *a;

	g_mutex_lock(&r->lock);
	a = g_hash_table_lookup(r->answers, &key);
	if (!a) {
		a = g_new(struct answer, 1);
		*a = key;
		a->resolver = r;
		g_atomic_int_inc(&r->refs);
		a->error = r->impl->resolve(r->self, fd, &a->id, &a->handle);
		g_hash_table_add(r->answers, a);
	}
	a->refs++;
	g_mutex_unlock(&r->lock);
	return a;
}

/* Sources hand out a fresh share of one long-lived memory with every buffer: the root is what
 * recurs. */
static GstMemory *memory_root(GstMemory *mem)
{
	while (mem->parent)
		mem = mem->parent;
	return mem;
}

static int answer_result(const struct answer *a, uint32_t *ret_id)
{
	if (a->error < 0)
		return a->error;

	*ret_id = a->id;
	return 0;
}

static int resolver_lookup_new(struct resolver *r, GstMemory *mem, uint32_t *ret_id)
{
	struct answer *a;
	struct stat st;
	int fd, error;

	if (!gst_is_fd_memory(mem))
		return -ENOTSUP;

	fd = gst_fd_memory_get_fd(mem);
	if (fstat(fd, &st) < 0)
		return -errno;

	a = resolver_ask(r, fd, &st);
	error = answer_result(a, ret_id);
	gst_mini_object_set_qdata(
		GST_MINI_OBJECT_CAST(memory_root(mem)), answer_quark(), a, answer_unref);
	return error;
}

/* A memory belongs to whoever holds it: behind a tee two resolvers may meet at one. Ids are the
 * device's, so that the first answer serves both; this lock keeps it from being replaced while it
 * is read. */
static GMutex mark_lock;

int resolver_lookup(struct resolver *r, GstMemory *mem, uint32_t *ret_id)
{
	const struct answer *a;
	int error;

	g_mutex_lock(&mark_lock);
	a = gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(memory_root(mem)), answer_quark());
	error = a ? answer_result(a, ret_id) : resolver_lookup_new(r, mem, ret_id);
	g_mutex_unlock(&mark_lock);
	return error;
}
