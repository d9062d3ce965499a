/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sound files as audio, through libsndfile: WAV and whatever else it reads. A thread of its own does
 * the reading and writing, a second ahead or behind; the process thread touches no file.
 *
 * A recording and what is played line up: frame n of the recording is what came back when frame n was
 * sent, so that the way is to be seen in the file as delay. What did not come is silence in it.
 */

#include "../endpoint/audio.h"

#include "../../log.h"

/* Is libsndfile compiled in? If not, both _new() are -ENOTSUP. */
bool wav_is_available(void);

struct wav_player;

/* Plays the file to every slave from its first period on, its channel n to send channel n, a mono file
 * to all of them; silence behind the end unless `loop`. -EINVAL: no sound file; -ERANGE: its rate is
 * not `rate`, or it has more than NETJACK_CHANNELS_MAX channels; -ESPIPE: a pipe; -ENOENT, ...: said in
 * the log, which is borrowed. */
int wav_player_new(const char *path, bool loop, uint32_t rate, const struct log_sink *log,
	struct wav_player **ret);
/* Not before its audios are closed. NULL is fine. */
void wav_player_destroy(struct wav_player *player);
/* Its user is a struct wav_player; receives nothing. */
extern const struct audio_ops wav_player_ops;

enum wav_format {
	WAV_FLOAT,  /* 32 bits: the very bits that came */
	WAV_24_BIT, /* integers; beyond full scale it clips */
};
/* "float", "24". -EINVAL. */
int wav_format_parse(const char *text, enum wav_format *ret);

struct wav_recorder;

#define WAV_RECORDINGS_MAX 99u

/* Records the first session to the file (which is replaced), further ones (another slave, or the same
 * one again) to FILE-2.wav, FILE-3.wav and so on, up to WAV_RECORDINGS_MAX. Written as WAV, as RF64
 * beyond 4 GiB. Errors as above. */
int wav_recorder_new(const char *path, enum wav_format format, const struct log_sink *log,
	struct wav_recorder **ret);
/* Not before its audios are closed. NULL is fine. */
void wav_recorder_destroy(struct wav_recorder *recorder);
/* Periods that found no place, because the disk was too slow or could not be written, in all
 * recordings. */
uint64_t wav_recorder_dropped(struct wav_recorder *recorder);
/* Its user is a struct wav_recorder; sends nothing. */
extern const struct audio_ops wav_recorder_ops;

/* The path of recording `n`, from 1: "out.wav", "out-2.wav". The caller frees it. */
char *wav_recording_path(const char *path, unsigned n);
