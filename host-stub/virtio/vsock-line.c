/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-line.h"

#include <errno.h>
#include <string.h>

#define WORD      "CONNECT "
#define WORD_SIZE (sizeof WORD - 1)

int vsock_line_parse(const char *line, size_t size, uint32_t *ret_port)
{
	uint64_t port = 0;

	if (size < WORD_SIZE + 2 || memcmp(line, WORD, WORD_SIZE) != 0 || line[size - 1] != '\n')
		return -EBADMSG;
	line += WORD_SIZE;
	size -= WORD_SIZE + 1;
	if (line[0] == '0' && size > 1)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++) {
		if (line[i] < '0' || line[i] > '9')
			return -EBADMSG;
		if (port <= UINT32_MAX)
			port = port * 10 + (uint64_t)(line[i] - '0');
	}
	if (port > UINT32_MAX)
		return -ERANGE;
	*ret_port = (uint32_t)port;
	return 0;
}
