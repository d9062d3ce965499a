/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "payload.h"

#include <errno.h>
#include <string.h>

#define CHANNELS   64u /* a power of two, NETJACK_CHANNELS_MAX */
#define FULL_SCALE 8388608.0f
#define SEED       UINT64_C(0x68656c69785f6e6a)

/* The finalizer of MurmurHash3: every bit of the place reaches every bit of the sample. */
static int32_t integer_at(uint64_t frame, unsigned channel)
{
	uint64_t h = frame * CHANNELS + channel + SEED;

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return (int32_t)(h >> 40) - (1 << 23);
}

float payload_sample(uint64_t frame, unsigned channel)
{
	return (float)integer_at(frame, channel) / FULL_SCALE;
}

int payload_is(float sample, uint64_t frame, unsigned channel)
{
	float expected = payload_sample(frame, channel);
	uint32_t bits, expected_bits;

	memcpy(&bits, &sample, sizeof bits);
	memcpy(&expected_bits, &expected, sizeof expected_bits);
	return bits == expected_bits;
}

int payload_find(
	float sample, float next, uint64_t last, uint64_t n, unsigned channel, uint64_t *ret_frame)
{
	float scaled = sample * FULL_SCALE;

	if (!(scaled >= -FULL_SCALE && scaled < FULL_SCALE) || scaled != (float)(int32_t)scaled)
		return -ENOENT;
	int32_t wanted = (int32_t)scaled;
	for (uint64_t i = 0; i < n && i <= last; i++)
		if (integer_at(last - i, channel) == wanted &&
			payload_is(sample, last - i, channel) &&
			payload_is(next, last - i + 1, channel)) {
			*ret_frame = last - i;
			return 0;
		}
	return -ENOENT;
}
