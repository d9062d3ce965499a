/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The 128 bytes by which a monitor says what it can (VESA E-EDID 1.4, release A revision 2): a
 * digital one of 96 dpi with one preferred timing, reduced blanking (VESA CVT 1.2), and those of
 * 640x480, 800x600 and 1024x768 at 60 Hz that fit into it.
 */

#include <stdint.h>

#define EDID_SIZE     128u
#define EDID_SIDE_MAX 4095u /* pixels: 12 bits of a detailed timing descriptor */
#define EDID_HZ_MAX   1000u

struct edid_mode {
	uint32_t width, height; /* pixels */
	uint32_t refresh_hz;
};

/* number: of the monitor, from 1; its serial number and part of its name. -ERANGE: a mode that a
 * detailed timing descriptor cannot say: sides, blanking, or a pixel clock that is not from 1
 * to 655.35 MHz. */
int edid_make(const struct edid_mode *mode, unsigned number, uint8_t ret[EDID_SIZE]);
