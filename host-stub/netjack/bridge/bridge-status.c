/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

static const double percentiles[] = { 0.5, 0.99, 0.999, 1 };

struct bridge_status_slave *bridge_status_add(
	struct bridge_status *status, unsigned seat, const struct slave_report *report)
{
	const struct netjack_session *session = &report->session;

	if (status->n_slaves == sizeof status->slaves / sizeof status->slaves[0])
		return NULL;
	struct bridge_status_slave *slave = &status->slaves[status->n_slaves++];
	*slave = (struct bridge_status_slave){
		.seat = seat,
		.sync = session->sync,
		.latency = session->latency,
		.send = (uint32_t)session->send_audio,
		.returned = (uint32_t)session->return_audio,
		.loop_frames = session->period * (session->latency + !session->sync),
		.malformed = report->returns.malformed,
		.xruns = report->returns.slave_xruns,
		.send_failed = report->send_failed,
	};
	memcpy(slave->name, session->name, sizeof slave->name);
	inet_ntop(AF_INET, &report->peer.sin_addr, slave->address, sizeof slave->address);
	memcpy(slave->verdicts, report->returns.verdicts, sizeof slave->verdicts);
	for (unsigned i = 0; i < 3; i++)
		slave->rtt_us[i] = (double)histogram_percentile(&report->rtt, percentiles[i]) / 1e3;
	slave->rtt_us[3] = report->rtt.n > 0 ? (double)report->rtt.max_ns / 1e3 : 0;
	return slave;
}

void bridge_recent_update(struct bridge_recent *recent, struct bridge_status_slave *slave)
{
	uint64_t good = slave->verdicts[VERDICT_OK];
	uint64_t bad = slave->verdicts[VERDICT_LATE] + slave->verdicts[VERDICT_LOST];
	unsigned last = recent->n;

	/* A new session counts from zero. */
	if (last > 0 && (good < recent->good[last - 1] || bad < recent->bad[last - 1]))
		last = 0;
	if (last > BRIDGE_RECENT_S) {
		last = BRIDGE_RECENT_S;
		memmove(recent->good, recent->good + 1, last * sizeof recent->good[0]);
		memmove(recent->bad, recent->bad + 1, last * sizeof recent->bad[0]);
	}
	recent->good[last] = good;
	recent->bad[last] = bad;
	recent->n = last + 1;
	slave->recent_good = good - (last > 0 ? recent->good[0] : 0);
	slave->recent_bad = bad - (last > 0 ? recent->bad[0] : 0);
}

static json_t *ring_json(const struct resample_report *ring)
{
	if (ring->target == 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f, s:I, s:I, s:b, s:b}", "fill", ring->fill, "target",
		ring->target, "correction-ppm", ring->correction_ppm, "drift-ppm", ring->drift_ppm,
		"underruns", (json_int_t)ring->underruns, "overruns", (json_int_t)ring->overruns,
		"running", ring->is_running, "locked", ring->is_locked);
}

static json_t *slave_json(const struct bridge_status_slave *slave)
{
	const uint64_t *verdicts = slave->verdicts;

	return json_pack("{s:i, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:[ffff], s:o, s:o}",
		"seat", (int)slave->seat, "name", slave->name, "address", slave->address, "sync",
		slave->sync, "latency", (int)slave->latency, "send-channels", (int)slave->send,
		"return-channels", (int)slave->returned, "loop-frames", (int)slave->loop_frames,
		"ok", (json_int_t)verdicts[VERDICT_OK], "early",
		(json_int_t)verdicts[VERDICT_EARLY], "late", (json_int_t)verdicts[VERDICT_LATE],
		"lost", (json_int_t)verdicts[VERDICT_LOST], "malformed",
		(json_int_t)slave->malformed, "slave-xruns", (json_int_t)slave->xruns,
		"send-failed", (json_int_t)slave->send_failed, "recent-ok",
		(json_int_t)slave->recent_good, "recent-bad", (json_int_t)slave->recent_bad,
		"rtt-us", slave->rtt_us[0], slave->rtt_us[1], slave->rtt_us[2], slave->rtt_us[3],
		"capture-ring", ring_json(&slave->capture), "playback-ring",
		ring_json(&slave->playback));
}

char *bridge_status_json(const struct bridge_status *status)
{
	json_t *slaves = json_array();

	for (unsigned i = 0; i < status->n_slaves; i++)
		json_array_append_new(slaves, slave_json(&status->slaves[i]));
	json_t *object = json_pack("{s:i, s:I, s:i, s:b, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, "
				   "s:I, s:I, s:I, s:o}",
		"version", 1, "updated-s", (json_int_t)status->updated_s, "pid", (int)status->pid,
		"has-jack", status->has_jack, "client", status->client, "server", status->server,
		"clock", status->clock, "graph-rate", (int)status->graph_rate, "graph-period",
		(int)status->graph_period, "rate", (int)status->rate, "period", (int)status->period,
		"port", (int)status->port, "graph-xruns", (json_int_t)status->xruns, "servers",
		(json_int_t)status->servers, "late-ticks", (json_int_t)status->late_ticks, "slaves",
		slaves);
	char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
	json_decref(object);
	return text;
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return write(fd, "\n", 1) == 1 ? 0 : -EIO;
}

/* Root may replace a device, too: nobody wants that. */
static bool is_no_file(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode);
}

static int replace(const char *path, const char *text)
{
	char *temporary;
	int r = 0;

	if (is_no_file(path))
		return -EEXIST;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		free(temporary);
		return r;
	}
	r = write_all(fd, text);
	if (r == 0 && (fchmod(fd, FILE_MODE) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(temporary);
	close(fd);
	free(temporary);
	return r;
}

int bridge_status_write(const char *path, const struct bridge_status *status)
{
	char *text = bridge_status_json(status);
	int r = text ? replace(path, text) : -ENOMEM;

	free(text);
	return r;
}
