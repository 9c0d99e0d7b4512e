/*
 * RFC 6062: a peer's connection and the client's connection for its data,
 * joined by ConnectionBind. Until then the peer is not read, and for so
 * long it may wait. Bytes pass as they are; whoever is not heard is not
 * read. Belongs to the shard of the allocation.
 */
#ifndef AV_EDGE_DATA_CONN_H
#define AV_EDGE_DATA_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "av-edge/peer_conn.h"
#include "av-edge/turn.h"

struct data_conn;
struct relay_tcp;
struct shard;
struct tcp_conn;

extern const struct peer_conn_user data_conn_user;

/* Connect (5.2); the receipt's answer goes to the allocation's client when
 * it is known. -EEXIST, EDGE_EBUSY, others: it failed at once. */
EDGE_MUST int data_conn_connect(struct relay_tcp *t, const struct addr *peer,
	const struct turn_receipt *receipt);
/* The allocation of a connection that waits to be bound; NULL: no such. */
struct alloc *data_conn_owner(const struct shard *s, uint32_t id);
/* Where it would be known. */
unsigned data_conn_shard_of(uint32_t id);
/* ConnectionBind (5.4): c carries its data from now on. Behind its answer. */
void data_conn_bind(struct shard *s, uint32_t id, struct tcp_conn *c);

/* From its client's connection: bytes, room for more, the last word, the
 * end. */
void data_conn_from_client(struct data_conn *d, const uint8_t *data,
	size_t len);
void data_conn_go_on(struct data_conn *d);
void data_conn_client_eof(struct data_conn *d);
void data_conn_client_gone(struct data_conn *d);

#endif
