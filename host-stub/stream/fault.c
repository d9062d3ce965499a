/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault.h"

#include <errno.h>
#include <hxfr/error.h>
#include <string.h>

#define DIGITS_MAX 18u /* fits an int64_t */

const struct fault_rule fault_rules[FAULT_KINDS] = {
	[FAULT_DELAY] = { "delay", FAULT_VALUE_REQUIRED, FAULT_FRAMES_ALL, 0, FAULT_DELAY_MAX_MS, 0,
		"answer MS milliseconds after the request came; any number in flight", "delay=MS" },
	[FAULT_SERIAL_DELAY] = { "serial-delay", FAULT_VALUE_REQUIRED, FAULT_FRAMES_ALL, 0,
		FAULT_DELAY_MAX_MS, 0, "one engine that takes MS milliseconds for a frame",
		"serial-delay=MS" },
	[FAULT_DROP] = { "drop", FAULT_VALUE_OPTIONAL, FAULT_FRAMES_ALL, 1, INT32_MAX, 1,
		"do not answer every Nth frame (drop: any frame; drop@F: frame F)", "drop[=N]" },
	[FAULT_ERROR] = { "error", FAULT_VALUE_OPTIONAL, FAULT_FRAMES_ALL, INT32_MIN, INT32_MAX,
		HXFR_CODE_ENCODE_FAILED, "answer ERROR (default -5)", "error[=CODE]" },
	[FAULT_ERROR_NO_NUL] = { "error-no-nul", FAULT_VALUE_NONE, FAULT_FRAMES_ALL, 0, 0, 0,
		"answer ERROR with a text that has no NUL", "error-no-nul" },
	[FAULT_GARBAGE] = { "garbage", FAULT_VALUE_NONE, FAULT_FRAMES_FIRST, 0, 0, 0,
		"answer bytes that are no message, and go on", "garbage" },
	[FAULT_HALF] = { "half", FAULT_VALUE_NONE, FAULT_FRAMES_FIRST, 0, 0, 0,
		"send half of the answer, then nothing ever", "half" },
	[FAULT_TRUNCATE] = { "truncate", FAULT_VALUE_NONE, FAULT_FRAMES_FIRST, 0, 0, 0,
		"send half of the answer, then close", "truncate" },
	[FAULT_HANG] = { "hang", FAULT_VALUE_NONE, FAULT_FRAMES_FROM, 0, 0, 0,
		"answer nothing from that frame on, not even PING", "hang" },
	[FAULT_CLOSE] = { "close", FAULT_VALUE_NONE, FAULT_FRAMES_FIRST, 0, 0, 0,
		"close behind the answer to that frame", "close" },
	[FAULT_REFUSE] = { "refuse", FAULT_VALUE_OPTIONAL, FAULT_FRAMES_NONE, 1, INT32_MAX,
		INT32_MAX, "close the first N connections at once (refuse: all of them)",
		"refuse[=N]" },
	[FAULT_MUTE_REQUESTS] = { "mute-requests", FAULT_VALUE_NONE, FAULT_FRAMES_NONE, 0, 0, 0,
		"skip FRAME_REQUEST, answer everything else", "mute-requests" },
	[FAULT_NO_PONG] = { "no-pong", FAULT_VALUE_NONE, FAULT_FRAMES_NONE, 0, 0, 0,
		"do not answer PING", "no-pong" },
	[FAULT_HUGE_NAL] = { "huge-nal", FAULT_VALUE_NONE, FAULT_FRAMES_ALL, 0, 0, 0,
		"say a blob of 0xfffffff0 bytes", "huge-nal" },
	[FAULT_HUGE_COUNT] = { "huge-count", FAULT_VALUE_NONE, FAULT_FRAMES_ALL, 0, 0, 0,
		"say a nal_count of 0xffffffff", "huge-count" },
	[FAULT_HUGE_PAYLOAD] = { "huge-payload", FAULT_VALUE_NONE, FAULT_FRAMES_ALL, 0, 0, 0,
		"say a payload_size of 0xfffffff0", "huge-payload" },
	[FAULT_NO_NALS] = { "no-nals", FAULT_VALUE_NONE, FAULT_FRAMES_ALL, 0, 0, 0,
		"answer with a nal_count of 0", "no-nals" },
	[FAULT_WRONG_PTS] = { "wrong-pts", FAULT_VALUE_OPTIONAL, FAULT_FRAMES_ALL, INT32_MIN,
		INT32_MAX, 1000003, "answer with a pts that is off by NS nanoseconds",
		"wrong-pts[=NS]" },
	[FAULT_STATIC] = { "static", FAULT_VALUE_NONE, FAULT_FRAMES_FROM, 0, 0, 0,
		"scanouts do not change any more from that frame of a subscription on", "static" },
	[FAULT_CONNECTION] = { "connection", FAULT_VALUE_REQUIRED, FAULT_FRAMES_NONE, 1, INT32_MAX,
		0, "the other rules of this SPEC are for connection K only", "connection=K" },
};

struct token {
	const char *text;
	size_t size;
};

static bool is_name(const struct token *token, const char *name)
{
	return token->size == strlen(name) && memcmp(token->text, name, token->size) == 0;
}

static int find_kind(const struct token *token, enum fault_kind *ret)
{
	for (size_t i = 0; i < FAULT_KINDS; i++) {
		if (!is_name(token, fault_rules[i].name))
			continue;
		*ret = (enum fault_kind)i;
		return 0;
	}
	return -EINVAL;
}

static int parse_number(const struct token *token, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = token->size > 0 && token->text[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t v = 0;

	if (i == token->size || token->size - i > DIGITS_MAX)
		return -EINVAL;
	for (; i < token->size; i++) {
		if (token->text[i] < '0' || token->text[i] > '9')
			return -EINVAL;
		v = v * 10 + (token->text[i] - '0');
	}
	v = negative ? -v : v;
	if (v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Cuts what stands behind the first `mark` off *token into *ret_tail; its text is NULL when there
 * is no mark. */
static void cut(struct token *token, char mark, struct token *ret_tail)
{
	const char *at = memchr(token->text, mark, token->size);

	*ret_tail = (struct token){ 0 };
	if (!at)
		return;
	size_t size = (size_t)(at - token->text);
	*ret_tail = (struct token){ at + 1, token->size - size - 1 };
	token->size = size;
}

static int parse_value(
	const struct fault_rule *rule, const struct token *token, struct fault_item *item)
{
	if (token->text && rule->value == FAULT_VALUE_NONE)
		return -EINVAL;
	if (!token->text && rule->value == FAULT_VALUE_REQUIRED)
		return -EINVAL;
	item->value = rule->value_default;
	return token->text ? parse_number(token, rule->value_min, rule->value_max, &item->value)
			   : 0;
}

static int parse_item(struct token token, struct fault_item *ret)
{
	struct token frame, value;
	struct fault_item item = { 0 };
	int64_t n = 0;

	cut(&token, '@', &frame);
	cut(&token, '=', &value);
	int r = find_kind(&token, &item.kind);
	if (r < 0)
		return r;
	const struct fault_rule *rule = &fault_rules[item.kind];
	r = parse_value(rule, &value, &item);
	if (r < 0)
		return r;
	if (frame.text && rule->frames == FAULT_FRAMES_NONE)
		return -EINVAL;
	if (frame.text && (r = parse_number(&frame, 1, INT64_MAX, &n)) < 0)
		return r;
	item.frame = (uint64_t)n;
	*ret = item;
	return 0;
}

int fault_parse(const char *spec, struct fault *fault, const char **ret_error)
{
	struct fault parsed = *fault;

	for (const char *at = spec;; at++) {
		struct token token = { at, strcspn(at, ",") };
		int r = parsed.n_items == FAULT_RULES_MAX ? -ENOSPC : 0;
		if (r == 0)
			r = parse_item(token, &parsed.items[parsed.n_items]);
		if (r < 0) {
			if (ret_error)
				*ret_error = at;
			return r;
		}
		parsed.n_items++;
		at += token.size;
		if (!*at)
			break;
	}
	*fault = parsed;
	return 0;
}

int fault_select(const struct fault *spec, uint64_t n, struct fault *ret)
{
	struct fault selected = *ret;

	for (unsigned i = 0; i < spec->n_items; i++)
		if (spec->items[i].kind == FAULT_CONNECTION && (uint64_t)spec->items[i].value != n)
			return 0;
	for (unsigned i = 0; i < spec->n_items; i++) {
		if (selected.n_items == FAULT_RULES_MAX)
			return -ENOSPC;
		selected.items[selected.n_items++] = spec->items[i];
	}
	*ret = selected;
	return 0;
}

static bool hits(const struct fault_item *item, uint64_t n)
{
	switch (fault_rules[item->kind].frames) {
	case FAULT_FRAMES_FIRST:
		return n == (item->frame ? item->frame : 1);
	case FAULT_FRAMES_FROM:
		return n >= item->frame;
	default:
		return item->frame == 0 || n == item->frame;
	}
}

const struct fault_item *fault_hit(const struct fault *fault, enum fault_kind kind, uint64_t n)
{
	for (unsigned i = 0; i < fault->n_items; i++) {
		const struct fault_item *item = &fault->items[i];
		if (item->kind != kind || !hits(item, n))
			continue;
		/* drop=3: every third frame. */
		if (kind == FAULT_DROP && item->frame == 0 && n % (uint64_t)item->value != 0)
			continue;
		return item;
	}
	return NULL;
}

bool fault_has(const struct fault *fault, enum fault_kind kind)
{
	for (unsigned i = 0; i < fault->n_items; i++)
		if (fault->items[i].kind == kind)
			return true;
	return false;
}
