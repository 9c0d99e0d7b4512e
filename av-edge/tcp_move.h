/*
 * A client's connection changes its shard: ConnectionBind comes to whatever
 * thread its connection was dealt to, the peer's connection is with the one
 * that has the allocation. The descriptor is handed over, with TLS and what
 * was read already (docs/decisions/0056-connections-move.md).
 */
#ifndef AV_EDGE_TCP_MOVE_H
#define AV_EDGE_TCP_MOVE_H

#include <stdbool.h>

struct tcp_conn;

/* To this shard, soon; until then it is not read. False: it stays, and what
 * it says is handled here. */
bool tcp_move(struct tcp_conn *c, unsigned shard);
/* It ends before it has gone. */
void tcp_move_forget(struct tcp_conn *c);

#endif
