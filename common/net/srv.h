/*
 * SRV answers as they come over the wire, with their TTL, and the order in
 * which their targets are to be tried (RFC 2782). No sockets.
 */
#ifndef NET_SRV_H
#define NET_SRV_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/net/resolve.h"

#define SRV_ROWS_MAX 32

/* Rows of a whole DNS message, at most cap of them, in the order they came;
 * rows whose target is no host name are left out. 0 rows with 0 returned:
 * there is none, or the service is declined (target "."). *count is set on
 * success. EDGE_EMALFORMED. */
EDGE_MUST int srv_parse(const uint8_t *message, size_t len,
	struct resolve_srv *rows, size_t cap, size_t *count);

/* By priority, within one priority at random by weight. */
void srv_sort(struct resolve_srv *rows, size_t count);

#endif
