/*
 * Diagnostics headers: ids and texts of the SIP stack's range (1000-1999)
 * in one table (docs/protocol/access-edge.md, "Diagnostics").
 */
#ifndef ACCESS_EDGE_DIAG_H
#define ACCESS_EDGE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

enum diag_id {
	DIAG_NONE = 0,
	DIAG_NO_OUTSIDE = 1012,
	DIAG_NO_USER = 1003,
	DIAG_ROUTE_SET = 1004,
	DIAG_NO_ROUTE = 1005,
	DIAG_CLIENT_CONNECTION = 1006,
	DIAG_NO_ROUTE_NOW = 1007,
	DIAG_NO_TRUST = 1010,
	DIAG_NO_ADDRESS = 1014,
	DIAG_FOREIGN_SENDER = 1015,
	DIAG_UNREADABLE = 1018,
	DIAG_CONNECT = 1038,
	DIAG_TLS = 1039,
};

/* The reason text; "" for DIAG_NONE. */
const char *diag_text(enum diag_id id);

#define DIAG_VALUE_LEN 512

/* Value of ms-diagnostics (to inside: with source, and with peer unless it
 * is NULL) or ms-diagnostics-public (to clients: id and reason only). */
const char *diag_value(enum diag_id id, bool is_public, const char *source,
	const char *peer, char out[static DIAG_VALUE_LEN]);

#endif
