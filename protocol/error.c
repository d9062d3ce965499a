/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/error.h>

#include <stddef.h>

static const struct {
	enum hxfr_code code;
	const char *name;
} codes[] = {
	{ HXFR_CODE_OK, "ok" },
	{ HXFR_CODE_INVALID_MESSAGE, "invalid message" },
	{ HXFR_CODE_RESOURCE_NOT_FOUND, "resource not found" },
	{ HXFR_CODE_RESOURCE_UNUSABLE, "resource not usable by the encoder" },
	{ HXFR_CODE_NO_SURFACE, "no shareable surface" },
	{ HXFR_CODE_ENCODE_FAILED, "encode failed" },
	{ HXFR_CODE_NOT_CONFIGURED, "not configured" },
	{ HXFR_CODE_INTERNAL, "internal error" },
};

const char *hxfr_code_name(int32_t code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code == code)
			return codes[i].name;
	}
	return "unknown error";
}
