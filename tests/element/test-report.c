/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the guest's agent is told of a stream. */

#include "dmabuf-fixture.h"

#include <glib/gstdio.h>
#include <hxfr/report.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VARIABLE  "HELIX_ENCODER_SOCKET"
#define WAIT_MS   10000
#define PACE_US   10000
#define PACE_MANY 1000u /* ten seconds' worth */

/* Stands for the agent. */
struct listener {
	char *folder, *path;
	int fd;
};

static void listen_here(struct listener *l)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	l->folder = g_dir_make_tmp("report-XXXXXX", NULL);
	l->path = g_build_filename(l->folder, "encoder.sock", NULL);
	g_strlcpy(address.sun_path, l->path, sizeof(address.sun_path));
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fail_unless_equals_int(bind(l->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	g_setenv(VARIABLE, l->path, TRUE);
}

static void stop_listening(struct listener *l)
{
	close(l->fd);
	g_unlink(l->path);
	g_rmdir(l->folder);
	g_free(l->path);
	g_free(l->folder);
	g_unsetenv(VARIABLE);
}

static gboolean heard(struct listener *l, int wait_ms, struct hxfr_report *ret)
{
	struct pollfd fd = { l->fd, POLLIN, 0 };
	guint8 bytes[2 * HXFR_REPORT_MAX];
	ssize_t n;

	if (poll(&fd, 1, wait_ms) < 1)
		return FALSE;
	n = recv(l->fd, bytes, sizeof(bytes), 0);
	fail_unless_equals_int(hxfr_report_decode(bytes, (gsize)n, ret), 0);
	return TRUE;
}

static void push_dmabuf(struct fixture *f, guint i)
{
	fail_unless_equals_int(gst_harness_push(f->h, dmabuf_frame(i)), GST_FLOW_OK);
	fixture_expect(f, i);
}

GST_START_TEST(the_agent_hears_how_frames_travel_once_a_second_and_of_the_end)
{
	struct hxfr_report one, two, last;
	struct listener l;
	struct fixture f;
	gint64 begun;
	guint n = 1;

	listen_here(&l);
	dmabuf_start(&f, NULL);
	begun = g_get_monotonic_time();
	push_dmabuf(&f, 0);
	fail_unless(heard(&l, WAIT_MS, &one));
	fail_unless_equals_uint64(one.by_id, 1);
	fail_unless_equals_uint64(one.by_pixels, 0);
	fail_if(one.ended);

	for (; n < PACE_MANY && !heard(&l, 0, &two); n++) {
		push_dmabuf(&f, n);
		g_usleep(PACE_US);
	}
	fail_unless(n < PACE_MANY, "nothing more was told");
	fail_unless(g_get_monotonic_time() - begun >= G_USEC_PER_SEC, "told too soon");
	fail_unless_equals_uint64(two.by_id, n);
	fail_unless(two.stream == one.stream);

	fixture_finish(&f);
	fail_unless(heard(&l, WAIT_MS, &last));
	fail_unless(last.ended && last.stream == one.stream);
	fail_unless_equals_uint64(last.by_id, n);
	fail_if(heard(&l, 0, &last));
	stop_listening(&l);
}
GST_END_TEST;

GST_START_TEST(pixels_are_told_apart)
{
	struct hxfr_report report = { 0 };
	struct listener l;
	struct fixture f;

	listen_here(&l);
	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fixture_finish(&f);
	while (heard(&l, 0, &report) && !report.ended)
		;
	fail_unless(report.ended);
	fail_unless_equals_uint64(report.by_id, 0);
	fail_unless_equals_uint64(report.by_pixels, 5);
	stop_listening(&l);
}
GST_END_TEST;

GST_START_TEST(an_agent_that_does_not_read_delays_nothing)
{
	static const guint8 junk[HXFR_REPORT_SIZE];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct listener l;
	struct fixture f;

	listen_here(&l);
	g_strlcpy(address.sun_path, l.path, sizeof(address.sun_path));
	while (sendto(filler, junk, sizeof(junk), 0, (struct sockaddr *)&address, sizeof(address)) >
		0)
		;
	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fixture_finish(&f);
	close(filler);
	stop_listening(&l);
}
GST_END_TEST;

static guint count_datagram_sockets(void)
{
	guint n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);

		n += getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
	}
	return n;
}

GST_START_TEST(where_there_is_no_agent_nothing_is_held_for_one)
{
	struct listener l;
	struct fixture f;
	guint before;

	listen_here(&l);
	g_setenv(VARIABLE, "/nowhere/encoder.sock", TRUE);
	fixture_start(&f, NULL);
	before = count_datagram_sockets();
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	fail_unless_equals_int(count_datagram_sockets(), before);
	fixture_finish(&f);

	g_setenv(VARIABLE, "", TRUE);
	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	fixture_finish(&f);
	stop_listening(&l);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, the_agent_hears_how_frames_travel_once_a_second_and_of_the_end);
	tcase_add_test(tc, pixels_are_told_apart);
	tcase_add_test(tc, an_agent_that_does_not_read_delays_nothing);
	tcase_add_test(tc, where_there_is_no_agent_nothing_is_held_for_one);
}

FIXTURE_MAIN(report)
