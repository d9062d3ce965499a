/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include "payload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NO_LAG   UINT64_MAX
/* What may be tried in one period, so that noise from elsewhere does not cost the time for the rest. */
#define TRIES    64u /* of all whole periods */
#define SEARCHES 1u  /* of all frames */

struct channel {
	uint64_t lag;    /* frames; NO_LAG: not matched yet */
	unsigned source; /* send channel; while not matched: where to search next */
};

struct track {
	pthread_mutex_t lock; /* of published; the process thread only tries it */
	struct measure_report published;

	/* The process thread's. */
	struct measure_report live;
	uint64_t warm_up; /* periods left */
	uint64_t last_lag;
	unsigned tries, searches; /* left in this period */
	unsigned first_channel;   /* that is compared in it */
	unsigned lags_seen;       /* in this period: bits of live.lags */
	bool other_seen;
	struct channel channels[NETJACK_CHANNELS_MAX];
};

struct measure {
	pthread_mutex_t
		lock; /* of all below; the process thread takes it in open and close alone */
	uint64_t warm_up, serial;
	struct track *tracks[MEASURE_TRACKS]; /* oldest first */
	unsigned n_tracks;
	struct measure_report forgotten;
};

int measure_new(uint64_t warm_up, struct measure **ret)
{
	struct measure *measure = calloc(1, sizeof *measure);

	if (!measure)
		return -ENOMEM;
	pthread_mutex_init(&measure->lock, NULL);
	measure->warm_up = warm_up;
	*ret = measure;
	return 0;
}

static void track_destroy(struct track *track)
{
	pthread_mutex_destroy(&track->lock);
	free(track);
}

void measure_destroy(struct measure *measure)
{
	if (!measure)
		return;
	for (unsigned i = 0; i < measure->n_tracks; i++)
		track_destroy(measure->tracks[i]);
	pthread_mutex_destroy(&measure->lock);
	free(measure);
}

/* --- the process thread --- */

static uint64_t period_of(const struct track *track)
{
	return track->live.session.period;
}

static bool has_lag(uint64_t lag, uint64_t frame, const float *samples, unsigned source)
{
	return lag <= frame && payload_is(samples[0], frame - lag, source) &&
	       payload_is(samples[1], frame - lag + 1, source);
}

/* Ways as long as a whole number of periods are what a lost or repeated period makes. */
static bool find_whole_periods(struct track *track, uint64_t frame, const float *samples,
	unsigned source, uint64_t *ret_lag)
{
	uint64_t period = period_of(track);

	if (track->tries == 0)
		return false;
	track->tries--;
	for (uint64_t n = 0; n <= MEASURE_LAG_PERIODS; n++)
		if (has_lag(n * period, frame, samples, source)) {
			*ret_lag = n * period;
			return true;
		}
	return false;
}

static bool find_any(struct track *track, uint64_t frame, const float *samples, unsigned source,
	uint64_t *ret_lag)
{
	uint64_t n = MEASURE_LAG_PERIODS * period_of(track) + 1, found;

	if (track->searches == 0)
		return false;
	track->searches--;
	if (payload_find(samples[0], samples[1], frame, n, source, &found) < 0)
		return false;
	*ret_lag = frame - found;
	return true;
}

/* `samples` are two at least. */
static bool find_lag(struct track *track, const struct channel *channel, uint64_t frame,
	const float *samples, uint64_t *ret_lag)
{
	if (track->last_lag != NO_LAG &&
		has_lag(track->last_lag, frame, samples, channel->source)) {
		*ret_lag = track->last_lag;
		return true;
	}
	return find_whole_periods(track, frame, samples, channel->source, ret_lag) ||
	       find_any(track, frame, samples, channel->source, ret_lag);
}

static void note_lag(struct track *track, uint64_t lag)
{
	struct measure_lag *lags = track->live.lags;
	unsigned i = 0;

	track->last_lag = lag;
	while (i < MEASURE_LAGS && lags[i].periods > 0 && lags[i].samples != lag)
		i++;
	if (i == MEASURE_LAGS) {
		track->other_seen = true;
		return;
	}
	lags[i].samples = lag;
	if (!(track->lags_seen & 1u << i))
		lags[i].periods++;
	track->lags_seen |= 1u << i;
}

/* How many samples from the first on are those of one lag. */
static uint32_t run_length(
	const struct channel *channel, uint64_t frame, const float *samples, uint32_t n)
{
	uint32_t i = 0;

	if (channel->lag > frame)
		return 0;
	while (i < n && payload_is(samples[i], frame + i - channel->lag, channel->source))
		i++;
	return i;
}

static void compare(
	struct track *track, struct channel *channel, uint64_t frame, const float *samples)
{
	uint32_t n = track->live.session.period, i = 0;

	while (i < n) {
		uint32_t run = run_length(channel, frame + i, samples + i, n - i);

		if (run > 0) {
			note_lag(track, channel->lag);
			track->live.exact += run;
			i += run;
		} else if (samples[i] == 0) {
			track->live.silent++;
			i++;
		} else if (i + 1 == n ||
			   !find_lag(track, channel, frame + i, samples + i, &channel->lag)) {
			track->live.wrong++;
			i++;
		}
	}
}

static bool is_silent(const float *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (samples[i] != 0)
			return false;
	return true;
}

/* One send channel in each period: searching all of all channels at once would take too long. */
static void match(struct track *track, unsigned c, uint64_t frame, const float *samples)
{
	struct channel *channel = &track->channels[c];

	if (is_silent(samples, track->live.session.period))
		return;
	if (find_lag(track, channel, frame, samples, &channel->lag)) {
		track->live.matched |= UINT64_C(1) << c;
		track->live.foreign &= ~(UINT64_C(1) << c);
		track->live.source[c] = (uint8_t)channel->source;
		track->last_lag = channel->lag;
		return;
	}
	track->live.foreign |= UINT64_C(1) << c;
	channel->source = (channel->source + 1) % (unsigned)track->live.session.send_audio;
}

static void take(struct track *track, uint64_t tick, const float *const *channels)
{
	unsigned n = (unsigned)track->live.session.return_audio;
	uint64_t frame = tick * period_of(track);

	track->tries = TRIES;
	track->searches = SEARCHES;
	track->lags_seen = 0;
	track->other_seen = false;
	for (unsigned i = 0; i < n; i++) {
		unsigned c = (track->first_channel + i) % n;

		if (track->channels[c].lag == NO_LAG)
			match(track, c, frame, channels[c]);
		if (track->live.measuring && track->channels[c].lag != NO_LAG)
			compare(track, &track->channels[c], frame, channels[c]);
	}
	track->first_channel = n > 0 ? (track->first_channel + 1) % n : 0;
	track->live.other_lags += track->other_seen;
}

static void publish(struct track *track)
{
	if (pthread_mutex_trylock(&track->lock) != 0)
		return;
	track->published = track->live;
	pthread_mutex_unlock(&track->lock);
}

static void measure_receive(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
	struct track *track = audio;
	bool usable = verdict == VERDICT_OK && track->live.session.send_audio > 0;

	(void)sent;
	if (track->live.measuring) {
		track->live.periods++;
		track->live.verdicts[verdict]++;
	}
	if (usable)
		take(track, tick, channels);
	if (!track->live.measuring && track->live.matched) {
		if (track->warm_up == 0)
			track->live.measuring = true;
		else
			track->warm_up--;
	}
	publish(track);
}

static void measure_send(void *audio, uint64_t tick, float *const *channels)
{
	const struct netjack_session *session = &((struct track *)audio)->live.session;
	uint64_t first = tick * session->period;

	for (unsigned c = 0; c < (unsigned)session->send_audio; c++)
		for (uint32_t i = 0; i < session->period; i++)
			channels[c][i] = payload_sample(first + i, c);
}

/* --- sessions --- */

static void get_published(struct track *track, struct measure_report *ret)
{
	pthread_mutex_lock(&track->lock);
	*ret = track->published;
	pthread_mutex_unlock(&track->lock);
}

static void forget_oldest(struct measure *measure)
{
	struct measure_report *sum = &measure->forgotten, old = { .open = true };
	unsigned i;

	for (i = 0; i < measure->n_tracks && old.open; i++)
		get_published(measure->tracks[i], &old);
	if (old.open)
		return;
	sum->serial++;
	sum->periods += old.periods;
	sum->exact += old.exact;
	sum->wrong += old.wrong;
	sum->silent += old.silent;
	i--;
	track_destroy(measure->tracks[i]);
	measure->n_tracks--;
	memmove(&measure->tracks[i], &measure->tracks[i + 1],
		(measure->n_tracks - i) * sizeof measure->tracks[0]);
}

static void track_init(struct track *track, const struct netjack_session *session, uint64_t warm_up)
{
	pthread_mutex_init(&track->lock, NULL);
	track->live.session = *session;
	track->live.open = true;
	track->warm_up = warm_up;
	track->last_lag = NO_LAG;
	for (unsigned c = 0; c < NETJACK_CHANNELS_MAX; c++) {
		track->channels[c].lag = NO_LAG;
		if (session->send_audio > 0)
			track->channels[c].source = c % (unsigned)session->send_audio;
	}
}

static int measure_open(void *user, const struct netjack_session *session, void **ret_audio)
{
	struct measure *measure = user;
	struct track *track = calloc(1, sizeof *track);
	int ret = -EMFILE;

	if (!track)
		return -ENOMEM;
	track_init(track, session, measure->warm_up);
	pthread_mutex_lock(&measure->lock);
	if (measure->n_tracks == MEASURE_TRACKS)
		forget_oldest(measure);
	if (measure->n_tracks < MEASURE_TRACKS) {
		track->live.serial = ++measure->serial;
		track->published = track->live;
		measure->tracks[measure->n_tracks++] = track;
		ret = 0;
	}
	pthread_mutex_unlock(&measure->lock);
	if (ret < 0)
		track_destroy(track);
	else
		*ret_audio = track;
	return ret;
}

static void measure_close(void *audio)
{
	struct track *track = audio;

	pthread_mutex_lock(&track->lock);
	track->live.open = false;
	track->published = track->live;
	pthread_mutex_unlock(&track->lock);
}

const struct audio_ops measure_ops = {
	.open = measure_open,
	.send = measure_send,
	.receive = measure_receive,
	.close = measure_close,
};

/* --- reports --- */

static int by_periods(const void *a, const void *b)
{
	const struct measure_lag *x = a, *y = b;

	return x->periods < y->periods ? 1 : x->periods > y->periods ? -1 : 0;
}

unsigned measure_report(struct measure *measure, struct measure_report ret[MEASURE_TRACKS])
{
	pthread_mutex_lock(&measure->lock);
	unsigned n = measure->n_tracks;
	for (unsigned i = 0; i < n; i++) {
		get_published(measure->tracks[i], &ret[i]);
		qsort(ret[i].lags, MEASURE_LAGS, sizeof ret[i].lags[0], by_periods);
	}
	pthread_mutex_unlock(&measure->lock);
	return n;
}

void measure_forgotten(struct measure *measure, struct measure_report *ret)
{
	pthread_mutex_lock(&measure->lock);
	*ret = measure->forgotten;
	pthread_mutex_unlock(&measure->lock);
}
