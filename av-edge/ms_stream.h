/*
 * Data of an [MS-TURN] client over TCP: from its frames into the byte
 * streams of its peers, and back (docs/protocol/ms-turn.md). Whoever is not
 * heard is not read: the client while a peer's queue is full, the peers
 * while the client's is.
 */
#ifndef AV_EDGE_MS_STREAM_H
#define AV_EDGE_MS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/str.h"
#include "av-edge/alloc.h"
#include "av-edge/peer_conn.h"

struct relay_tcp;
struct shard;

extern const struct peer_conn_user ms_stream_user;

/* The DATA of a Send whose peer is permitted. */
void ms_stream_send(struct shard *s, struct alloc *a, const struct addr *peer,
	struct str payload);
/* A data frame, for the active destination. */
void ms_stream_data(struct shard *s, struct alloc *a, const struct addr *peer,
	const uint8_t *data, size_t len);
/* Its client takes more again. */
void ms_stream_go_on(struct relay_tcp *t);

#endif
