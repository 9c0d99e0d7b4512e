/*
 * Sending requests on: to the connection of a client, to a next hop, to one
 * server by name.
 */
#ifndef ACCESS_EDGE_SEND_H
#define ACCESS_EDGE_SEND_H

#include <stddef.h>

#include "access-edge/edge.h"
#include "access-edge/route.h"
#include "common/sip/sip_msg.h"

/* Where a request goes, as it was decided. */
struct passage {
	struct route to;
	struct federate_plan plan; /* from or to another organisation */
	uint64_t loop_hash;
	uint8_t key[DIGEST_SHA256_LEN]; /* of the request as it came */
	bool is_in_dialog; /* of a partner: it has shown that */
};

/* text is taken. The transaction goes on, or is failed. */
void send_request(struct edge *edge, struct txn *txn,
	const struct sip_msg *m, const struct passage *way, char *text,
	size_t len);
/* ACK and BENOTIFY: sent and forgotten. text is taken. */
void send_stray(struct edge *edge, const struct sip_msg *m,
	const struct passage *way, char *text, size_t len);
/* Free requests that wait without a transaction. */
void send_free_strays(struct edge *edge);

#endif
