/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-peer.h"

#include <check.h>
#include <glib.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_peer {
	int listen_fd, stop_fd;
	char *(*answer)(const char *received, unsigned size, unsigned *ret_size);
	GThread *thread;
};

/* False when the test is over. */
static bool wait_for(struct fake_peer *peer, int fd)
{
	struct pollfd fds[] = { { peer->stop_fd, POLLIN, 0 }, { fd, POLLIN, 0 } };

	return poll(fds, 2, -1) > 0 && !fds[0].revents;
}

static void serve(struct fake_peer *peer, int fd)
{
	char received[4096];

	while (wait_for(peer, fd)) {
		ssize_t n = recv(fd, received, sizeof(received) - 1, 0);
		g_autofree char *answer = NULL;
		unsigned size = 0;

		if (n <= 0)
			break;
		received[n] = '\0';
		answer = peer->answer(received, (unsigned)n, &size);
		if (answer && size == 0)
			break;
		if (answer)
			(void)!send(fd, answer, size, MSG_NOSIGNAL);
	}
	close(fd);
}

static void *peer_thread(void *data)
{
	struct fake_peer *peer = data;
	int fd;

	while (wait_for(peer, peer->listen_fd))
		if (hxfr_socket_accept(peer->listen_fd, &fd) == 0)
			serve(peer, fd);
	return NULL;
}

struct fake_peer *fake_peer_new(
	const char *path, char *(*answer)(const char *received, unsigned size, unsigned *ret_size))
{
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };
	struct fake_peer *peer = g_new0(struct fake_peer, 1);

	g_strlcpy(endpoint.unix_path, path, sizeof(endpoint.unix_path));
	ck_assert_int_eq(hxfr_socket_listen(&endpoint, &peer->listen_fd, NULL), 0);
	peer->stop_fd = eventfd(0, EFD_CLOEXEC);
	peer->answer = answer;
	peer->thread = g_thread_new("peer", peer_thread, peer);
	return peer;
}

void fake_peer_free(struct fake_peer *peer)
{
	ck_assert_int_eq(eventfd_write(peer->stop_fd, 1), 0);
	g_thread_join(peer->thread);
	close(peer->listen_fd);
	close(peer->stop_fd);
	g_free(peer);
}
