/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-status.h"

#include "../advice.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 1024

/* Fields of one object, the first that is missing or of another type latches. */
struct fields {
	const json_t *object;
	bool is_bad;
};

static double number(struct fields *fields, const char *key)
{
	const json_t *value = json_object_get(fields->object, key);

	fields->is_bad |= !json_is_number(value);
	return json_number_value(value);
}

static uint64_t count(struct fields *fields, const char *key, uint64_t max)
{
	const json_t *value = json_object_get(fields->object, key);
	json_int_t n = json_integer_value(value);

	fields->is_bad |= !json_is_integer(value) || n < 0 || (uint64_t)n > max;
	return fields->is_bad ? 0 : (uint64_t)n;
}

static bool truth(struct fields *fields, const char *key)
{
	const json_t *value = json_object_get(fields->object, key);

	fields->is_bad |= !json_is_boolean(value);
	return json_is_true(value);
}

static void copy(struct fields *fields, const char *key, size_t size, char *ret)
{
	const char *text = json_string_value(json_object_get(fields->object, key));

	fields->is_bad |= !text || strlen(text) >= size;
	if (!fields->is_bad)
		memcpy(ret, text, strlen(text) + 1);
}

static void parse_ring(struct fields *slave, const char *key, struct resample_report *ret)
{
	struct fields ring = { json_object_get(slave->object, key), false };

	if (json_is_null(ring.object))
		return;
	ret->fill = number(&ring, "fill");
	ret->target = number(&ring, "target");
	ret->correction_ppm = number(&ring, "correction-ppm");
	ret->drift_ppm = number(&ring, "drift-ppm");
	ret->underruns = count(&ring, "underruns", INT64_MAX);
	ret->overruns = count(&ring, "overruns", INT64_MAX);
	ret->is_running = truth(&ring, "running");
	ret->is_locked = truth(&ring, "locked");
	slave->is_bad |= ring.is_bad;
}

static bool parse_slave(const json_t *object, struct bridge_status_slave *ret)
{
	struct fields slave = { object, false };
	const json_t *rtt = json_object_get(object, "rtt-us");

	ret->seat = (unsigned)count(&slave, "seat", UINT8_MAX);
	copy(&slave, "name", sizeof ret->name, ret->name);
	copy(&slave, "address", sizeof ret->address, ret->address);
	ret->sync = truth(&slave, "sync");
	ret->latency = (uint32_t)count(&slave, "latency", NETJACK_LATENCY_MAX);
	ret->send = (uint32_t)count(&slave, "send-channels", NETJACK_CHANNELS_MAX);
	ret->returned = (uint32_t)count(&slave, "return-channels", NETJACK_CHANNELS_MAX);
	ret->loop_frames = (uint32_t)count(&slave, "loop-frames", INT32_MAX);
	ret->verdicts[VERDICT_OK] = count(&slave, "ok", INT64_MAX);
	ret->verdicts[VERDICT_EARLY] = count(&slave, "early", INT64_MAX);
	ret->verdicts[VERDICT_LATE] = count(&slave, "late", INT64_MAX);
	ret->verdicts[VERDICT_LOST] = count(&slave, "lost", INT64_MAX);
	ret->malformed = count(&slave, "malformed", INT64_MAX);
	ret->xruns = count(&slave, "slave-xruns", INT64_MAX);
	ret->send_failed = count(&slave, "send-failed", INT64_MAX);
	ret->recent_good = count(&slave, "recent-ok", INT64_MAX);
	ret->recent_bad = count(&slave, "recent-bad", INT64_MAX);
	for (size_t i = 0; i < 4; i++)
		ret->rtt_us[i] = json_number_value(json_array_get(rtt, i));
	parse_ring(&slave, "capture-ring", &ret->capture);
	parse_ring(&slave, "playback-ring", &ret->playback);
	return !slave.is_bad && json_array_size(rtt) == 4;
}

static bool parse_slaves(const json_t *rows, struct bridge_status *ret)
{
	size_t n = json_array_size(rows);

	if (!json_is_array(rows) || n > sizeof ret->slaves / sizeof ret->slaves[0])
		return false;
	for (size_t i = 0; i < n; i++)
		if (!parse_slave(json_array_get(rows, i), &ret->slaves[i]))
			return false;
	ret->n_slaves = (unsigned)n;
	return true;
}

static bool parse_status(const json_t *object, struct bridge_status *ret)
{
	struct fields fields = { object, false };

	if (count(&fields, "version", INT32_MAX) != 1)
		return false;
	ret->updated_s = (int64_t)count(&fields, "updated-s", INT64_MAX);
	ret->pid = (int32_t)count(&fields, "pid", INT32_MAX);
	ret->has_jack = truth(&fields, "has-jack");
	copy(&fields, "client", sizeof ret->client, ret->client);
	copy(&fields, "server", sizeof ret->server, ret->server);
	copy(&fields, "clock", sizeof ret->clock, ret->clock);
	ret->graph_rate = (uint32_t)count(&fields, "graph-rate", INT32_MAX);
	ret->graph_period = (uint32_t)count(&fields, "graph-period", INT32_MAX);
	ret->rate = (uint32_t)count(&fields, "rate", INT32_MAX);
	ret->period = (uint32_t)count(&fields, "period", INT32_MAX);
	ret->port = (uint16_t)count(&fields, "port", UINT16_MAX);
	ret->xruns = count(&fields, "graph-xruns", INT64_MAX);
	ret->servers = count(&fields, "servers", INT64_MAX);
	ret->late_ticks = count(&fields, "late-ticks", INT64_MAX);
	return !fields.is_bad && parse_slaves(json_object_get(object, "slaves"), ret);
}

int bridge_status_parse(const char *text, struct bridge_status *ret)
{
	struct bridge_status status = { 0 };
	json_t *object = json_loads(text, 0, NULL);
	bool is_good = json_is_object(object) && parse_status(object, &status);

	json_decref(object);
	if (!is_good)
		return -EBADMSG;
	*ret = status;
	return 0;
}

int bridge_status_read(const char *path, struct bridge_status *ret)
{
	char *text = malloc(BRIDGE_STATUS_MAX + 1);
	int r = -ENOMEM;

	if (!text)
		return r;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, BRIDGE_STATUS_MAX + 1);
	if (n < 0)
		r = -errno;
	else if ((size_t)n > BRIDGE_STATUS_MAX)
		r = -EFBIG;
	else {
		text[n] = '\0';
		r = bridge_status_parse(text, ret);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return r;
}

bool bridge_status_is_current(const struct bridge_status *status, int64_t now_s)
{
	if (kill(status->pid, 0) < 0 && errno == ESRCH)
		return false;
	return now_s - status->updated_s <= BRIDGE_STALE_S;
}

struct judge {
	bridge_line line;
	void *user;
	bool is_degraded;
};

static void say(struct judge *judge, bool is_good, const char *topic, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct judge *judge, bool is_good, const char *topic, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	judge->is_degraded |= !is_good;
	judge->line(judge->user, is_good, topic, text);
}

static void judge_ring(struct judge *judge, const struct bridge_status_slave *slave,
	const char *what, const struct resample_report *ring)
{
	if (ring->target == 0)
		return;
	bool is_good = ring->is_running && ring->is_locked;
	say(judge, is_good, slave->name,
		"%s ring: %s, %.0f of %.0f frames, clocks differ by %.1f ppm, %llu underruns, "
		"%llu overruns",
		what,
		!ring->is_running ? "empty"
		: is_good         ? "locked"
				  : "locking",
		ring->fill, ring->target, ring->drift_ppm, (unsigned long long)ring->underruns,
		(unsigned long long)ring->overruns);
}

static void judge_slave(struct judge *judge, const struct bridge_status *status,
	const struct bridge_status_slave *slave)
{
	double ms = 1e3 * slave->loop_frames / (status->rate ? status->rate : 1);
	uint64_t n = slave->recent_good + slave->recent_bad;

	say(judge, true, slave->name, "at %s, %u to it, %u back, %s, loop of %u frames = %.3f ms",
		slave->address, slave->send, slave->returned, slave->sync ? "sync" : "async",
		slave->loop_frames, ms);
	say(judge, slave->recent_bad == 0 && slave->recent_good > 0, slave->name,
		"last %d s: %llu periods, %llu late or lost%s", BRIDGE_RECENT_S,
		(unsigned long long)n, (unsigned long long)slave->recent_bad,
		slave->recent_good == 0  ? "; nothing comes back"
		: slave->recent_bad == 0 ? ""
					 : "; a larger period or --latency helps");
	say(judge, true, slave->name,
		"round trip since it came: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us",
		slave->rtt_us[0], slave->rtt_us[1], slave->rtt_us[2], slave->rtt_us[3]);
	judge_ring(judge, slave, "capture", &slave->capture);
	judge_ring(judge, slave, "playback", &slave->playback);
}

enum bridge_health bridge_status_judge(
	const struct bridge_status *status, bridge_line line, void *user)
{
	struct judge judge = { line, user, false };

	if (!status->has_jack) {
		say(&judge, false, "jack",
			"no server to connect to: start jackd or PipeWire with pipewire-jack");
		return BRIDGE_DEGRADED;
	}
	say(&judge, true, "jack", "client %s of server %s, %u Hz, %u frames, %llu xruns",
		status->client, status->server, status->graph_rate, status->graph_period,
		(unsigned long long)status->xruns);
	say(&judge, true, "clock", "%s: %u Hz, %u frames, UDP port %u",
		strcmp(status->clock, "graph") == 0 ? "the graph's" : "own", status->rate,
		status->period, status->port);
	if (status->n_slaves == 0) {
		const struct in_addr any = { htonl(INADDR_ANY) };
		g_autofree char *advice = advice_no_slave(any, status->port, false);

		say(&judge, false, "slaves", "%s", advice);
	}
	for (unsigned i = 0; i < status->n_slaves; i++)
		judge_slave(&judge, status, &status->slaves[i]);
	return judge.is_degraded ? BRIDGE_DEGRADED : BRIDGE_HEALTHY;
}
