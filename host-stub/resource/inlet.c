/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inlet.h"

#include "seqpacket.h"

#include <errno.h>
#include <unistd.h>

static int check_fds(const struct resource_packet *packet, const struct seqpacket *parcel)
{
	unsigned n = packet->type == RESOURCE_MEMORY ? packet->memory.n_regions : 0;

	return parcel->n_fds == n ? 0 : -EBADMSG;
}

int inlet_receive(int fd, struct resource_packet *ret, struct regions **ret_regions)
{
	struct resource_packet packet;
	struct seqpacket parcel;
	struct regions *regions = NULL;

	int r = seqpacket_receive(fd, &parcel);
	if (r < 0)
		return r;
	r = resource_packet_decode(parcel.data, parcel.size, &packet);
	if (r == 0)
		r = check_fds(&packet, &parcel);
	if (r < 0) {
		while (parcel.n_fds > 0)
			close(parcel.fds[--parcel.n_fds]);
		return r;
	}
	if (packet.type == RESOURCE_MEMORY)
		r = regions_new(parcel.fds, parcel.n_fds, &regions);
	if (r < 0)
		return r;
	*ret = packet;
	*ret_regions = regions;
	return 0;
}

int inlet_send_sync(int fd, uint32_t cookie)
{
	const struct resource_packet packet = { .type = RESOURCE_SYNC,
		.sync = { .cookie = cookie } };
	uint8_t data[RESOURCE_PACKET_MAX];

	return seqpacket_send(fd, data, resource_packet_encode(&packet, data), NULL, 0);
}
