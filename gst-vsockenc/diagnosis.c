/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"

#include <hxfr/error.h>

#include <errno.h>

/* What went wrong, for a person: the sentence and the class of error it is. */
struct diagnosis {
	GQuark domain;
	gint code;
	char *text;
};

#define RESOURCE(ret, c)                                                                           \
	do {                                                                                       \
		(ret)->domain = GST_RESOURCE_ERROR;                                                \
		(ret)->code = GST_RESOURCE_ERROR_##c;                                              \
	} while (0)

/* "start the host" as it is done for this kind of address. */
static const char *advice_to_listen(const struct hxfr_endpoint *endpoint)
{
	switch (endpoint->transport) {
	case HXFR_TRANSPORT_UNIX:
		return "Is the host running and is this its socket? (helix-host-stub stream --listen unix:PATH)";
	case HXFR_TRANSPORT_TCP:
		return "Is the host listening there? Behind QEMU user networking the host is 10.0.2.2, port 15937 by default.";
	default:
		return "Is the host listening on this vsock port, and has this VM a vsock device (-device vhost-vsock-pci,guest-cid=3)? macOS hosts have no vsock: use tcp-host=10.0.2.2.";
	}
}

static void diagnose_connect(const struct link_failure *f, const struct hxfr_endpoint *endpoint,
	const char *where, struct diagnosis *ret)
{
	RESOURCE(ret, NOT_FOUND);
	switch (-f->error) {
	case ETIMEDOUT:
		ret->text = g_strdup_printf(
			"No answer from the encoder host at %s within connect-timeout. Is the address right, and does a firewall drop the connection?",
			where);
		break;
	case EACCES:
	case EPERM:
		RESOURCE(ret, OPEN_READ_WRITE);
		ret->text = g_strdup_printf(
			"Not allowed to connect to the encoder host at %s. Check mode and owner of the socket and of the folders above it.",
			where);
		break;
	case EHOSTUNREACH:
		ret->text = g_strdup_printf(
			"The encoder host's name in %s has no address, or there is no route to it. Check its spelling, and this machine's DNS and network.",
			where);
		break;
	default:
		ret->text = g_strdup_printf("Cannot reach the encoder host at %s: %s. %s", where,
			g_strerror(-f->error), advice_to_listen(endpoint));
	}
}

/* What the code of an ERROR message means for a user. */
static const char *advice_on_code(int32_t code)
{
	switch (code) {
	case HXFR_CODE_RESOURCE_NOT_FOUND:
		return "The host does not know the frame's virtio-gpu resource. Is it the host of this VM, with the right GPU?";
	case HXFR_CODE_RESOURCE_UNUSABLE:
	case HXFR_CODE_NO_SURFACE:
		return "The host's encoder cannot read the frame's memory. Try frames in system memory (videoconvert in front of vsockenc).";
	case HXFR_CODE_ENCODE_FAILED:
		return "The host's encoder failed. Look at the host's log, and check size and bitrate.";
	default:
		return "Look at the host's log.";
	}
}

static void diagnose(const struct link_failure *f, const struct hxfr_endpoint *endpoint,
	const char *where, struct diagnosis *ret)
{
	switch (f->reason) {
	case LINK_REASON_CONNECT:
		diagnose_connect(f, endpoint, where, ret);
		return;
	case LINK_REASON_CLOSED:
		RESOURCE(ret, READ);
		ret->text = g_strdup_printf(
			"The encoder host at %s closed the connection. Did it crash, restart or refuse this client? Look at its log.",
			where);
		return;
	case LINK_REASON_GARBAGE:
		RESOURCE(ret, READ);
		ret->text = g_strdup_printf(
			"What answers at %s does not speak HXFR correctly. Is this the encoder host's address?",
			where);
		return;
	case LINK_REASON_SILENT:
		RESOURCE(ret, BUSY);
		ret->text = g_strdup_printf(
			"The encoder host at %s is silent: no frame and no PONG within response-timeout. Is it an encoder host at all, is it hung or suspended? If it is only slow, raise response-timeout.",
			where);
		return;
	case LINK_REASON_SKIPS:
		RESOURCE(ret, SETTINGS);
		ret->text = g_strdup_printf(
			"The encoder host at %s is alive (it answers PING) but skips FRAME_REQUEST: it seems to serve SUBSCRIBE streams only and cannot encode frames of this VM. Use a host that answers FRAME_REQUEST; if it is only slow to start, raise response-timeout.",
			where);
		return;
	case LINK_REASON_STALLED:
		RESOURCE(ret, BUSY);
		ret->text = g_strdup_printf(
			"The encoder host at %s is alive (it answers PING) but stopped answering frames: nothing within %u times response-timeout. Does its encoder hang? If it is only slow, raise response-timeout.",
			where, LINK_OVERDUE_MAX);
		return;
	case LINK_REASON_REFUSED:
		ret->domain = GST_STREAM_ERROR;
		ret->code = GST_STREAM_ERROR_ENCODE;
		ret->text = g_strdup_printf("The encoder host at %s refused: %s (%d)%s%s. %s",
			where, hxfr_code_name(f->code), f->code, f->text[0] ? ": " : "", f->text,
			advice_on_code(f->code));
		return;
	case LINK_REASON_NO_IDS:
		RESOURCE(ret, SETTINGS);
		ret->text = g_strdup_printf(
			"The encoder host at %s cannot read this VM's virtio-gpu resources: %s (%d)%s%s. Frames go to it as pixels instead, which costs CPU. Is it the host of this VM, and has it access to its GPU (helix-host-stub stream --resources)? upload=false sends frames in system memory as pixels from the start.",
			where, hxfr_code_name(f->code), f->code, f->text[0] ? ": " : "", f->text);
		return;
	}
}

/* What happens now: the link goes on trying, tried long enough, or could have. */
static char *outlook(GstVsockEnc *self, const struct link_failure *failure, bool fatal)
{
	guint timeout;
	gboolean reconnect;

	GST_OBJECT_LOCK(self);
	reconnect = self->settings.reconnect;
	timeout = self->settings.reconnect_timeout;
	GST_OBJECT_UNLOCK(self);

	if (!fatal && failure->reason == LINK_REASON_NO_IDS)
		return g_strdup("");
	if (!fatal)
		return g_strdup_printf(
			" Trying again for up to %u ms (reconnect-timeout).", timeout);
	if (reconnect)
		return g_strdup_printf(
			" Gave up after reconnect-timeout (%u ms) without a frame.", timeout);
	if (failure->reason == LINK_REASON_CLOSED)
		return g_strdup(" reconnect=true survives a restart.");
	return g_strdup("");
}

void gst_vsockenc_report(GstVsockEnc *self, const struct link_failure *failure, bool fatal)
{
	const struct hxfr_endpoint *endpoint = link_endpoint(self->link);
	g_autofree char *next = outlook(self, failure, fatal), *text = NULL;
	char where[HXFR_ENDPOINT_MAX];
	struct diagnosis d = { 0 };

	hxfr_endpoint_format(endpoint, where, sizeof(where));
	diagnose(failure, endpoint, where, &d);
	text = g_strconcat(d.text, next, NULL);
	g_free(d.text);
	gst_element_message_full(GST_ELEMENT(self), fatal ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING,
		d.domain, d.code, g_utf8_make_valid(text, -1), /* the host's words are in it */
		failure->error < 0 ? g_strdup(g_strerror(-failure->error)) : NULL, __FILE__,
		GST_FUNCTION, __LINE__);
}
