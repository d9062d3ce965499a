/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The input is text. What parses must format, and parse back to the same endpoint and the same
 * text. */

#include "fuzz-target.h"

#include <hxfr/endpoint.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_same(const struct hxfr_endpoint *a, const struct hxfr_endpoint *b)
{
	if (a->transport != b->transport)
		return false;
	switch (a->transport) {
	case HXFR_TRANSPORT_VSOCK:
		return a->vsock.cid == b->vsock.cid && a->vsock.port == b->vsock.port;
	case HXFR_TRANSPORT_UNIX:
		return !strcmp(a->unix_path, b->unix_path);
	case HXFR_TRANSPORT_TCP:
		return !strcmp(a->tcp.host, b->tcp.host) && a->tcp.port == b->tcp.port;
	}
	return false;
}

static void check_round_trip(const struct hxfr_endpoint *first)
{
	char text[HXFR_ENDPOINT_MAX], second_text[HXFR_ENDPOINT_MAX];
	struct hxfr_endpoint second;

	PROMISE(hxfr_endpoint_format(first, text, sizeof(text)) == 0);
	PROMISE(hxfr_endpoint_parse(text, &second) == 0);
	PROMISE(is_same(first, &second));
	PROMISE(hxfr_endpoint_format(&second, second_text, sizeof(second_text)) == 0);
	PROMISE(!strcmp(text, second_text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct hxfr_endpoint e;
	int r;

	PROMISE(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	r = hxfr_endpoint_parse(text, &e);
	PROMISE(r == 0 || r == -EBADMSG || r == -EMSGSIZE || r == -ERANGE);
	if (r == 0)
		check_round_trip(&e);
	free(text);
	return 0;
}
