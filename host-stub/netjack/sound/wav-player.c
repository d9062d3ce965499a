/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav.h"

#include "fifo.h"
#include "wav-thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sndfile.h>
#include <string.h>
#include <unistd.h>

struct wav_player {
	char *path;
	bool loop;
	const struct log_sink *log;
};

/* One slave's reading of the file. */
struct reader {
	const struct wav_player *player;
	SNDFILE *file;
	unsigned n_file, n_send, n_copied; /* channels; n_copied: that are both */
	uint32_t period;
	bool at_end;
	struct fifo *fifo;
	struct wav_thread thread;
};

bool wav_is_available(void)
{
	return true;
}

/* Each slave reads it from its start; a pipe has none, and would be waited for. */
static bool is_seekable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is = fd < 0 || lseek(fd, 0, SEEK_CUR) >= 0;

	if (fd >= 0)
		close(fd);
	return is;
}

int wav_player_new(const char *path, bool loop, uint32_t rate, const struct log_sink *log,
	struct wav_player **ret)
{
	SF_INFO info = { 0 };

	if (!is_seekable(path)) {
		log_write(log, LOG_LEVEL_ERROR, "cannot play %s: it is no file", path);
		return -ESPIPE;
	}
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	if (!file) {
		log_write(log, LOG_LEVEL_ERROR, "cannot play %s: %s", path, sf_strerror(NULL));
		return -EINVAL;
	}
	sf_close(file);
	if ((uint32_t)info.samplerate != rate) {
		log_write(log, LOG_LEVEL_ERROR,
			"cannot play %s: it has %d Hz, the network %u; convert it (sox %s -r %u "
			"out.wav), or say --rate %d",
			path, info.samplerate, rate, path, rate, info.samplerate);
		return -ERANGE;
	}
	if (info.channels > (int)NETJACK_CHANNELS_MAX) {
		log_write(log, LOG_LEVEL_ERROR, "cannot play %s: it has %d channels, more than %u",
			path, info.channels, NETJACK_CHANNELS_MAX);
		return -ERANGE;
	}
	struct wav_player *player = g_new0(struct wav_player, 1);
	player->path = g_strdup(path);
	player->loop = loop;
	player->log = log;
	*ret = player;
	return 0;
}

void wav_player_destroy(struct wav_player *player)
{
	if (!player)
		return;
	g_free(player->path);
	g_free(player);
}

/* --- the thread of the file --- */

static void fill(struct reader *reader, float *samples)
{
	sf_count_t wanted = (sf_count_t)reader->period, got = 0;
	bool rewound = false;

	while (got < wanted) {
		sf_count_t n =
			sf_readf_float(reader->file, samples + got * reader->n_file, wanted - got);

		if (n > 0) {
			got += n;
			rewound = false;
			continue;
		}
		/* Twice in vain: an empty file, or a broken one. */
		if (!reader->player->loop || rewound || sf_seek(reader->file, 0, SEEK_SET) < 0)
			break;
		rewound = true;
	}
	memset(samples + got * reader->n_file, 0,
		(size_t)(wanted - got) * reader->n_file * sizeof(float));
	reader->at_end = got < wanted;
}

static void read_ahead(void *user)
{
	struct reader *reader = user;
	struct fifo_period *period;

	while (!reader->at_end && (period = fifo_next_free(reader->fifo))) {
		fill(reader, period->samples);
		fifo_written(reader->fifo);
	}
}

/* --- the process thread --- */

static void player_send(void *audio, uint64_t tick, float *const *channels)
{
	struct reader *reader = audio;
	struct fifo_period *period = fifo_next_full(reader->fifo);

	for (unsigned c = 0; c < reader->n_send; c++)
		if (!period || c >= reader->n_copied)
			memset(channels[c], 0, reader->period * sizeof(float));
	if (!period)
		return;
	for (unsigned c = 0; c < reader->n_copied; c++) {
		unsigned from = reader->n_file == 1 ? 0 : c;

		for (uint32_t i = 0; i < reader->period; i++)
			channels[c][i] = period->samples[i * reader->n_file + from];
	}
	fifo_read(reader->fifo);
}

/* --- sessions --- */

static void reader_destroy(struct reader *reader)
{
	fifo_destroy(reader->fifo);
	if (reader->file)
		sf_close(reader->file);
	g_free(reader);
}

static int player_open(void *user, const struct netjack_session *session, void **ret_audio)
{
	const struct wav_player *player = user;
	struct reader *reader = g_new0(struct reader, 1);
	SF_INFO info = { 0 };

	reader->player = player;
	reader->period = session->period;
	reader->file = sf_open(player->path, SFM_READ, &info);
	reader->n_file = (unsigned)info.channels;
	reader->n_send = (unsigned)session->send_audio;
	reader->n_copied =
		reader->n_file == 1 ? reader->n_send : MIN(reader->n_file, reader->n_send);
	int r = reader->file ? fifo_new(session->rate / session->period + 2,
				       (size_t)reader->n_file * session->period, &reader->fifo)
			     : -EINVAL;
	if (r == 0) {
		read_ahead(reader);
		r = wav_thread_start(&reader->thread, read_ahead, reader);
	}
	if (r < 0) {
		log_write(player->log, LOG_LEVEL_ERROR, "cannot play %s: %s", player->path,
			reader->file ? strerror(-r) : sf_strerror(NULL));
		reader_destroy(reader);
		return r;
	}
	*ret_audio = reader;
	return 0;
}

static void player_close(void *audio)
{
	struct reader *reader = audio;

	wav_thread_stop(&reader->thread);
	reader_destroy(reader);
}

static void player_receive(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
}

const struct audio_ops wav_player_ops = {
	.open = player_open,
	.send = player_send,
	.receive = player_receive,
	.close = player_close,
};
