/*
 * What the network says about datagrams that a client had us send: ICMP
 * errors on their way to the client (RFC 8656 11.5, 18.13), and datagrams
 * that must not be broken up (18.9).
 */
#ifndef AV_EDGE_RELAY_ICMP_H
#define AV_EDGE_RELAY_ICMP_H

#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "av-edge/shard.h"

/* An ICMP error as the client is told; 0 = not one that is passed on. The
 * value of the attribute's second and third word. */
struct relay_icmp {
	uint8_t type;
	uint8_t code;
	uint32_t data; /* MTU of the next hop, or 0 */
};

/* Is this one of those that are passed on (11.5)? family 4 or 6. */
bool relay_icmp_is_told(uint8_t family, const struct relay_icmp *icmp);
/* The attribute's value. */
void relay_icmp_value(const struct relay_icmp *icmp, uint8_t out[static 8]);

/* Errors of this relay socket are kept to be read from now on. */
void relay_icmp_watch(const struct alloc *a);
/* Its socket said that something is wrong, or has nothing to read. refused:
 * whom our own host would not send to, or NULL. */
void relay_icmp_read(struct shard *s, struct alloc *a,
	const struct addr *refused);
/* With the DF bit, or not at all. -EMSGSIZE and others: it was not sent. */
EDGE_MUST int relay_icmp_send_whole(const struct alloc *a,
	const struct addr *peer, struct str payload);

#endif
