/*
 * The front of the TCP ports: where frames begin and end, and who handles
 * them (docs/protocol/turn.md, docs/decisions/0054-tcp-clients.md).
 */
#ifndef AV_EDGE_FRONT_TCP_H
#define AV_EDGE_FRONT_TCP_H

#include <stddef.h>
#include <stdint.h>

struct tcp_conn;

/* These bytes came, or, with none, go on with what is there. May close the
 * connection, which lives until its stream ends. */
void front_tcp_read(struct tcp_conn *c, const uint8_t *data, size_t len);

#endif
