/*
 * The front of the UDP ports: what is this datagram, whose is it, and who
 * handles it. One dialect per 5-tuple (docs/protocol/turn.md).
 */
#ifndef AV_EDGE_FRONT_UDP_H
#define AV_EDGE_FRONT_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "av-edge/shard.h"

enum front_kind {
	FRONT_CHANNEL,    /* ChannelData of RFC 8656 */
	FRONT_RFC,        /* STUN or TURN message */
	FRONT_MS_CONTROL, /* MS-TURN message, by its cookie attribute */
	FRONT_JUNK,
};

/* Pure: by shape alone. */
enum front_kind front_kind_of(const uint8_t *data, size_t len);
/* The listener is readable. Returns the number of datagrams. */
uint32_t front_udp_read(struct shard *s, struct shard_listener *l);

#endif
