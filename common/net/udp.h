/*
 * Datagram sockets for the relay: batches in and out, local address kept,
 * GRO and GSO where the kernel has them. Opening binds to the device of the
 * address (threat S19). Batches are plain arrays owned by the caller, so
 * that nothing is allocated per packet.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"

struct udp_spec {
	struct addr address;
	bool bind_device;
	bool reuse_port;
	int buffer_bytes; /* asked of the kernel both ways, 0 = default */
	bool gro;
};

/* A bound nonblocking socket, or a negative code (-EADDRINUSE ...). */
EDGE_MUST int udp_open(const struct udp_spec *spec, struct why *why);

#endif
