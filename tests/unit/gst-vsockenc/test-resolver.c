/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dmabuf-frame.h"
#include "resolver.h"
#include "suite.h"

#include <errno.h>
#include <unistd.h>

/* The trivial implementation: ids count up from 100, or everything is refused. */
struct fake {
	int refuse; /* -errno */
	unsigned asked, released, destroyed;
};

static struct fake fake;
static struct resolver *resolver;

static int fake_resolve(void *self, int fd, uint32_t *ret_id, uint32_t *ret_handle)
{
	struct fake *f = self;

	f->asked++;
	if (f->refuse)
		return f->refuse;
	*ret_id = 99 + f->asked;
	*ret_handle = f->asked;
	return 0;
}

static void fake_release(void *self, uint32_t handle)
{
	((struct fake *)self)->released++;
}

static void fake_destroy(void *self)
{
	((struct fake *)self)->destroyed++;
}

static const struct resolver_impl fake_impl = {
	.name = "fake",
	.resolve = fake_resolve,
	.release = fake_release,
	.destroy = fake_destroy,
};

static void setup(void)
{
	gst_init(NULL, NULL);
	fake = (struct fake){ 0 };
	resolver = resolver_new(&fake_impl, &fake);
}

static void teardown(void)
{
	resolver_unref(resolver);
	ck_assert_uint_eq(fake.destroyed, 1);
}

static uint32_t lookup(GstMemory *mem)
{
	uint32_t id = 0;

	ck_assert_int_eq(resolver_lookup(resolver, mem, &id), 0);
	return id;
}

START_TEST(a_memory_costs_its_question_once)
{
	GstMemory *mem = dmabuf_new(4096, NULL);

	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(lookup(mem), 100);
	ck_assert_uint_eq(fake.asked, 1);
	gst_memory_unref(mem);
}
END_TEST

START_TEST(two_buffers_have_two_ids)
{
	GstMemory *a = dmabuf_new(4096, NULL), *b = dmabuf_new(4096, NULL);

	ck_assert_uint_ne(lookup(a), lookup(b));
	ck_assert_uint_ne(lookup(a), lookup(b));
	ck_assert_uint_eq(fake.asked, 2);
	gst_memory_unref(a);
	gst_memory_unref(b);
}
END_TEST

START_TEST(shares_of_a_memory_are_the_same_buffer)
{
	GstMemory *mem = dmabuf_new(8192, NULL);
	uint32_t id = lookup(mem);

	for (int i = 0; i < 10; i++) {
		GstMemory *share = gst_memory_share(mem, 0, 4096);

		ck_assert_uint_eq(lookup(share), id);
		gst_memory_unref(share);
	}
	ck_assert_uint_eq(fake.asked, 1);
	gst_memory_unref(mem);
}
END_TEST

START_TEST(another_descriptor_of_a_buffer_is_the_same_buffer)
{
	GstMemory *a = dmabuf_new(4096, NULL), *b = dmabuf_wrap(dup(dmabuf_fd(a)), 4096);

	ck_assert_uint_eq(lookup(a), lookup(b));
	ck_assert_uint_eq(fake.asked, 1);
	gst_memory_unref(a);
	ck_assert_uint_eq(fake.released, 0);
	gst_memory_unref(b);
	ck_assert_uint_eq(fake.released, 1);
}
END_TEST

START_TEST(the_handle_lives_as_long_as_the_memory)
{
	GstMemory *mem = dmabuf_new(4096, NULL);

	lookup(mem);
	ck_assert_uint_eq(fake.released, 0);
	gst_memory_unref(mem);
	ck_assert_uint_eq(fake.released, 1);
}
END_TEST

START_TEST(a_refusal_is_remembered_and_holds_no_handle)
{
	GstMemory *mem = dmabuf_new(4096, NULL);
	uint32_t id;

	poison(&id);
	fake.refuse = -ENODEV;
	ck_assert_int_eq(resolver_lookup(resolver, mem, &id), -ENODEV);
	ck_assert_int_eq(resolver_lookup(resolver, mem, &id), -ENODEV);
	assert_poisoned(&id);
	ck_assert_uint_eq(fake.asked, 1);
	gst_memory_unref(mem);
	ck_assert_uint_eq(fake.released, 0);
}
END_TEST

START_TEST(memory_without_descriptor_is_not_asked_about)
{
	GstMemory *mem = gst_allocator_alloc(NULL, 4096, NULL);
	uint32_t id;

	ck_assert_int_eq(resolver_lookup(resolver, mem, &id), -ENOTSUP);
	ck_assert_uint_eq(fake.asked, 0);
	gst_memory_unref(mem);
}
END_TEST

START_TEST(memories_may_outlive_the_resolver)
{
	GstMemory *mem = dmabuf_new(4096, NULL);

	lookup(mem);
	resolver_unref(resolver);
	ck_assert_uint_eq(fake.destroyed, 0);
	gst_memory_unref(mem);
	ck_assert_uint_eq(fake.released, 1);
	ck_assert_uint_eq(fake.destroyed, 1);
	fake.destroyed = 0;
	resolver = resolver_new(&fake_impl, &fake);
}
END_TEST

START_TEST(two_resolvers_may_meet_at_a_memory)
{
	struct fake other = { 0 };
	struct resolver *second = resolver_new(&fake_impl, &other);
	GstMemory *mem = dmabuf_new(4096, NULL);
	uint32_t id = 0;

	lookup(mem);
	ck_assert_int_eq(resolver_lookup(second, mem, &id), 0);
	ck_assert_uint_eq(id, lookup(mem));
	resolver_unref(second);
	ck_assert_uint_eq(lookup(mem), id);
	gst_memory_unref(mem);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_memory_costs_its_question_once,
		two_buffers_have_two_ids,
		shares_of_a_memory_are_the_same_buffer,
		another_descriptor_of_a_buffer_is_the_same_buffer,
		the_handle_lives_as_long_as_the_memory,
		a_refusal_is_remembered_and_holds_no_handle,
		memory_without_descriptor_is_not_asked_about,
		memories_may_outlive_the_resolver,
		two_resolvers_may_meet_at_a_memory,
		NULL,
	};

	return suite_run_with("resolver", tests, setup, teardown);
}
