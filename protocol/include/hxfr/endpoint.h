/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses as text. Parsing and formatting only: names are not looked up here (hxfr/socket.h
 * does).
 *
 *   vsock:CID:PORT   CID a number, or "hypervisor" (0), "local" (1), "host" (2), "any" (0xffffffff,
 *                    to listen on); formatted as a number
 *   unix:/path       absolute or relative path of at most 107 bytes; "unix:@name" is an abstract
 *                    socket
 *   tcp:HOST:PORT    HOST an IPv4 address, an IPv6 address in brackets (with %scope if need be), or
 *                    a name of at most 253 bytes
 *
 * Numbers are plain decimal: no sign, no blank, no 0x, no leading zero, nothing behind them. Ports:
 * TCP 1 to 65535 (0 to listen on a port of the kernel's choice), vsock 0 to 0xffffffff.
 */

#include <stddef.h>
#include <stdint.h>

#define HXFR_UNIX_PATH_MAX 107u                       /* sun_path less its NUL, unix(7) */
#define HXFR_HOST_NAME_MAX 253u                       /* RFC 1035 2.3.4 as text */
#define HXFR_ENDPOINT_MAX  (HXFR_HOST_NAME_MAX + 16u) /* longest text, NUL included */

#define HXFR_VSOCK_CID_ANY  0xffffffffu /* VMADDR_CID_ANY: to listen on */
#define HXFR_VSOCK_CID_HOST 2u          /* VMADDR_CID_HOST, <linux/vm_sockets.h> */
#define HXFR_VSOCK_PORT     5000u       /* documented port of HXFR on vsock */
#define HXFR_TCP_PORT       15937u      /* port of field hosts on TCP */

enum hxfr_transport {
	HXFR_TRANSPORT_VSOCK,
	HXFR_TRANSPORT_UNIX,
	HXFR_TRANSPORT_TCP,
};

struct hxfr_endpoint {
	enum hxfr_transport transport;
	union {
		struct {
			uint32_t cid, port;
		} vsock;
		char unix_path[HXFR_UNIX_PATH_MAX + 1]; /* "@name" for an abstract one */
		struct {
			char host[HXFR_HOST_NAME_MAX + 1]; /* without brackets */
			uint16_t port;
		} tcp;
	};
};

/* 0; -EBADMSG for text that is no endpoint; -EMSGSIZE for a path or name that is too long; -ERANGE
 * for a number that is. text is NUL-terminated. */
int hxfr_endpoint_parse(const char *text, struct hxfr_endpoint *ret);
/* The text that parses back to the same endpoint. -ENOSPC (HXFR_ENDPOINT_MAX always suffices). */
int hxfr_endpoint_format(const struct hxfr_endpoint *endpoint, char *ret, size_t size);
