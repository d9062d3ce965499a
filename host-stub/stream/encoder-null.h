/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The encoder that encodes nothing: a valid H.264 stream of the right size, profile and colour
 * whose pictures are grey, and in every access unit an SEI (user_data_unregistered) that spells the
 * frame as ASCII:
 *
 *   helix-null id=7 size=640x480 format=NV12 pts=33333333 key=1 n=2 hash=0123456789abcdef
 *
 * n counts the frames of this encoder from 0. hash is picture_hash() of the pixels, 0 for pictures
 * that were not looked at. An IDR costs a byte for each macroblock, other frames some twenty bytes.
 */

#define ENCODER_NULL_UUID      "helix-null-h264!" /* 16 bytes in front of the text */
#define ENCODER_NULL_UUID_SIZE 16u
#define ENCODER_NULL_TEXT_SIZE 192u
