/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder-log.h"

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

struct stream {
	bool used;
	struct encoder_sender sender;
	int64_t heard_ns;
	struct hxfr_report now, seen;      /* seen: when it was last looked at */
	double by_id, uploaded, by_pixels; /* between the two; of the last look that saw frames */
};

struct encoder_log {
	GMutex mutex;
	struct stream streams[ENCODER_LOG_STREAMS];
};

struct encoder_log *encoder_log_new(void)
{
	struct encoder_log *log = g_atomic_rc_box_new0(struct encoder_log);

	g_mutex_init(&log->mutex);
	return log;
}

struct encoder_log *encoder_log_ref(struct encoder_log *log)
{
	return g_atomic_rc_box_acquire(log);
}

static void clear(void *data)
{
	struct encoder_log *log = data;

	g_mutex_clear(&log->mutex);
}

void encoder_log_unref(struct encoder_log *log)
{
	if (log)
		g_atomic_rc_box_release_full(log, clear);
}

static void forget_stale(struct encoder_log *log, int64_t now_ns)
{
	for (unsigned i = 0; i < ENCODER_LOG_STREAMS; i++)
		if (now_ns - log->streams[i].heard_ns > ENCODER_LOG_STALE_S * NS_PER_S)
			log->streams[i].used = false;
}

static struct stream *find(
	struct encoder_log *log, const struct encoder_sender *sender, uint64_t number)
{
	for (unsigned i = 0; i < ENCODER_LOG_STREAMS; i++) {
		struct stream *stream = &log->streams[i];

		if (stream->used && stream->sender.pid == sender->pid &&
			stream->sender.uid == sender->uid && stream->now.stream == number)
			return stream;
	}
	return NULL;
}

/* A free place; or that of the user's, or else anybody's, stream that was silent for longest. */
static struct stream *make_room(struct encoder_log *log, uid_t uid)
{
	struct stream *idle = NULL, *own = NULL, *oldest = NULL;
	unsigned of_user = 0;

	for (unsigned i = 0; i < ENCODER_LOG_STREAMS; i++) {
		struct stream *stream = &log->streams[i];

		if (!stream->used) {
			idle = stream;
			continue;
		}
		if (!oldest || stream->heard_ns < oldest->heard_ns)
			oldest = stream;
		if (stream->sender.uid != uid)
			continue;
		of_user++;
		if (!own || stream->heard_ns < own->heard_ns)
			own = stream;
	}
	if (of_user >= ENCODER_LOG_OF_USER)
		return own;
	return idle ? idle : oldest;
}

void encoder_log_report(struct encoder_log *log, const struct encoder_sender *sender,
	const struct hxfr_report *report, int64_t now_ns)
{
	struct stream *stream;

	g_mutex_lock(&log->mutex);
	forget_stale(log, now_ns);
	stream = find(log, sender, report->stream);
	if (!stream && !report->ended) {
		stream = make_room(log, sender->uid);
		*stream = (struct stream){ .used = true, .sender = *sender };
	}
	if (stream) {
		stream->used = !report->ended;
		stream->heard_ns = now_ns;
		stream->now = *report;
	}
	g_mutex_unlock(&log->mutex);
}

/* A counter that went back began anew, or lies. */
static double since(uint64_t now, uint64_t seen)
{
	return (double)(now >= seen ? now - seen : now);
}

static double look_at(struct stream *stream)
{
	const struct hxfr_report *now = &stream->now, *seen = &stream->seen;
	double by_id = since(now->by_id, seen->by_id);
	double by_pixels = since(now->by_pixels, seen->by_pixels);

	if (by_id + by_pixels > 0) {
		stream->by_id = by_id;
		stream->by_pixels = by_pixels;
		stream->uploaded = MIN(by_id, since(now->uploaded, seen->uploaded));
		stream->seen = *now;
	}
	return stream->by_id + stream->by_pixels;
}

bool encoder_log_look(struct encoder_log *log, int64_t now_ns, struct encoder_share *ret)
{
	struct encoder_share share = { 0 };

	g_mutex_lock(&log->mutex);
	forget_stale(log, now_ns);
	for (unsigned i = 0; i < ENCODER_LOG_STREAMS; i++) {
		struct stream *stream = &log->streams[i];
		double frames = stream->used ? look_at(stream) : 0;
		double percent = frames > 0 ? 100 * stream->by_id / frames : 0;

		if (frames == 0)
			continue;
		if (share.streams++ == 0 || percent < share.by_id_percent) {
			share.sender = stream->sender;
			share.by_id_percent = percent;
			share.uploaded_percent = 100 * stream->uploaded / frames;
		}
	}
	g_mutex_unlock(&log->mutex);
	if (share.streams > 0)
		*ret = share;
	return share.streams > 0;
}
