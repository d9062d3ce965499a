/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav.h"

#include <errno.h>

/* Where libsndfile is not. */

bool wav_is_available(void)
{
	return false;
}

int wav_player_new(const char *path, bool loop, uint32_t rate, const struct log_sink *log,
	struct wav_player **ret)
{
	log_write(log, LOG_LEVEL_ERROR, "%s: built without libsndfile", path);
	return -ENOTSUP;
}

void wav_player_destroy(struct wav_player *player)
{
}

int wav_recorder_new(const char *path, enum wav_format format, const struct log_sink *log,
	struct wav_recorder **ret)
{
	log_write(log, LOG_LEVEL_ERROR, "%s: built without libsndfile", path);
	return -ENOTSUP;
}

void wav_recorder_destroy(struct wav_recorder *recorder)
{
}

uint64_t wav_recorder_dropped(struct wav_recorder *recorder)
{
	return 0;
}

const struct audio_ops wav_player_ops;
const struct audio_ops wav_recorder_ops;
