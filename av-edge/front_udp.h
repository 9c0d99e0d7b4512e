/*
 * The front of the UDP ports: what is this datagram (demux_udp), whose is
 * it, and who handles it.
 */
#ifndef AV_EDGE_FRONT_UDP_H
#define AV_EDGE_FRONT_UDP_H

#include <stdint.h>

#include "av-edge/shard.h"

/* The listener is readable. Returns the number of datagrams. */
uint32_t front_udp_read(struct shard *s, struct shard_listener *l);

#endif
