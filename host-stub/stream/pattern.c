/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pattern.h"

#include "picture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BITS           (PATTERN_COLUMNS * PATTERN_ROWS)
#define BITS_SIZE      (BITS / 8u)
#define CELL_UNIT      16u /* pixels: a macroblock, and the smallest cell */
#define LUMA_THRESHOLD 126u
#define GLYPH_WIDTH    5u
#define GLYPH_HEIGHT   7u
#define GLYPH_ADVANCE  6u
#define BAR_SPEED_NS   4000000 /* the bars move a pixel in that time, at 640 pixels of width */
#define TEXT_SIZE      48u

struct colour {
	uint8_t r, g, b;
};

struct ink {
	uint8_t bytes[4]; /* a pixel of a packed format; NV12: Y, Cb, Cr */
};

struct layout {
	uint32_t cell, x, y; /* pixels */
};

static const struct colour black = { 0, 0, 0 };
static const struct colour white = { 255, 255, 255 };
static const struct colour bars[] = {
	{ 192, 192, 192 },
	{ 192, 192, 0 },
	{ 0, 192, 192 },
	{ 0, 192, 0 },
	{ 192, 0, 192 },
	{ 192, 0, 0 },
	{ 0, 0, 192 },
	{ 32, 48, 72 },
};

#define N_BARS (sizeof bars / sizeof bars[0])

/* Rows of five bits, top to bottom. */
static const struct {
	char character;
	uint8_t rows[GLYPH_HEIGHT];
} glyphs[] = {
	{ '0', { 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e } },
	{ '1', { 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e } },
	{ '2', { 0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f } },
	{ '3', { 0x1f, 0x02, 0x04, 0x06, 0x01, 0x11, 0x0e } },
	{ '4', { 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 } },
	{ '5', { 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e } },
	{ '6', { 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e } },
	{ '7', { 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 } },
	{ '8', { 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e } },
	{ '9', { 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c } },
	{ '.', { 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c } },
	{ '-', { 0x00, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00 } },
	{ 'i', { 0x04, 0x00, 0x0c, 0x04, 0x04, 0x04, 0x0e } },
	{ 'd', { 0x01, 0x01, 0x0d, 0x13, 0x11, 0x11, 0x0f } },
	{ 't', { 0x08, 0x08, 0x1c, 0x08, 0x08, 0x09, 0x06 } },
	{ 's', { 0x00, 0x00, 0x0e, 0x10, 0x0e, 0x01, 0x1e } },
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Encoders of 4:2:0 round odd sides up, so a reader may see one pixel more than was drawn. */
static int find_layout(uint32_t width, uint32_t height, struct layout *ret)
{
	uint32_t w = (width + 1) / 2 * 2;
	uint32_t h = (height + 1) / 2 * 2;
	uint32_t cell = min_u32(w / (PATTERN_COLUMNS + 4), h / (PATTERN_ROWS + 7));

	cell = cell < CELL_UNIT ? CELL_UNIT : cell / CELL_UNIT * CELL_UNIT;
	if (width < PATTERN_COLUMNS * cell || height < PATTERN_ROWS * cell)
		return -ERANGE;
	uint32_t x = (w - PATTERN_COLUMNS * cell) / 2;
	uint32_t y = (h - PATTERN_ROWS * cell) / 4 * 3;
	*ret = (struct layout){
		.cell = cell,
		.x = x / CELL_UNIT * CELL_UNIT,
		.y = y / CELL_UNIT * CELL_UNIT,
	};
	return 0;
}

static uint32_t fnv1a(const uint8_t *data, size_t size)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 16777619u;
	return hash;
}

static void put_be(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void pack(const struct pattern_code *code, uint8_t ret[BITS_SIZE])
{
	put_be(ret, code->id, 4);
	put_be(ret + 4, (uint64_t)code->pts, 8);
	put_be(ret + 12, fnv1a(ret, 12), 4);
}

static int unpack(const uint8_t bits[BITS_SIZE], struct pattern_code *ret)
{
	if (get_be(bits + 12, 4) != fnv1a(bits, 12))
		return -EBADMSG;
	ret->id = (uint32_t)get_be(bits, 4);
	ret->pts = (int64_t)get_be(bits + 4, 8);
	return 0;
}

/* Limited range; the coefficients of ITU-R BT.709 and BT.601 times 256. */
static struct ink ink_yuv(struct colour c, bool bt709)
{
	int kr = bt709 ? 54 : 77, kb = bt709 ? 18 : 29;
	int y = (kr * c.r + (256 - kr - kb) * c.g + kb * c.b) / 256;
	int cb = 128 + (c.b - y) * 112 * 256 / (255 * (256 - kb));
	int cr = 128 + (c.r - y) * 112 * 256 / (255 * (256 - kr));
	return (struct ink){ { (uint8_t)(16 + y * 219 / 255), (uint8_t)cb, (uint8_t)cr, 0 } };
}

static struct ink make_ink(const struct pattern_canvas *canvas, struct colour c)
{
	switch (canvas->format) {
	case HXFR_FORMAT_NV12:
		return ink_yuv(c, picture_is_bt709(canvas->height));
	case HXFR_FORMAT_AB24:
		return (struct ink){ { c.r, c.g, c.b, 255 } };
	default:
		return (struct ink){ { c.b, c.g, c.r, 255 } };
	}
}

static void fill_span(uint8_t *row, const uint8_t *unit, size_t unit_size, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(row + i * unit_size, unit, unit_size);
}

static void fill_plane(uint8_t *first, uint32_t stride, const uint8_t *unit, size_t unit_size,
	uint32_t w, uint32_t h)
{
	if (w == 0 || h == 0)
		return;
	fill_span(first, unit, unit_size, w);
	for (uint32_t y = 1; y < h; y++)
		memcpy(first + (size_t)y * stride, first, w * unit_size);
}

/* Clipped to the canvas. For NV12 x, y, w and h should be even, or a neighbour's chroma is
 * touched. */
static void fill(const struct pattern_canvas *canvas, uint32_t x, uint32_t y, uint32_t w,
	uint32_t h, struct colour colour)
{
	struct ink ink = make_ink(canvas, colour);

	if (x >= canvas->width || y >= canvas->height)
		return;
	w = min_u32(w, canvas->width - x);
	h = min_u32(h, canvas->height - y);
	if (canvas->format != HXFR_FORMAT_NV12) {
		uint8_t *first = canvas->pixels + (size_t)y * canvas->stride + (size_t)x * 4;
		fill_plane(first, canvas->stride, ink.bytes, 4, w, h);
		return;
	}
	uint8_t *luma = canvas->pixels + (size_t)y * canvas->stride + x;
	uint8_t *chroma =
		canvas->pixels + (size_t)(canvas->height + y / 2) * canvas->stride + x / 2 * 2;
	fill_plane(luma, canvas->stride, ink.bytes, 1, w, h);
	fill_plane(chroma, canvas->stride, ink.bytes + 1, 2, (w + 1) / 2, (h + 1) / 2);
}

static void replicate(uint8_t *first, uint32_t stride, size_t row_size, uint32_t rows)
{
	for (uint32_t y = 1; y < rows; y++)
		memcpy(first + (size_t)y * stride, first, row_size);
}

/* Two rows are drawn (NV12 has one of chroma for two of luma), the others are copies. */
static void draw_bars(const struct pattern_canvas *canvas, int64_t pts)
{
	uint32_t bar = (canvas->width / N_BARS + 1) / 2 * 2 + 2;
	uint64_t period = (uint64_t)bar * N_BARS;
	uint64_t pixels = (uint64_t)pts / BAR_SPEED_NS * (canvas->width / 640 + 1);
	uint64_t shift = pixels % period / 2 * 2;
	size_t row_size = picture_row_size(canvas->width, canvas->format);

	for (uint32_t x = 0; x < canvas->width;) {
		uint64_t at = (x + shift) % period;
		uint32_t w = bar - (uint32_t)(at % bar);
		fill(canvas, x, 0, w, 2, bars[at / bar]);
		x += w;
	}
	replicate(canvas->pixels, canvas->stride, row_size, canvas->height);
	if (canvas->format == HXFR_FORMAT_NV12)
		replicate(canvas->pixels + (size_t)canvas->height * canvas->stride, canvas->stride,
			row_size, (canvas->height + 1) / 2);
}

static const uint8_t *find_glyph(char character)
{
	for (size_t i = 0; i < sizeof glyphs / sizeof glyphs[0]; i++)
		if (glyphs[i].character == character)
			return glyphs[i].rows;
	return NULL;
}

static void draw_glyph(const struct pattern_canvas *canvas, const uint8_t *rows, uint32_t x,
	uint32_t y, uint32_t scale)
{
	for (uint32_t row = 0; row < GLYPH_HEIGHT; row++)
		for (uint32_t column = 0; column < GLYPH_WIDTH; column++)
			if (rows[row] >> (GLYPH_WIDTH - 1 - column) & 1)
				fill(canvas, x + column * scale, y + row * scale, scale, scale,
					white);
}

static void draw_text(const struct pattern_canvas *canvas, const struct layout *layout,
	const struct pattern_code *code)
{
	char text[TEXT_SIZE];
	uint32_t scale = layout->cell / 8 / 2 * 2;

	int64_t ms = code->pts / 1000000;
	snprintf(text, sizeof text, "id %" PRIu32 " t %s%" PRIu64 ".%03u s", code->id,
		ms < 0 ? "-" : "", (uint64_t)(ms < 0 ? -ms : ms) / 1000,
		(unsigned)((ms < 0 ? -ms : ms) % 1000));
	uint32_t w = (uint32_t)strlen(text) * GLYPH_ADVANCE * scale;
	uint32_t h = (GLYPH_HEIGHT + 2) * scale;
	uint32_t x = canvas->width > w ? (canvas->width - w) / 4 * 2 : 0;
	uint32_t y = layout->y > h ? (layout->y - h) / 4 * 2 : 0;
	fill(canvas, x > 2 * scale ? x - 2 * scale : 0, y, w + 3 * scale, h, black);
	for (const char *c = text; *c; c++, x += GLYPH_ADVANCE * scale) {
		const uint8_t *rows = find_glyph(*c);
		if (rows)
			draw_glyph(canvas, rows, x, y + scale, scale);
	}
}

static void draw_grid(const struct pattern_canvas *canvas, const struct layout *layout,
	const struct pattern_code *code)
{
	uint8_t bits[BITS_SIZE];

	pack(code, bits);
	for (uint32_t i = 0; i < BITS; i++) {
		uint32_t x = layout->x + i % PATTERN_COLUMNS * layout->cell;
		uint32_t y = layout->y + i / PATTERN_COLUMNS * layout->cell;
		bool bit = bits[i / 8] >> (7 - i % 8) & 1;
		fill(canvas, x, y, layout->cell, layout->cell, bit ? white : black);
	}
}

void pattern_draw(const struct pattern_canvas *canvas, const struct pattern_code *code)
{
	struct layout layout;

	draw_bars(canvas, code->pts);
	if (find_layout(canvas->width, canvas->height, &layout) < 0)
		return;
	draw_text(canvas, &layout, code);
	draw_grid(canvas, &layout, code);
}

/* The inner half of the cell: its edges belong to the codec. */
static bool read_cell(const uint8_t *luma, size_t stride, uint32_t cell)
{
	uint64_t sum = 0;

	for (uint32_t y = cell / 4; y < cell - cell / 4; y++)
		for (uint32_t x = cell / 4; x < cell - cell / 4; x++)
			sum += luma[y * stride + x];
	return sum > (uint64_t)LUMA_THRESHOLD * (cell - cell / 4 * 2) * (cell - cell / 4 * 2);
}

int pattern_read(const uint8_t *luma, size_t stride, uint32_t width, uint32_t height,
	struct pattern_code *ret)
{
	struct layout layout;
	uint8_t bits[BITS_SIZE] = { 0 };

	int r = find_layout(width, height, &layout);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < BITS; i++) {
		uint32_t x = layout.x + i % PATTERN_COLUMNS * layout.cell;
		uint32_t y = layout.y + i / PATTERN_COLUMNS * layout.cell;
		if (read_cell(luma + y * stride + x, stride, layout.cell))
			bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	return unpack(bits, ret);
}
