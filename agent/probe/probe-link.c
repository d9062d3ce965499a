/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-link.h"

#include "link-ask.h"
#include "probe-list.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- link.encoder --- */

static const char hint_config[] =
	"encoder=vsock:2:5000 (or unix:/PATH, tcp:HOST:PORT) in /etc/helix-agent/agent.conf; "
	"systemctl restart helix-agentd";

static const char hint_tcp[] =
	"install -D -m 644 /usr/share/helix-agent/examples/encoder-tcp.conf -t "
	"/etc/systemd/system/helix-agentd.service.d; set its IPAddressAllow=; systemctl "
	"daemon-reload; systemctl restart helix-agentd";

void link_encoder_judge(const struct link_facts *facts, struct probe_result *ret)
{
	static const char hint[] =
		"on the host: is the encoder running, and is it this port that it listens on? "
		"Here: encoder= in /etc/helix-agent/agent.conf";
	enum probe_status status;

	if (facts->tcp &&
		(facts->connect_error == -EAFNOSUPPORT || facts->connect_error == -EPERM)) {
		probe_say(ret, PROBE_UNKNOWN, hint_tcp,
			"%s: the unit of helix-agentd shuts out TCP", facts->endpoint);
	} else if (facts->connect_error) {
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

static void keep(struct link_log *log, const struct link_answer *answer, int64_t now_ns)
{
	for (unsigned i = 0; i < answer->pongs; i++)
		link_log_ping(log, answer->rtt_us[i]);
	if (answer->connect_error || answer->pongs < answer->pings)
		link_log_ping(log, -1);
	if (answer->error)
		link_log_fail(log, now_ns, answer->error);
	link_log_peer(log, &answer->peer);
}

static void encoder_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct link_facts facts = { .endpoint = wanted->encoder };
	struct link_answer answer;
	struct hxfr_endpoint endpoint;

	if (!wanted->encoder) {
		probe_say(ret, PROBE_NA, NULL, "no encoder is configured");
		return;
	}
	if (hxfr_endpoint_parse(wanted->encoder, &endpoint) < 0) {
		probe_say(ret, PROBE_UNKNOWN, hint_config, "%s is no endpoint", wanted->encoder);
		return;
	}
	link_ask(&endpoint, &answer);
	facts.tcp = endpoint.transport == HXFR_TRANSPORT_TCP;
	facts.connect_error = answer.connect_error;
	facts.pings = answer.pings;
	facts.pongs = answer.pongs;
	for (unsigned i = 0; i < answer.pongs; i++)
		facts.worst_ms = MAX(facts.worst_ms, answer.rtt_us[i] / 1e3);
	if (wanted->link_log)
		keep(wanted->link_log, &answer, env->now_ns(env));
	link_encoder_judge(&facts, ret);
	link_answer_finish(&answer);
}

const struct probe probe_link_encoder = {
	.id = "link.encoder",
	.group = PROBE_GROUP_LINK,
	.title = "answer of the host's encoder",
	.unit = "ms",
	.period_s = 30,
	.rest_s = 1,
	.timeout_ms = LINK_ASK_MAX_MS + 1000,
	.run = encoder_run,
};

/* --- link.host_cid --- */

void link_host_cid_judge(int error, uint32_t cid, struct probe_result *ret)
{
	static const char hint[] =
		"start the guest with a vsock device (-device vhost-vsock-pci,guest-cid=3) and "
		"modprobe vmw_vsock_virtio_transport";

	if (error == EACCES || error == EPERM)
		probe_say(ret, PROBE_UNKNOWN,
			"ls -l /dev/vsock; systemctl cat helix-agentd shows its sandbox",
			"/dev/vsock: %s", g_strerror(error));
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
