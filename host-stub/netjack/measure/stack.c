/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pile {
	const struct stack *stack;
	unsigned n_send;
	uint32_t period;
	void *audios[STACK_MAX];
};

static void stack_close(void *audio)
{
	struct pile *pile = audio;

	for (unsigned i = 0; i < pile->stack->n; i++)
		if (pile->audios[i])
			pile->stack->parts[i].ops->close(pile->audios[i]);
	free(pile);
}

static int stack_open(void *user, const struct netjack_session *session, void **ret_audio)
{
	const struct stack *stack = user;
	struct pile *pile = calloc(1, sizeof *pile);

	if (!pile)
		return -ENOMEM;
	pile->stack = stack;
	pile->n_send = (unsigned)session->send_audio;
	pile->period = session->period;
	for (unsigned i = 0; i < stack->n; i++) {
		const struct stack_part *part = &stack->parts[i];

		int r = part->ops->open(part->user, session, &pile->audios[i]);
		if (r < 0) {
			stack_close(pile);
			return r;
		}
	}
	*ret_audio = pile;
	return 0;
}

static void stack_send(void *audio, uint64_t tick, float *const *channels)
{
	struct pile *pile = audio;
	unsigned player = pile->stack->player;

	if (player < pile->stack->n && pile->audios[player]) {
		pile->stack->parts[player].ops->send(pile->audios[player], tick, channels);
		return;
	}
	for (unsigned c = 0; c < pile->n_send; c++)
		memset(channels[c], 0, pile->period * sizeof(float));
}

static void stack_receive(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
	struct pile *pile = audio;

	for (unsigned i = 0; i < pile->stack->n; i++)
		if (pile->audios[i])
			pile->stack->parts[i].ops->receive(
				pile->audios[i], tick, sent, verdict, channels);
}

const struct audio_ops stack_ops = {
	.open = stack_open,
	.send = stack_send,
	.receive = stack_receive,
	.close = stack_close,
};
