/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * transport-probe [OPTION...] ENDPOINT
 *
 * How fast is a way between guest and host? One side serves, the other measures. --help has the
 * rest.
 *
 * Protocol: the client sends headers of HEADER_SIZE bytes: one letter, seven bytes of nothing, and an
 * i64, little-endian. 'S' n: n bytes follow, which the server swallows and answers with the header.
 * 'R' n: the server sends n bytes. 'E': the server sends the header back.
 */

#include "program.h"
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <hxfr/socket.h>
#include <hxfr/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE 64u
#define CHUNK       (1024u * 1024)
#define CONNECT_MS  5000u
#define PATIENCE_S  30 /* of one call */
#define BYTES_MAX   (1ll << 40)

struct options {
	gboolean serve;
	int megabytes, rounds, guest_port;
};

struct header {
	char what;
	int64_t size; /* bytes */
};

static struct options options = { .megabytes = 64, .rounds = 1000 };

static const GOptionEntry entries[] = {
	{ "serve", 0, 0, G_OPTION_ARG_NONE, &options.serve, "Be the server, until killed", NULL },
	{ "bulk", 0, 0, G_OPTION_ARG_INT, &options.megabytes, "MiB to send, and to receive (64)",
		"N" },
	{ "rounds", 0, 0, G_OPTION_ARG_INT, &options.rounds, "Round trips of 64 bytes (1000)",
		"N" },
	{ "guest-port", 0, 0, G_OPTION_ARG_INT, &options.guest_port,
		"ENDPOINT is the Unix socket of a guest's vsock device: ask it for this port of the guest",
		"PORT" },
	{ 0 },
};

static const char summary[] =
	"Measures bulk transfers both ways and round trips over vsock:CID:PORT, tcp:HOST:PORT or unix:PATH,\n"
	"against the same program with --serve on the other side.";

static const char description[] =
	"  host:  transport-probe --serve tcp:127.0.0.1:7000     guest: transport-probe tcp:10.0.2.2:7000\n"
	"  host:  transport-probe --serve unix:/tmp/v_7000       guest: transport-probe vsock:2:7000\n"
	"  guest: transport-probe --serve vsock:any:7000         host:  transport-probe --guest-port 7000 unix:/tmp/v\n"
	"\n"
	"The server prints 'listening on ENDPOINT'. The client prints a JSON object: endpoint, send_mb_s,\n"
	"receive_mb_s (10^6 bytes a second), round_trip: {count, p50_us, p99_us, max_us}.\n"
	"Exit status: 0, 1 when something failed, 2 wrong command line.";

/* A blocking socket that does not block for ever; the server's waits for the next header as long as it takes. */
static void prepare(int fd, gboolean impatient)
{
	struct timeval patience = { .tv_sec = PATIENCE_S }, none = { 0 };

	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, impatient ? &patience : &none,
			sizeof patience) != 0)
		program_fail(-errno, "the socket");
}

static int send_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = recv(fd, data, size, 0);

		if (n <= 0)
			return n < 0 ? -errno : -ENOTCONN;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int send_header(int fd, char what, int64_t size)
{
	uint8_t bytes[HEADER_SIZE];
	struct hxfr_writer w;

	hxfr_writer_init(&w, bytes, sizeof bytes);
	hxfr_writer_u8(&w, (uint8_t)what);
	hxfr_writer_zero(&w, 7);
	hxfr_writer_i64(&w, size);
	hxfr_writer_zero(&w, HEADER_SIZE - 16);
	return send_all(fd, bytes, sizeof bytes);
}

static int receive_header(int fd, struct header *ret)
{
	uint8_t bytes[HEADER_SIZE];
	struct hxfr_reader r;

	int error = receive_all(fd, bytes, sizeof bytes);
	if (error < 0)
		return error;
	hxfr_reader_init(&r, bytes, sizeof bytes);
	ret->what = (char)hxfr_reader_u8(&r);
	hxfr_reader_bytes(&r, 7);
	ret->size = hxfr_reader_i64(&r);
	return 0;
}

/* One transfer after the other of at most CHUNK bytes. */
static int move_bulk(int fd, int64_t size, uint8_t *chunk, gboolean out)
{
	int r = 0;

	for (; size > 0 && r == 0; size -= CHUNK) {
		size_t n = (size_t)MIN(size, CHUNK);

		r = out ? send_all(fd, chunk, n) : receive_all(fd, chunk, n);
	}
	return r;
}

static int answer(int fd, const struct header *header, uint8_t *chunk)
{
	if (header->size < 0 || header->size > BYTES_MAX)
		return -EMSGSIZE;
	if (header->what == 'R')
		return move_bulk(fd, header->size, chunk, TRUE);
	if (header->what == 'S') {
		int r = move_bulk(fd, header->size, chunk, FALSE);
		if (r < 0)
			return r;
	}
	return send_header(fd, header->what, header->size);
}

static gpointer serve_one(gpointer data)
{
	int fd = GPOINTER_TO_INT(data), r;
	g_autofree uint8_t *chunk = g_malloc0(CHUNK);
	struct header header = { 0 };

	prepare(fd, FALSE);
	do {
		r = receive_header(fd, &header);
		if (r == 0)
			r = answer(fd, &header, chunk);
	} while (r == 0);
	close(fd);
	return NULL;
}

static void serve(const struct hxfr_endpoint *endpoint)
{
	struct hxfr_endpoint bound;
	char text[HXFR_ENDPOINT_MAX];
	int listener, fd;

	int r = hxfr_socket_listen(endpoint, &listener, &bound);
	if (r < 0)
		program_fail(r, "cannot listen");
	fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK);
	hxfr_endpoint_format(&bound, text, sizeof text);
	printf("listening on %s\n", text);
	while ((r = hxfr_socket_accept(listener, &fd)) == 0)
		g_thread_unref(g_thread_new("client", serve_one, GINT_TO_POINTER(fd)));
	program_fail(r, "cannot accept");
}

/* "CONNECT PORT", answered by a line that begins with "OK". */
static void reach_guest(int fd)
{
	g_autofree char *line = g_strdup_printf("CONNECT %d\n", options.guest_port);
	uint8_t byte = 0, first = 0;

	int r = send_all(fd, (const uint8_t *)line, strlen(line));
	while (r == 0 && byte != '\n') {
		r = receive_all(fd, &byte, 1);
		first = first ? first : byte;
	}
	if (r < 0 || first != 'O')
		program_fail(r, "nobody listens on port %d of the guest", options.guest_port);
}

static double megabytes_a_second(gint64 started_us)
{
	return (double)options.megabytes * CHUNK / (double)(g_get_monotonic_time() - started_us);
}

static void measure_bulk(int fd, struct json *j)
{
	g_autofree uint8_t *chunk = g_malloc0(CHUNK);
	int64_t size = (int64_t)options.megabytes * CHUNK;
	struct header header = { 0 };

	gint64 started_us = g_get_monotonic_time();
	int r = send_header(fd, 'S', size);
	if (r == 0)
		r = move_bulk(fd, size, chunk, TRUE);
	if (r == 0)
		r = receive_header(fd, &header);
	if (r < 0)
		program_fail(r, "while sending");
	json_double(j, "send_mb_s", megabytes_a_second(started_us));
	started_us = g_get_monotonic_time();
	r = send_header(fd, 'R', size);
	if (r == 0)
		r = move_bulk(fd, size, chunk, FALSE);
	if (r < 0)
		program_fail(r, "while receiving");
	json_double(j, "receive_mb_s", megabytes_a_second(started_us));
}

static void measure_round_trips(int fd, struct json *j)
{
	struct sample sample;
	struct header header = { 0 };

	sample_begin(&sample);
	for (int i = 0; i < options.rounds; i++) {
		gint64 started_us = g_get_monotonic_time();

		int r = send_header(fd, 'E', i);
		if (r == 0)
			r = receive_header(fd, &header);
		if (r < 0 || header.size != i)
			program_fail(r, "round trip %d", i);
		sample_add(&sample, (double)(g_get_monotonic_time() - started_us));
	}
	json_open(j, "round_trip");
	sample_print(&sample, j);
	json_close(j);
	sample_end(&sample);
}

static void measure(const struct hxfr_endpoint *endpoint, const char *text)
{
	struct json j;
	int fd;

	int r = hxfr_socket_connect(endpoint, CONNECT_MS, -1, &fd);
	if (r < 0)
		program_fail(r, "%s", text);
	prepare(fd, TRUE);
	if (options.guest_port > 0)
		reach_guest(fd);
	json_begin(&j);
	json_string(&j, "endpoint", text);
	measure_bulk(fd, &j);
	measure_round_trips(fd, &j);
	json_print(&j);
	close(fd);
}

int main(int argc, char **argv)
{
	struct hxfr_endpoint endpoint;

	program_options(&argc, &argv, entries, "ENDPOINT", summary, description);
	if (argc != 2 || hxfr_endpoint_parse(argv[1], &endpoint) < 0)
		program_usage("one endpoint, please; see --help");
	if (options.megabytes < 1 || options.rounds < 1)
		program_usage("--bulk and --rounds are at least 1");
	if (options.serve)
		serve(&endpoint);
	measure(&endpoint, argv[1]);
	return EXIT_SUCCESS;
}
