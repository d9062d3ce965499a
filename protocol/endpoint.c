/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/endpoint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS     "0123456789"
#define NAME_CHARS LETTERS DIGITS "-._"

static const struct {
	const char *name;
	uint32_t cid;
} cid_names[] = {
	{ "hypervisor", 0 },
	{ "local", 1 },
	{ "host", HXFR_VSOCK_CID_HOST },
	{ "any", UINT32_MAX },
};

/* strtoul() accepts "", " 1", "-1", "0x1" and "1junk"; an address must not. */
static int parse_number(const char *text, size_t size, uint32_t max, uint32_t *ret)
{
	uint64_t v = 0;

	if (size == 0 || strspn(text, DIGITS) < size || (size > 1 && text[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < size; i++) {
		v = v * 10 + (uint64_t)(text[i] - '0');
		if (v > max)
			return -ERANGE;
	}
	*ret = (uint32_t)v;
	return 0;
}

static int parse_cid(const char *text, size_t size, uint32_t *ret)
{
	for (size_t i = 0; i < sizeof(cid_names) / sizeof(cid_names[0]); i++) {
		if (strlen(cid_names[i].name) == size && !memcmp(cid_names[i].name, text, size)) {
			*ret = cid_names[i].cid;
			return 0;
		}
	}
	return parse_number(text, size, UINT32_MAX, ret);
}

static int parse_vsock(const char *text, struct hxfr_endpoint *e)
{
	const char *colon = strchr(text, ':');
	int r;

	if (!colon)
		return -EBADMSG;
	r = parse_cid(text, (size_t)(colon - text), &e->vsock.cid);
	if (r < 0)
		return r;
	return parse_number(colon + 1, strlen(colon + 1), UINT32_MAX, &e->vsock.port);
}

static int parse_unix(const char *text, struct hxfr_endpoint *e)
{
	size_t size = strlen(text);

	if (size == 0 || !strcmp(text, "@"))
		return -EBADMSG;
	if (size > HXFR_UNIX_PATH_MAX)
		return -EMSGSIZE;
	memcpy(e->unix_path, text, size + 1);
	return 0;
}

static bool is_ipv6(const char *host)
{
	size_t size = strcspn(host, "%");
	const char *scope = host + size;
	char address[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (size >= sizeof(address) || (*scope && scope[1 + strspn(scope + 1, NAME_CHARS)]))
		return false;
	memcpy(address, host, size);
	address[size] = '\0';
	return inet_pton(AF_INET6, address, &in6) == 1 && strcmp(scope, "%") != 0;
}

static bool is_name(const char *host)
{
	return host[0] && host[0] != '-' && !host[strspn(host, NAME_CHARS)];
}

static int parse_tcp(const char *text, struct hxfr_endpoint *e)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	uint32_t port;
	size_t size;
	int r;

	if (!colon || (bracketed && colon[-1] != ']'))
		return -EBADMSG;
	size = (size_t)(colon - text);
	if (bracketed) {
		text++;
		size -= 2;
	}
	if (size > HXFR_HOST_NAME_MAX)
		return -EMSGSIZE;
	memcpy(e->tcp.host, text, size);
	if (bracketed ? !is_ipv6(e->tcp.host) : !is_name(e->tcp.host))
		return -EBADMSG;
	r = parse_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port);
	if (r < 0)
		return r;
	e->tcp.port = (uint16_t)port;
	return 0;
}

static int format_vsock(const struct hxfr_endpoint *e, char *text, size_t size)
{
	if (e->vsock.cid == HXFR_VSOCK_CID_ANY)
		return snprintf(text, size, "vsock:any:%u", e->vsock.port);
	return snprintf(text, size, "vsock:%u:%u", e->vsock.cid, e->vsock.port);
}

static int format_unix(const struct hxfr_endpoint *e, char *text, size_t size)
{
	return snprintf(text, size, "unix:%s", e->unix_path);
}

static int format_tcp(const struct hxfr_endpoint *e, char *text, size_t size)
{
	bool ipv6 = strchr(e->tcp.host, ':');

	return snprintf(text, size, "tcp:%s%s%s:%u", ipv6 ? "[" : "", e->tcp.host, ipv6 ? "]" : "",
		e->tcp.port);
}

static const struct transport {
	const char *prefix;
	int (*parse)(const char *text, struct hxfr_endpoint *e);               /* e is zeroed */
	int (*format)(const struct hxfr_endpoint *e, char *text, size_t size); /* as snprintf() */
} transports[] = {
	[HXFR_TRANSPORT_VSOCK] = { "vsock:", parse_vsock, format_vsock },
	[HXFR_TRANSPORT_UNIX] = { "unix:", parse_unix, format_unix },
	[HXFR_TRANSPORT_TCP] = { "tcp:", parse_tcp, format_tcp },
};

#define N_TRANSPORTS (sizeof(transports) / sizeof(transports[0]))

int hxfr_endpoint_parse(const char *text, struct hxfr_endpoint *ret)
{
	struct hxfr_endpoint e;
	size_t n;
	int r;

	for (size_t i = 0; i < N_TRANSPORTS; i++) {
		n = strlen(transports[i].prefix);
		if (strncmp(text, transports[i].prefix, n) != 0)
			continue;
		memset(&e, 0, sizeof(e));
		e.transport = (enum hxfr_transport)i;
		r = transports[i].parse(text + n, &e);
		if (r == 0)
			*ret = e;
		return r;
	}
	return -EBADMSG;
}

int hxfr_endpoint_format(const struct hxfr_endpoint *endpoint, char *ret, size_t size)
{
	char text[HXFR_ENDPOINT_MAX];
	int n;

	n = transports[endpoint->transport].format(endpoint, text, sizeof(text));
	if (n < 0 || (size_t)n >= size)
		return -ENOSPC;
	memcpy(ret, text, (size_t)n + 1);
	return 0;
}
