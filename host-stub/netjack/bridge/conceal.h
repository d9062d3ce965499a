/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is heard where a period is lost: the last samples played backwards while they fade to silence,
 * and a fade-in when data is back. Nothing is played twice in the same direction, no step is larger
 * than those of the signal and of the fades. Data that follows data passes unchanged. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#define CONCEAL_FADE_US 1500u /* of either fade; a shorter period is the fade */

struct conceal;

/* Starts silent: the first data fades in. -ENOMEM. */
int conceal_new(unsigned n_channels, uint32_t rate, uint32_t period, struct conceal **ret);
/* NULL is fine. */
void conceal_destroy(struct conceal *conceal);

/* One period of n_channels, in place: data, or (lost) anything, which is overwritten. Does not
 * block or allocate. */
void conceal_run(struct conceal *conceal, bool lost, float *const *channels);
/* Is nothing but silence coming out? */
bool conceal_is_silent(const struct conceal *conceal);
