/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What encoders report: the socket, the log and the verdict. */

#include "daemon/encoder-socket.h"
#include "probe-fixture.h"
#include "probe/probe-gpu.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NS_PER_S   G_GINT64_CONSTANT(1000000000)
#define DEADLINE_S 20

static struct encoder_log *encoders;
static struct encoder_socket *receiver;
static char *path;
static int sender;

static void setup(void)
{
	probe_fixture_setup();
	encoders = encoder_log_new();
	wanted.encoder_log = encoders;
	path = env_path(&machine.env, "/encoder.sock");
	sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	receiver = NULL;
}

static void teardown(void)
{
	encoder_socket_free(receiver);
	encoder_log_unref(encoders);
	close(sender);
	g_free(path);
	probe_fixture_teardown();
}

/* --- the verdict --- */

START_TEST(all_by_id_is_ok_and_none_by_id_is_not)
{
	static const struct {
		double percent;
		enum probe_status status;
	} shares[] = { { 100, PROBE_OK }, { 99, PROBE_OK }, { 98.9, PROBE_WARN },
		{ 0.1, PROBE_WARN }, { 0, PROBE_FAIL } };
	struct probe_result result = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(shares); i++) {
		const struct encoder_share share = { 1, { 12, 34 }, shares[i].percent, 0 };

		gpu_dmabuf_path_judge(&share, &result);
		assert_result(&result, shares[i].status, "process 12 of user 34");
	}
	gpu_dmabuf_path_judge(NULL, &result);
	assert_result(&result, PROBE_NA, "no stream");
}
END_TEST

/* --- the log --- */

static void tell(pid_t pid, uid_t uid, uint64_t stream, uint64_t by_id, uint64_t by_pixels)
{
	const struct encoder_sender who = { pid, uid };
	const struct hxfr_report report = {
		.stream = stream, .by_id = by_id, .by_pixels = by_pixels
	};

	encoder_log_report(encoders, &who, &report, machine.now_ns);
}

static void assert_share(unsigned streams, pid_t pid, double percent)
{
	struct encoder_share share;

	ck_assert(encoder_log_look(encoders, machine.now_ns, &share));
	ck_assert_uint_eq(share.streams, streams);
	ck_assert_int_eq(share.sender.pid, pid);
	ck_assert_double_eq_tol(share.by_id_percent, percent, 0.01);
}

static void assert_no_stream(void)
{
	struct encoder_share share;

	poison(&share);
	ck_assert(!encoder_log_look(encoders, machine.now_ns, &share));
	assert_poisoned(&share);
}

START_TEST(the_stream_that_is_worst_off_counts)
{
	assert_no_stream();
	tell(1, 1000, 1, 0, 0);
	assert_no_stream();
	tell(1, 1000, 1, 10, 0);
	tell(2, 1000, 1, 30, 10);
	tell(2, 1000, 2, 10, 1);
	assert_share(3, 2, 75);
}
END_TEST

START_TEST(a_share_is_that_of_the_frames_since_the_last_look)
{
	tell(1, 1000, 1, 1000, 0);
	assert_share(1, 1, 100);
	tell(1, 1000, 1, 1010, 30);
	assert_share(1, 1, 25);
	assert_share(1, 1, 25); /* a still picture has no frames */
	tell(1, 1000, 1, 0, 5); /* began anew */
	assert_share(1, 1, 0);
	tell(1, 1000, 1, UINT64_MAX, UINT64_MAX);
	assert_share(1, 1, 50);
}
END_TEST

START_TEST(a_stream_ends_when_it_says_so_or_says_nothing)
{
	const struct encoder_sender who = { 1, 1000 };
	struct hxfr_report end = { .stream = 1, .ended = true };

	encoder_log_report(encoders, &who, &end, machine.now_ns);
	tell(1, 1000, 1, 1, 0);
	assert_share(1, 1, 100);
	encoder_log_report(encoders, &who, &end, machine.now_ns);
	assert_no_stream();
	tell(1, 1000, 1, 1, 0);
	machine.now_ns += ENCODER_LOG_STALE_S * NS_PER_S;
	assert_share(1, 1, 100);
	machine.now_ns++;
	assert_no_stream();
}
END_TEST

START_TEST(nobody_fills_the_table_for_others)
{
	tell(1, 1000, 1, 1, 1);
	for (unsigned i = 0; i < 100; i++) {
		machine.now_ns++;
		tell(2, 66, i, 1, 0);
	}
	assert_share(1 + ENCODER_LOG_OF_USER, 1, 50);
	for (unsigned i = 0; i < 100; i++) {
		machine.now_ns++;
		tell(3, 1000 + i, 1, 1, 0);
	}
	assert_share(ENCODER_LOG_STREAMS, 3, 100);
}
END_TEST

/* --- the socket --- */

static bool send_to_path(const void *bytes, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	return sendto(sender, bytes, size, MSG_DONTWAIT, (struct sockaddr *)&address,
		       sizeof(address)) == (ssize_t)size;
}

static void report(uint64_t by_id, uint64_t by_pixels)
{
	const struct hxfr_report one = { .stream = 1, .by_id = by_id, .by_pixels = by_pixels };
	uint8_t bytes[HXFR_REPORT_SIZE];

	hxfr_report_encode(&one, bytes);
	ck_assert(send_to_path(bytes, sizeof(bytes)));
}

static void wait_for_share(double percent)
{
	gint64 end_us = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
	struct encoder_share share;

	while (!encoder_log_look(encoders, machine.now_ns, &share) ||
		share.by_id_percent != percent) {
		ck_assert(g_get_monotonic_time() < end_us);
		g_main_context_iteration(NULL, TRUE);
	}
	ck_assert_int_eq(share.sender.pid, getpid());
	ck_assert_uint_eq(share.sender.uid, getuid());
}

static void listen_at_path(void)
{
	GError *error = NULL;

	receiver = encoder_socket_new(path, &machine.env, encoders, &error);
	ck_assert_msg(receiver != NULL, "%s", error ? error->message : "");
}

START_TEST(anybody_may_report_and_is_known)
{
	struct stat status;

	listen_at_path();
	ck_assert_int_eq(g_stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0622);
	report(3, 1);
	wait_for_share(75);
	assert_probe("gpu.dmabuf_path", PROBE_WARN, "75 % of the frames");
	encoder_socket_free(receiver);
	receiver = NULL;
	ck_assert_int_eq(g_stat(path, &status), -1);
}
END_TEST

START_TEST(nonsense_is_passed_over)
{
	static const uint8_t zeros[HXFR_REPORT_MAX + 1];
	const size_t sizes[] = { 0, 1, HXFR_REPORT_SIZE, HXFR_REPORT_MAX, sizeof(zeros) };

	listen_at_path();
	for (size_t i = 0; i < N_ELEMENTS(sizes); i++)
		ck_assert(send_to_path(zeros, sizes[i]));
	report(1, 1);
	wait_for_share(50);
	assert_share(1, getpid(), 50);
}
END_TEST

static unsigned count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

START_TEST(descriptors_that_come_along_are_not_kept)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint8_t bytes[HXFR_REPORT_SIZE] = { 0 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	unsigned before;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(16 * sizeof(int)); /* sixteen times standard input */
	listen_at_path();
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	before = count_fds();
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(sendmsg(sender, &message, 0), sizeof(bytes));
	report(1, 1);
	wait_for_share(50);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(a_flood_is_looked_at_now_and_then)
{
	struct encoder_share share;
	gint64 begun_us;

	listen_at_path();
	report(1, 0);
	wait_for_share(100);
	begun_us = g_get_monotonic_time();
	report(1, 1);
	wait_for_share(0);
	ck_assert_int_ge(g_get_monotonic_time() - begun_us,
		ENCODER_SOCKET_PAUSE_MS * G_TIME_SPAN_MILLISECOND / 2);
	ck_assert(encoder_log_look(encoders, machine.now_ns, &share));
}
END_TEST

START_TEST(the_socket_of_one_that_lives_is_left_alone)
{
	struct encoder_socket *other;
	g_autoptr(GError) error = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int stale = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	ck_assert_int_eq(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	listen_at_path();
	other = encoder_socket_new(path, &machine.env, encoders, &error);
	ck_assert_ptr_null(other);
	ck_assert_msg(strstr(error->message, g_strerror(EADDRINUSE)), "%s", error->message);
	report(1, 0);
	wait_for_share(100);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_by_id_is_ok_and_none_by_id_is_not,
		the_stream_that_is_worst_off_counts,
		a_share_is_that_of_the_frames_since_the_last_look,
		a_stream_ends_when_it_says_so_or_says_nothing,
		nobody_fills_the_table_for_others,
		anybody_may_report_and_is_known,
		nonsense_is_passed_over,
		descriptors_that_come_along_are_not_kept,
		a_flood_is_looked_at_now_and_then,
		the_socket_of_one_that_lives_is_left_alone,
		NULL,
	};

	return suite_run_with("agent-encoder", tests, setup, teardown);
}
