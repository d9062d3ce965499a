/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-link.h"

#include "probe-list.h"

#include <errno.h>
#include <fcntl.h>
#include <hxfr/connection.h>
#include <hxfr/socket.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PINGS       3u
#define CONNECT_MS  1000u
#define PONG_MS     2000
#define PAYLOAD_MAX 65536u /* of what a host may say besides */

/* --- link.encoder --- */

void link_encoder_judge(const struct link_facts *facts, struct probe_result *ret)
{
	static const char hint[] =
		"on the host: is the encoder running, and is it this port that it listens on? "
		"Here: encoder= in /etc/helix-agent/agent.conf";
	enum probe_status status;

	if (facts->connect_error) {
		probe_say(ret, PROBE_FAIL, hint, "%s: %s", facts->endpoint,
			g_strerror(-facts->connect_error));
	} else if (facts->pongs == 0) {
		probe_say(ret, PROBE_FAIL, hint,
			"%s takes connections, but nobody behind it answers a PING",
			facts->endpoint);
	} else {
		status = probe_measure(ret, facts->worst_ms, "2", "20");
		if (facts->pongs < facts->pings)
			status = MAX(status, PROBE_WARN);
		probe_say(ret, status,
			"is host or guest overloaded? see cpu.steal, sched.latency.normal",
			"%u of %u PINGs answered, %.2f ms at worst", facts->pongs, facts->pings,
			facts->worst_ms);
	}
}

/* Waits for a PONG; 0, or -errno. */
static int await_pong(struct hxfr_connection *connection, int64_t end_us)
{
	struct hxfr_message message;
	int error;

	for (;;) {
		struct pollfd poll_fd = { hxfr_connection_fd(connection),
			hxfr_connection_events(connection), 0 };
		int64_t left_us = end_us - g_get_monotonic_time();

		while ((error = hxfr_connection_next(connection, &message)) > 0)
			if (message.header.type == HXFR_PONG)
				return 0;
		if (error < 0)
			return error;
		if (left_us <= 0)
			return -ETIMEDOUT;
		if (poll(&poll_fd, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
			return -errno;
		if ((error = hxfr_connection_flush(connection)) < 0)
			return error;
		error = hxfr_connection_receive(connection);
		if (error < 0 && error != -EAGAIN)
			return error;
	}
}

static void ping(struct hxfr_connection *connection, struct link_facts *facts)
{
	const struct hxfr_message message = {
		.header = { .type = HXFR_PING, .session_id = HXFR_SESSION_MAIN },
	};

	for (facts->pings = 0; facts->pings < PINGS;) {
		int64_t start_us = g_get_monotonic_time();

		facts->pings++;
		if (hxfr_connection_send_message(connection, &message) < 0 ||
			await_pong(connection, start_us + (int64_t)PONG_MS * 1000) < 0)
			break;
		facts->pongs++;
		facts->worst_ms =
			MAX(facts->worst_ms, (double)(g_get_monotonic_time() - start_us) / 1e3);
	}
}

static void encoder_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct link_facts facts = { .endpoint = wanted->encoder };
	struct hxfr_connection *connection;
	struct hxfr_endpoint endpoint;
	int fd = -1;

	if (!wanted->encoder) {
		probe_say(ret, PROBE_NA, NULL, "no encoder is configured");
		return;
	}
	if (hxfr_endpoint_parse(wanted->encoder, &endpoint) < 0) {
		probe_say(ret, PROBE_UNKNOWN, NULL, "%s is no endpoint", wanted->encoder);
		return;
	}
	facts.connect_error = hxfr_socket_connect(&endpoint, CONNECT_MS, -1, &fd);
	if (!facts.connect_error) {
		facts.connect_error = hxfr_connection_new(fd, PAYLOAD_MAX, &connection);
		if (!facts.connect_error) {
			ping(connection, &facts);
			hxfr_connection_destroy(connection);
		}
	}
	link_encoder_judge(&facts, ret);
}

const struct probe probe_link_encoder = {
	.id = "link.encoder",
	.group = PROBE_GROUP_LINK,
	.title = "answer of the host's encoder",
	.unit = "ms",
	.period_s = 30,
	.rest_s = 1,
	.timeout_ms = CONNECT_MS + PINGS * PONG_MS + 1000,
	.run = encoder_run,
};

/* --- link.host_cid --- */

void link_host_cid_judge(int error, uint32_t cid, struct probe_result *ret)
{
	static const char hint[] =
		"start the guest with a vsock device (-device vhost-vsock-pci,guest-cid=3) and "
		"modprobe vmw_vsock_virtio_transport";

	if (error == EACCES || error == EPERM)
		probe_say(ret, PROBE_UNKNOWN, NULL, "/dev/vsock: %s", g_strerror(error));
	else if (error)
		probe_say(ret, PROBE_FAIL, hint, "/dev/vsock: %s", g_strerror(error));
	else if (cid <= VMADDR_CID_HOST || cid == VMADDR_CID_ANY)
		probe_say(ret, PROBE_FAIL, hint, "this guest has no CID of its own (%d)", (int)cid);
	else
		probe_say(ret, PROBE_OK, NULL, "the CID of this guest is %u", cid);
}

static void host_cid_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *path = env_path(env, "/dev/vsock");
	struct hxfr_endpoint endpoint;
	unsigned cid = 0;
	int fd, error = 0;

	if (!wanted->encoder || hxfr_endpoint_parse(wanted->encoder, &endpoint) < 0 ||
		endpoint.transport != HXFR_TRANSPORT_VSOCK) {
		probe_say(ret, PROBE_NA, NULL, "the encoder is not reached over vsock");
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	link_host_cid_judge(error, cid, ret);
}

const struct probe probe_link_host_cid = {
	.id = "link.host_cid",
	.group = PROBE_GROUP_LINK,
	.title = "vsock address of this guest",
	.period_s = 300,
	.timeout_ms = 1000,
	.run = host_cid_run,
};
