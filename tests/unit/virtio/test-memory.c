/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-driver.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE 4096u
#define TOP  UINT64_MAX

static struct guest_memory memory;

static void setup(void)
{
	guest_memory_init(&memory);
}

static void teardown(void)
{
	guest_memory_finish(&memory);
}

static int make_file(size_t size)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int add(uint64_t guest_addr, uint64_t user_addr, uint64_t size, uint64_t fd_offset, int fd)
{
	const struct guest_region region = {
		.guest_addr = guest_addr,
		.user_addr = user_addr,
		.size = size,
		.fd_offset = fd_offset,
	};

	return guest_memory_add(&memory, &region, fd);
}

static const struct refused {
	const char *what;
	uint64_t guest_addr, user_addr, size, fd_offset;
} refused[] = {
	{ "size 0", 0x10000, 0x10000, 0, 0 },
	{ "a guest address that wraps", TOP - PAGE + 2, 0x10000, PAGE, 0 },
	{ "a user address that wraps", 0x10000, TOP - PAGE + 2, PAGE, 0 },
	{ "an offset that wraps", 0x10000, 0x10000, PAGE, TOP - PAGE + 1 },
	{ "an offset beyond 2^63", 0x10000, 0x10000, PAGE, 1ull << 63 },
	{ "a size of 2^64 - 1", 0, 0, TOP, 0 },
	{ "an end behind the file", 0x10000, 0x10000, 4 * PAGE + 1, 0 },
	{ "an offset behind the file", 0x10000, 0x10000, PAGE, 4 * PAGE },
	{ "an end behind the file, with offset", 0x10000, 0x10000, 2 * PAGE, 3 * PAGE },
	{ "an overlap: the same", 0x100000, 0x10000, 2 * PAGE, 0 },
	{ "an overlap at the end", 0x100000 - PAGE, 0x10000, PAGE + 1, 0 },
	{ "an overlap at the start", 0x100000 + 2 * PAGE - 1, 0x10000, PAGE, 0 },
	{ "an overlap within", 0x100000 + 1, 0x10000, 1, 0 },
	{ "an overlap around", 0x100000 - PAGE, 0x10000, 4 * PAGE, 0 },
};

START_TEST(regions_that_cannot_be_are_refused)
{
	ck_assert_int_eq(add(0x100000, 0x900000, 2 * PAGE, 0, make_file(4 * PAGE)), 0);
	for (unsigned i = 0; i < N_ELEMENTS(refused); i++) {
		const struct refused *c = &refused[i];
		int fd = make_file(4 * PAGE);

		ck_assert_msg(
			add(c->guest_addr, c->user_addr, c->size, c->fd_offset, fd) == -EINVAL,
			"%s", c->what);
		ck_assert_msg(!is_open(fd), "%s: leaks", c->what);
		ck_assert_uint_eq(memory.n_regions, 1);
	}
}
END_TEST

START_TEST(regions_may_touch_each_other_and_the_top)
{
	ck_assert_int_eq(add(0x100000, 0, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_int_eq(add(0x100000 - PAGE, 0, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_int_eq(add(0x100000 + PAGE, 0, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_int_eq(add(TOP - PAGE + 1, 0, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_ptr_nonnull(guest_memory_at(&memory, TOP, 1));
	ck_assert_ptr_null(guest_memory_at(&memory, TOP, 2));
}
END_TEST

START_TEST(only_files_are_memory)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(add(0, 0, PAGE, 0, fds[0]), -EINVAL);
	ck_assert(!is_open(fds[0]));
	ck_assert_int_eq(add(0, 0, PAGE, 0, fds[1]), -EINVAL);
	ck_assert_int_eq(add(0, 0, PAGE, 0, open("/dev/zero", O_RDWR)), -EINVAL);
	ck_assert_int_eq(add(0, 0, PAGE, 0, open("/proc/self/exe", O_RDONLY)), -EACCES);
	ck_assert_uint_eq(memory.n_regions, 0);
}
END_TEST

START_TEST(there_are_no_more_regions_than_the_limit)
{
	for (unsigned i = 0; i < GUEST_REGIONS_MAX; i++)
		ck_assert_int_eq(add(i * PAGE, 0, PAGE, 0, make_file(PAGE)), 0);

	int fd = make_file(PAGE);
	ck_assert_int_eq(add(GUEST_REGIONS_MAX * PAGE, 0, PAGE, 0, fd), -ENOSPC);
	ck_assert(!is_open(fd));
}
END_TEST

START_TEST(finish_closes_what_was_taken_over)
{
	int fd = make_file(PAGE);

	ck_assert_int_eq(add(0, 0, PAGE, 0, fd), 0);
	ck_assert(is_open(fd));
	guest_memory_finish(&memory);
	ck_assert(!is_open(fd));
	ck_assert_ptr_null(guest_memory_at(&memory, 0, 1));
}
END_TEST

/* An offset within a page is none that mmap(2) takes. */
START_TEST(a_region_begins_where_its_offset_says)
{
	const uint64_t offset = PAGE + 100;
	int fd = make_file(4 * PAGE);
	uint8_t *byte;

	ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)offset), 1);
	ck_assert_int_eq(add(0x5000, 0, PAGE, offset, fd), 0);
	byte = guest_memory_at(&memory, 0x5000, PAGE);
	ck_assert_ptr_nonnull(byte);
	ck_assert_uint_eq(*byte, 'x');
	byte[PAGE - 1] = 'y';
	ck_assert_int_eq(pread(fd, byte, 1, (off_t)offset + PAGE - 1), 1);
	ck_assert_uint_eq(*byte, 'y');
}
END_TEST

static const struct range {
	uint64_t addr, size;
	bool found;
} ranges[] = {
	{ 0x10000, 1, true },
	{ 0x10000, 2 * PAGE, true },
	{ 0x10000 + 2 * PAGE - 1, 1, true },
	{ 0x10000 + PAGE, PAGE, true },
	{ 0x10000, 0, false },
	{ 0x10000 + 2 * PAGE, 0, false },
	{ 0x10000 - 1, 1, false },
	{ 0x10000 - 1, 2, false },
	{ 0x10000 + 2 * PAGE, 1, false },
	{ 0x10000, 2 * PAGE + 1, false },
	{ 0x10000 + PAGE, PAGE + 1, false },
	{ 0x10000 + 1, TOP, false },
	{ 0x10000 + 1, TOP - 0x10000, false },
	{ TOP, 1, false },
	{ TOP, TOP, false },
	{ 0, TOP, false },
};

START_TEST(addresses_are_checked_to_the_byte)
{
	const uint64_t base = 0x10000, user = 0x7f1234560000;

	ck_assert_int_eq(add(base, user, 2 * PAGE, PAGE, make_file(3 * PAGE)), 0);
	for (unsigned i = 0; i < N_ELEMENTS(ranges); i++) {
		const struct range *c = &ranges[i];
		uint64_t offset = c->addr - base, fd_offset;
		uint8_t *map = memory.regions[0].map;
		unsigned region;

		ck_assert_ptr_eq(
			guest_memory_at(&memory, c->addr, c->size), c->found ? map + offset : NULL);
		ck_assert_ptr_eq(guest_memory_at_user(&memory, user + offset, c->size),
			c->found ? map + offset : NULL);
		poison(&region);
		poison(&fd_offset);
		int r = guest_memory_locate(&memory, c->addr, c->size, &region, &fd_offset);
		ck_assert_int_eq(r, c->found ? 0 : -EFAULT);
		if (c->found) {
			ck_assert_uint_eq(region, 0);
			ck_assert_uint_eq(fd_offset, PAGE + offset);
		} else {
			assert_poisoned(&region);
			assert_poisoned(&fd_offset);
		}
	}
}
END_TEST

/* They may lie in different files. */
START_TEST(a_range_does_not_cross_regions)
{
	ck_assert_int_eq(add(0x10000, 0x10000, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_int_eq(add(0x10000 + PAGE, 0x10000 + PAGE, PAGE, 0, make_file(PAGE)), 0);
	ck_assert_ptr_nonnull(guest_memory_at(&memory, 0x10000 + PAGE, PAGE));
	ck_assert_ptr_null(guest_memory_at(&memory, 0x10000, PAGE + 1));
	ck_assert_ptr_null(guest_memory_at_user(&memory, 0x10000 + PAGE - 1, 2));
}
END_TEST

#define PIECES 4u

START_TEST(vectors_are_read_and_written_in_any_cut)
{
	char a[] = "abc", c[] = "defgh", d[] = "i";
	const struct iovec iov[PIECES] = { { a, 3 }, { NULL, 0 }, { c, 5 }, { d, 1 } };
	const char *all = "abcdefghi";
	char out[16];

	for (size_t offset = 0; offset <= 11; offset++) {
		for (size_t size = 0; size <= 11; size++) {
			size_t left = offset < 9 ? 9 - offset : 0;
			size_t n = size < left ? size : left;

			memset(out, '-', sizeof(out));
			ck_assert_uint_eq(iov_read(iov, PIECES, offset, out, size), n);
			ck_assert_mem_eq(out, all + (offset < 9 ? offset : 9), n);
			ck_assert_int_eq(out[n], '-');
			ck_assert_uint_eq(iov_write(iov, PIECES, offset, "123456789AB", size), n);
			ck_assert_uint_eq(iov_read(iov, PIECES, 0, out, 9), 9);
			ck_assert_mem_eq(out, all, offset < 9 ? offset : 9);
			ck_assert_mem_eq(out + (offset < 9 ? offset : 9), "123456789AB", n);
			ck_assert_mem_eq(out + offset + n, all + offset + n,
				offset < 9 ? 9 - offset - n : 0);
			iov_write(iov, PIECES, 0, all, 9);
		}
	}
	ck_assert_uint_eq(iov_read(NULL, 0, 0, out, 5), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		regions_that_cannot_be_are_refused,
		regions_may_touch_each_other_and_the_top,
		only_files_are_memory,
		there_are_no_more_regions_than_the_limit,
		finish_closes_what_was_taken_over,
		a_region_begins_where_its_offset_says,
		addresses_are_checked_to_the_byte,
		a_range_does_not_cross_regions,
		vectors_are_read_and_written_in_any_cut,
		NULL,
	};

	return suite_run_with("virtio memory", tests, setup, teardown);
}
