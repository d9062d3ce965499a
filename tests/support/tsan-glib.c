/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tells ThreadSanitizer about the synchronisation of a GLib and a GStreamer that were not built
 * with it.
 *
 * GMutex and GCond are futexes, references are atomics inside the libraries: ThreadSanitizer sees
 * none of them, and takes everything that they protect for a race. Preloaded into the tests of a
 * -Db_sanitize=thread build, this library stands in front of those functions, calls them, and says
 * what they order: nothing else, so that a race in our own code is still one.
 */

#include <dlfcn.h>
#include <gst/gst.h>
#include <sanitizer/tsan_interface.h>

/* The next function of that name, looked up once; a race to look it up finds the same one. */
#define REAL(name)                                                                                 \
	({                                                                                         \
		static void *cached;                                                               \
		void *found = __atomic_load_n(&cached, __ATOMIC_ACQUIRE);                          \
		if (!found) {                                                                      \
			found = dlsym(RTLD_NEXT, #name);                                           \
			__atomic_store_n(&cached, found, __ATOMIC_RELEASE);                        \
		}                                                                                  \
		(__typeof__(&name))found;                                                          \
	})

/* --- locks --- */

#undef g_mutex_trylock

void g_mutex_lock(GMutex *mutex)
{
	REAL(g_mutex_lock)(mutex);
	__tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
	gboolean locked = REAL(g_mutex_trylock)(mutex);

	if (locked)
		__tsan_acquire(mutex);
	return locked;
}

void g_mutex_unlock(GMutex *mutex)
{
	__tsan_release(mutex);
	REAL(g_mutex_unlock)(mutex);
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
	__tsan_release(mutex);
	REAL(g_cond_wait)(cond, mutex);
	__tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
	gboolean signalled;

	__tsan_release(mutex);
	signalled = REAL(g_cond_wait_until)(cond, mutex, end_time);
	__tsan_acquire(mutex);
	return signalled;
}

/* Those of GStreamer's pads and tasks: a pthread mutex that GLib allocates and publishes by an
 * atomic. */
void g_rec_mutex_init(GRecMutex *mutex)
{
	REAL(g_rec_mutex_init)(mutex);
	__tsan_release(mutex);
}

void g_rec_mutex_lock(GRecMutex *mutex)
{
	__tsan_acquire(mutex);
	REAL(g_rec_mutex_lock)(mutex);
}

/* --- queues between threads --- */

void g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
	__tsan_release(queue);
	REAL(g_async_queue_push)(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue *queue)
{
	gpointer data = REAL(g_async_queue_pop)(queue);

	__tsan_acquire(queue);
	return data;
}

gpointer g_async_queue_try_pop(GAsyncQueue *queue)
{
	gpointer data = REAL(g_async_queue_try_pop)(queue);

	__tsan_acquire(queue);
	return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout)
{
	gpointer data = REAL(g_async_queue_timeout_pop)(queue, timeout);

	__tsan_acquire(queue);
	return data;
}

gint g_async_queue_length(GAsyncQueue *queue)
{
	gint length = REAL(g_async_queue_length)(queue);

	__tsan_acquire(queue);
	return length;
}

/* --- references: whoever drops the last one has seen what the others did --- */

#undef gst_mini_object_unref

static void drop(gpointer object)
{
	__tsan_release(object);
	__tsan_acquire(object);
}

void gst_mini_object_unref(GstMiniObject *object)
{
	drop(object);
	REAL(gst_mini_object_unref)(object);
}

void gst_object_unref(gpointer object)
{
	drop(object);
	REAL(gst_object_unref)(object);
}

void(g_object_unref)(gpointer object)
{
	drop(object);
	REAL(g_object_unref)(object);
}

/* --- threads and messages that start and end inside the libraries --- */

gboolean gst_bus_post(GstBus *bus, GstMessage *message)
{
	__tsan_release(bus);
	return REAL(gst_bus_post)(bus, message);
}

GstMessage *gst_bus_timed_pop_filtered(GstBus *bus, GstClockTime timeout, GstMessageType types)
{
	GstMessage *message = REAL(gst_bus_timed_pop_filtered)(bus, timeout, types);

	__tsan_acquire(bus);
	return message;
}
