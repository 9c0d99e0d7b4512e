/* Relay sockets: one port on the external address, and nothing else. */
#ifndef AV_EDGE_RELAY_SOCKET_H
#define AV_EDGE_RELAY_SOCKET_H

#include <stdint.h>

#include "common/base/attr.h"
#include "av-edge/rules.h"

/* A nonblocking socket on media's address and this port, bound to the
 * device that the rules looked up (threat S19). fd, or a negative code. */
EDGE_MUST int relay_socket_open(const struct rules_media *media,
	uint16_t port);
/* The same for TCP. It does not listen yet: who connects is refused. Sockets
 * that connect from this port (SO_REUSEPORT) may be bound to it from now
 * on, those of other users and other ports of this daemon not. */
EDGE_MUST int relay_socket_open_tcp(const struct rules_media *media,
	uint16_t port);

#endif
