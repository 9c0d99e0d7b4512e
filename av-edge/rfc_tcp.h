/* TCP allocations (RFC 6062): the handlers of Connect and ConnectionBind,
 * and what is said later than its request. */
#ifndef AV_EDGE_RFC_TCP_H
#define AV_EDGE_RFC_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "av-edge/rfc_ask.h"

void rfc_tcp_on_connect(struct rfc_ask *ask);
void rfc_tcp_on_bind(struct rfc_ask *ask);
/* Whose allocation does this message speak of? That of its connection, but
 * for ConnectionBind that of the connection it is to be bound to. */
struct alloc *rfc_tcp_subject(const struct rfc_ask *ask);

/* Is this a ConnectionBind, and to which connection? By its bytes alone. */
bool rfc_tcp_is_bind(const uint8_t *data, size_t len, uint32_t *connection);

/* The answer to a Connect: code 0 = the connection stands, under this id.
 * Its length, or EDGE_ETOOBIG. */
EDGE_MUST int rfc_tcp_write_connected(uint8_t room[static TURN_ANSWER_MAX],
	const struct turn_receipt *receipt, unsigned code,
	uint32_t connection);
/* ConnectionAttempt: this peer came. */
EDGE_MUST int rfc_tcp_write_attempt(uint8_t room[static TURN_ANSWER_MAX],
	uint32_t connection, const struct addr *peer);

#endif
