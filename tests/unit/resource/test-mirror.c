/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mirror against a device process that says what a test wants. */
#include "fake-device.h"
#include "resource/mirror.h"
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE    FAKE_DEVICE_PAGE
#define UNKNOWN 0x7fffffffu

static struct fake_device device;
static struct mirror *mirror;

static void set_up(void)
{
	fake_device_start(&device);
	ck_assert_int_eq(mirror_new(device.name, NULL, &mirror), 0);
	fake_device_wait_clients(&device, 1);
	fake_device_memory(&device);
	for (uint32_t page = 0; page < FAKE_DEVICE_PAGES; page++)
		memset(device.memory + (size_t)page * PAGE, (int)(page & 0xff), PAGE);
}

static void tear_down(void)
{
	mirror_destroy(mirror);
	fake_device_stop(&device);
}

/* After this the mirror has seen all that was sent. */
static void catch_up(void)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, UNKNOWN, &pixels), -ENOENT);
}

static struct mirror_pixels map(uint32_t id)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, id, &pixels), 0);
	return pixels;
}

static bool is_mapped(const void *address)
{
	return msync((void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1)), 1, MS_ASYNC) == 0;
}

START_TEST(a_resource_is_its_pages_in_the_order_of_its_runs)
{
	const struct resource_packet add = {
		.add = { .id = 5, .width = 32, .height = 128, .format = 1, .n_runs = 3 }
	};
	const struct resource_run runs[] = {
		{ 0, 7 * PAGE, PAGE },
		{ 0, 3 * PAGE, 2 * PAGE },
		{ 0, 5 * PAGE, PAGE },
	};

	fake_device_add(&device, &add, runs);
	struct mirror_pixels pixels = map(5);
	ck_assert_uint_eq(pixels.size, 4 * PAGE);
	ck_assert_uint_eq(pixels.id, 5);
	ck_assert_uint_eq(pixels.width, 32);
	ck_assert_uint_eq(pixels.height, 128);
	ck_assert_uint_eq(pixels.format, 1);
	ck_assert_uint_eq(pixels.data[0], 7);
	ck_assert_uint_eq(pixels.data[PAGE - 1], 7);
	ck_assert_uint_eq(pixels.data[PAGE], 3);
	ck_assert_uint_eq(pixels.data[2 * PAGE], 4);
	ck_assert_uint_eq(pixels.data[4 * PAGE - 1], 5);
	device.memory[4 * PAGE] = 99;
	ck_assert_uint_eq(pixels.data[2 * PAGE], 99);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(a_resource_in_several_packets_is_one)
{
	static struct resource_run runs[1100];
	const struct resource_packet add = {
		.add = { .id = 5, .width = 1, .height = 1, .format = 1, .n_runs = N_ELEMENTS(runs) }
	};

	for (uint32_t i = 0; i < N_ELEMENTS(runs); i++)
		runs[i] = (struct resource_run){ 0, (uint64_t)(N_ELEMENTS(runs) - i) * PAGE, PAGE };
	fake_device_add(&device, &add, runs);
	struct mirror_pixels pixels = map(5);
	ck_assert_uint_eq(pixels.size, N_ELEMENTS(runs) * PAGE);
	for (uint32_t i = 0; i < N_ELEMENTS(runs); i++)
		ck_assert_uint_eq(pixels.data[(size_t)i * PAGE], (N_ELEMENTS(runs) - i) & 0xff);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(a_resource_is_mapped_once_and_as_long_as_it_exists)
{
	fake_device_add_plain(&device, 5, 64, 64, 1);
	struct mirror_pixels first = map(5), second = map(5);

	ck_assert_ptr_eq(first.data, second.data);
	mirror_unmap(mirror, &first);
	mirror_unmap(mirror, &second);
	ck_assert(is_mapped(first.data));
	fake_device_remove(&device, 5);
	catch_up();
	ck_assert(!is_mapped(first.data));
}
END_TEST

START_TEST(a_mapping_outlives_its_resource_until_it_is_given_back)
{
	fake_device_add_plain(&device, 5, 64, 64, 9);
	struct mirror_pixels pixels = map(5), none;

	fake_device_remove(&device, 5);
	catch_up();
	ck_assert_int_eq(mirror_map(mirror, 5, &none), -ENOENT);
	ck_assert_uint_eq(pixels.data[0], 9);
	mirror_unmap(mirror, &pixels);
	ck_assert(!is_mapped(pixels.data));
}
END_TEST

START_TEST(a_resource_with_new_pages_is_mapped_anew)
{
	fake_device_add_plain(&device, 5, 64, 64, 1);
	struct mirror_pixels before = map(5);

	fake_device_add_plain(&device, 5, 64, 64, 9);
	catch_up();
	struct mirror_pixels after = map(5);
	ck_assert_uint_eq(before.data[0], 1);
	ck_assert_uint_eq(after.data[0], 9);
	mirror_unmap(mirror, &before);
	mirror_unmap(mirror, &after);
}
END_TEST

START_TEST(an_id_that_is_unknown_after_synced_does_not_exist)
{
	struct mirror_pixels pixels;

	poison(&pixels);
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ENOENT);
	ck_assert_uint_eq(fake_device_syncs(&device), 1);
	assert_poisoned(&pixels);
}
END_TEST

static void add_5(struct fake_device *d)
{
	fake_device_add_plain(d, 5, 64, 64, 3);
}

static void announce_5_then_add_it(struct fake_device *d)
{
	fake_device_send(d, &(struct resource_packet){ .type = RESOURCE_ADD, .add = { .id = 5 } });
	add_5(d);
}

START_TEST(an_id_that_comes_before_synced_is_found)
{
	fake_device_on_sync(&device, add_5);
	struct mirror_pixels pixels = map(5);
	ck_assert_uint_eq(pixels.data[0], 3);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(a_backing_that_comes_before_synced_is_waited_for)
{
	fake_device_on_sync(&device, announce_5_then_add_it);
	struct mirror_pixels pixels = map(5);
	ck_assert_uint_eq(pixels.data[0], 3);
	mirror_unmap(mirror, &pixels);
}
END_TEST

static void void_all_then_add_5(struct fake_device *d)
{
	fake_device_memory(d);
	fake_device_on_sync(d, add_5);
}

START_TEST(a_synced_in_the_midst_of_another_memory_says_nothing)
{
	catch_up();
	fake_device_on_sync(&device, void_all_then_add_5);
	struct mirror_pixels pixels = map(5);
	ck_assert_uint_eq(pixels.data[0], 3);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(an_id_without_backing_does_not_exist)
{
	struct mirror_pixels pixels;

	fake_device_send(
		&device, &(struct resource_packet){ .type = RESOURCE_ADD, .add = { .id = 5 } });
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ENOENT);
}
END_TEST

START_TEST(a_known_id_is_mapped_without_asking)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map_known(mirror, 5, &pixels), -ENOENT);
	add_5(&device);
	catch_up();
	ck_assert_int_eq(mirror_map_known(mirror, 5, &pixels), 0);
	mirror_unmap(mirror, &pixels);
	pixels = map(5);
	mirror_unmap(mirror, &pixels);
	ck_assert_uint_eq(fake_device_syncs(&device), 1);
}
END_TEST

START_TEST(a_device_that_does_not_answer_is_waited_for_as_long_as_said)
{
	struct mirror_pixels pixels;

	fake_device_mute(&device, true);
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ETIMEDOUT);
}
END_TEST

static void drop_connection(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	shutdown(d->fd, SHUT_RDWR);
	d->mute = true;
	pthread_mutex_unlock(&d->lock);
}

START_TEST(a_device_that_goes_away_ends_the_wait)
{
	struct mirror_pixels pixels;

	fake_device_on_sync(&device, drop_connection);
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ENOTCONN);
}
END_TEST

START_TEST(without_a_device_there_is_nothing_until_it_comes)
{
	struct mirror *early;
	struct mirror_pixels pixels;
	struct mirror_scanout scanout;
	char name[sizeof device.name];

	memcpy(name, device.name, sizeof name);
	tear_down();
	ck_assert_int_eq(mirror_new(name, NULL, &early), 0);
	ck_assert_int_eq(mirror_map(early, 5, &pixels), -ENOTCONN);
	ck_assert_int_eq(mirror_map_known(early, 5, &pixels), -ENOTCONN);
	ck_assert_int_eq(mirror_scanout(early, 0, &scanout), -ENOENT);
	mirror_destroy(early);
	set_up();
}
END_TEST

START_TEST(a_device_that_comes_again_is_found_and_held_pixels_stay)
{
	add_5(&device);
	struct mirror_pixels held = map(5), pixels;

	fake_device_drop_client(&device);
	ck_assert_uint_eq(held.data[0], 3);
	fake_device_wait_clients(&device, 2);
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ENOENT);
	fake_device_memory(&device);
	fake_device_add_plain(&device, 5, 64, 64, 8);
	pixels = map(5);
	ck_assert_uint_eq(pixels.data[0], 8);
	ck_assert_uint_eq(held.data[0], 3);
	mirror_unmap(mirror, &pixels);
	mirror_unmap(mirror, &held);
	ck_assert(!is_mapped(held.data));
}
END_TEST

START_TEST(another_memory_voids_all_before)
{
	struct mirror_scanout scanout;
	struct table_cursor cursor;
	struct mirror_pixels pixels;

	add_5(&device);
	fake_device_scanout(&device, 0, 5, 64, 64);
	fake_device_send(&device, &(struct resource_packet){ .type = RESOURCE_CURSOR,
					  .cursor = { .scanout = 0, .id = 5 } });
	fake_device_memory(&device);
	catch_up();
	ck_assert_int_eq(mirror_scanout(mirror, 0, &scanout), -ENOENT);
	ck_assert_int_eq(mirror_cursor(mirror, 0, &cursor), -ENOENT);
	ck_assert_int_eq(mirror_map(mirror, 5, &pixels), -ENOENT);
}
END_TEST

START_TEST(scanouts_and_cursors_are_what_was_said)
{
	struct mirror_scanout scanout;
	struct table_cursor cursor;

	fake_device_send(
		&device, &(struct resource_packet){ .type = RESOURCE_SCANOUT,
				 .scanout = { 2, 5, .x = 1, .y = 2, .width = 3, .height = 4 } });
	fake_device_send(
		&device, &(struct resource_packet){ .type = RESOURCE_CURSOR,
				 .cursor = { 2, 6, .hot_x = 7, .hot_y = 8, .x = -9, .y = -10 } });
	catch_up();
	ck_assert_int_eq(mirror_scanout(mirror, 2, &scanout), 0);
	ck_assert_uint_eq(scanout.id, 5);
	ck_assert_uint_eq(scanout.x, 1);
	ck_assert_uint_eq(scanout.height, 4);
	ck_assert_uint_ne(scanout.serial, 0);
	ck_assert_int_eq(mirror_cursor(mirror, 2, &cursor), 0);
	ck_assert_uint_eq(cursor.id, 6);
	ck_assert_int_eq(cursor.x, -9);
	ck_assert_int_eq(mirror_scanout(mirror, 1, &scanout), -ENOENT);
	ck_assert_int_eq(mirror_scanout(mirror, RESOURCE_SCANOUTS_MAX, &scanout), -ENOENT);
	ck_assert_int_eq(mirror_cursor(mirror, RESOURCE_SCANOUTS_MAX, &cursor), -ENOENT);
	fake_device_scanout(&device, 2, 0, 0, 0);
	catch_up();
	ck_assert_int_eq(mirror_scanout(mirror, 2, &scanout), -ENOENT);
}
END_TEST

static uint64_t serial(uint32_t scanout)
{
	struct mirror_scanout found;

	catch_up();
	ck_assert_int_eq(mirror_scanout(mirror, scanout, &found), 0);
	return found.serial;
}

START_TEST(only_a_scanout_that_changed_has_a_new_serial)
{
	add_5(&device);
	fake_device_add_plain(&device, 6, 64, 64, 40);
	fake_device_scanout(&device, 0, 5, 64, 64);
	fake_device_scanout(&device, 1, 6, 64, 64);
	uint64_t zero = serial(0), one = serial(1);

	fake_device_flush(&device, 7);
	ck_assert_uint_eq(serial(0), zero);
	fake_device_flush(&device, 5);
	ck_assert_uint_gt(serial(0), zero);
	ck_assert_uint_eq(serial(1), one);
	zero = serial(0);
	fake_device_send(&device, &(struct resource_packet){ .type = RESOURCE_CURSOR,
					  .cursor = { .scanout = 0, .id = 6 } });
	ck_assert_uint_gt(serial(0), zero);
	zero = serial(0);
	fake_device_scanout(&device, 0, 6, 64, 64);
	ck_assert_uint_gt(serial(0), zero);
	zero = serial(0);
	add_5(&device);
	ck_assert_uint_eq(serial(0), zero);
	fake_device_add_plain(&device, 6, 64, 64, 41);
	ck_assert_uint_gt(serial(0), zero);
}
END_TEST

static bool woken(int fd, int timeout_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	eventfd_t n;

	return poll(&ready, 1, timeout_ms) == 1 && eventfd_read(fd, &n) == 0;
}

START_TEST(watchers_are_woken_by_changes_of_scanouts_only)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	add_5(&device);
	fake_device_scanout(&device, 0, 5, 64, 64);
	catch_up();
	ck_assert_int_eq(mirror_watch(mirror, fd), 0);
	fake_device_flush(&device, 5);
	ck_assert(woken(fd, FAKE_DEVICE_TIMEOUT_MS));
	fake_device_add_plain(&device, 8, 64, 64, 100);
	fake_device_flush(&device, 8);
	catch_up();
	ck_assert(!woken(fd, 0));
	mirror_unwatch(mirror, fd);
	fake_device_flush(&device, 5);
	catch_up();
	catch_up();
	ck_assert(!woken(fd, 0));
	close(fd);
}
END_TEST

START_TEST(watchers_are_counted)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	for (unsigned i = 0; i < MIRROR_WATCHERS_MAX; i++)
		ck_assert_int_eq(mirror_watch(mirror, fd), 0);
	ck_assert_int_eq(mirror_watch(mirror, fd), -ENOSPC);
	mirror_unwatch(mirror, fd);
	ck_assert_int_eq(mirror_watch(mirror, fd), 0);
	for (unsigned i = 0; i < MIRROR_WATCHERS_MAX; i++)
		mirror_unwatch(mirror, fd);
	close(fd);
}
END_TEST

START_TEST(runs_outside_the_descriptor_are_not_mapped)
{
	static const struct resource_run cases[] = {
		{ 0, FAKE_DEVICE_PAGES * (uint64_t)PAGE, PAGE },
		{ 0, (FAKE_DEVICE_PAGES - 1) * (uint64_t)PAGE, 2 * PAGE },
		{ 0, 0, (FAKE_DEVICE_PAGES + 1) * (uint64_t)PAGE },
		{ 0, RESOURCE_END_MAX - 2 * PAGE + 1, PAGE },
	};
	const struct resource_packet add = { .add = { .id = 6, .n_runs = 2 } };
	struct mirror_pixels pixels;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct resource_run runs[] = { { 0, 0, PAGE }, cases[i] };
		fake_device_add(&device, &add, runs);
		catch_up();
		ck_assert_int_eq(mirror_map(mirror, 6, &pixels), -EFAULT);
	}
	fake_device_add_plain(&device, 6, 32, 32, FAKE_DEVICE_PAGES - 1);
	catch_up();
	pixels = map(6);
	mirror_unmap(mirror, &pixels);
}
END_TEST

/* Pages of hugetlbfs can only be mapped whole: the kernel refuses what begins within one. */
START_TEST(huge_pages_are_no_pages_that_can_be_had)
{
	const struct resource_packet memory = {
		.type = RESOURCE_MEMORY,
		.memory = { .n_regions = 1 },
	};
	uint8_t data[RESOURCE_PACKET_MAX];
	struct mirror_pixels pixels;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);

	if (fd < 0 || ftruncate(fd, (off_t)FAKE_DEVICE_PAGES * PAGE) < 0) {
		fprintf(stderr, "skipped: no huge pages on this machine\n");
		return;
	}
	fake_device_send_raw(&device, data, resource_packet_encode(&memory, data), &fd, 1);
	fake_device_add_plain(&device, 6, 32, 32, 1);
	catch_up();
	ck_assert_int_eq(mirror_map(mirror, 6, &pixels), -EFAULT);
	close(fd);
}
END_TEST

START_TEST(more_mappings_than_a_process_may_spare_are_refused)
{
	static struct resource_run runs[MIRROR_MAPPINGS_MAX + 1];
	struct resource_packet add = { .add = { .id = 6, .n_runs = N_ELEMENTS(runs) } };
	struct mirror_pixels pixels;

	for (uint32_t i = 0; i < N_ELEMENTS(runs); i++)
		runs[i] = (struct resource_run){ 0, i % 2 * 2 * PAGE, PAGE };
	fake_device_add(&device, &add, runs);
	ck_assert_int_eq(mirror_map(mirror, 6, &pixels), -EDQUOT);
	add.add.n_runs--;
	fake_device_add(&device, &add, runs);
	catch_up();
	pixels = map(6);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(mappings_nobody_holds_make_room)
{
	static struct resource_run runs[MIRROR_MAPPINGS_MAX * 2 / 3];
	struct resource_packet add = { .add = { .id = 6, .n_runs = N_ELEMENTS(runs) } };
	struct mirror_pixels pixels, more;

	for (uint32_t i = 0; i < N_ELEMENTS(runs); i++)
		runs[i] = (struct resource_run){ 0, i % 2 * 2 * PAGE, PAGE };
	fake_device_add(&device, &add, runs);
	add.add.id = 7;
	fake_device_add(&device, &add, runs);
	pixels = map(6);
	ck_assert_int_eq(mirror_map(mirror, 7, &more), -EDQUOT);
	ck_assert_uint_eq(pixels.data[PAGE], 2);
	mirror_unmap(mirror, &pixels);
	more = map(7);
	mirror_unmap(mirror, &more);
	pixels = map(6);
	ck_assert_uint_eq(pixels.data[PAGE], 2);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(more_bytes_than_may_be_mapped_are_refused)
{
	const uint64_t all = (uint64_t)FAKE_DEVICE_PAGES * PAGE;
	static struct resource_run runs[257];
	const struct resource_packet add = { .add = { .id = 6, .n_runs = N_ELEMENTS(runs) } };
	struct mirror_pixels pixels;

	for (uint32_t i = 0; i < N_ELEMENTS(runs); i++)
		runs[i] = (struct resource_run){ 0, 0, all };
	fake_device_add(&device, &add, runs);
	ck_assert_int_eq(mirror_map(mirror, 6, &pixels), -EDQUOT);
	add_5(&device);
	pixels = map(5);
	mirror_unmap(mirror, &pixels);
}
END_TEST

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* What no device process says; the mirror must hang up and lose nothing of its own. */
static const struct {
	struct resource_packet packet;
	unsigned n_fds;
	size_t size; /* 0: of the packet; else cut, or filled up with zeros */
} hostile[] = {
	{ { .type = RESOURCE_MEMORY, .memory = { .n_regions = 2 } }, 1, 0 },
	{ { .type = RESOURCE_MEMORY, .memory = { .n_regions = 1 } }, 2, 0 },
	{ { .type = RESOURCE_MEMORY, .memory = { .n_regions = 1 } }, 0, 0 },
	{ { .type = RESOURCE_MEMORY, .memory = { .n_regions = 8 } }, 12, 0 },
	{ { .type = RESOURCE_MEMORY, .memory = { .n_regions = 1 } }, 1, 3 },
	{ { .type = RESOURCE_FLUSH, .flush = { .id = 5 } }, 1, 0 },
	{ { .type = RESOURCE_FLUSH, .flush = { .id = 5 } }, 0, RESOURCE_PACKET_MAX + 1 },
	{ { .type = RESOURCE_SYNC, .sync = { .cookie = 0 } }, 0, 0 },
	{ { .type = RESOURCE_SYNCED, .sync = { .cookie = 1000 } }, 0, 0 },
	{ { .type = RESOURCE_ADD,
		  .add = { .id = 9, .n_runs = 1, .n_here = 1, .runs = { { 1, 0, PAGE } } } },
		0, 0 },
	{ { .type = RESOURCE_ADD,
		  .add = { .id = 9,
			  .n_runs = 2,
			  .first_run = 1,
			  .n_here = 1,
			  .runs = { { 0, 0, PAGE } } } },
		0, 0 },
};

START_TEST(a_device_that_makes_no_sense_is_hung_up_on_and_tried_again)
{
	static uint8_t data[RESOURCE_PACKET_MAX + 1];
	int fds[16];
	unsigned before = count_fds();

	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		fds[i] = device.memory_fd;
	for (unsigned i = 0; i < N_ELEMENTS(hostile); i++) {
		memset(data, 0, sizeof data);
		size_t size = resource_packet_encode(&hostile[i].packet, data);
		fake_device_send_raw(&device, data, hostile[i].size ? hostile[i].size : size, fds,
			hostile[i].n_fds);
		fake_device_wait_clients(&device, 2 + i);
		fake_device_memory(&device);
		catch_up();
		ck_assert_uint_eq(count_fds(), before);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_resource_is_its_pages_in_the_order_of_its_runs,
		a_resource_in_several_packets_is_one,
		a_resource_is_mapped_once_and_as_long_as_it_exists,
		a_mapping_outlives_its_resource_until_it_is_given_back,
		a_resource_with_new_pages_is_mapped_anew,
		an_id_that_is_unknown_after_synced_does_not_exist,
		an_id_that_comes_before_synced_is_found,
		a_backing_that_comes_before_synced_is_waited_for,
		a_synced_in_the_midst_of_another_memory_says_nothing,
		an_id_without_backing_does_not_exist,
		a_known_id_is_mapped_without_asking,
		a_device_that_does_not_answer_is_waited_for_as_long_as_said,
		a_device_that_goes_away_ends_the_wait,
		without_a_device_there_is_nothing_until_it_comes,
		a_device_that_comes_again_is_found_and_held_pixels_stay,
		another_memory_voids_all_before,
		scanouts_and_cursors_are_what_was_said,
		only_a_scanout_that_changed_has_a_new_serial,
		watchers_are_woken_by_changes_of_scanouts_only,
		watchers_are_counted,
		runs_outside_the_descriptor_are_not_mapped,
		huge_pages_are_no_pages_that_can_be_had,
		more_mappings_than_a_process_may_spare_are_refused,
		mappings_nobody_holds_make_room,
		more_bytes_than_may_be_mapped_are_refused,
		a_device_that_makes_no_sense_is_hung_up_on_and_tried_again,
		NULL,
	};

	return suite_run_with("mirror", tests, set_up, tear_down);
}
