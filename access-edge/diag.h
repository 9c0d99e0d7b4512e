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
	DIAG_HANDSHAKE = 1000,
	DIAG_NO_PUBLIC_IM = 1001,
	DIAG_NO_FEDERATION = 1002,
	DIAG_NO_USER = 1003,
	DIAG_ROUTE_SET = 1004,
	DIAG_NO_ROUTE = 1005,
	DIAG_CLIENT_CONNECTION = 1006,
	DIAG_NO_ROUTE_NOW = 1007,
	DIAG_NO_SRV = 1008,
	DIAG_SRV_MISMATCH = 1009,
	DIAG_NO_TRUST = 1010,
	DIAG_PREVIOUS_SILENT = 1011,
	DIAG_NO_OUTSIDE = 1012,
	DIAG_CLOCK = 1013,
	DIAG_NO_ADDRESS = 1014,
	DIAG_FOREIGN_SENDER = 1015,
	DIAG_DOMAIN_TYPE = 1016,
	DIAG_DOMAIN_PAIR = 1017,
	DIAG_UNREADABLE = 1018,
	DIAG_METHOD = 1027,
	DIAG_SRV_HOSTING = 1028,
	DIAG_SERVER_SILENT = 1033,
	DIAG_PARTNER_SILENT = 1034,
	DIAG_PUBLIC_SILENT = 1035,
	DIAG_SHARED_SILENT = 1036,
	DIAG_CONNECT = 1038,
	DIAG_TLS = 1039,
	DIAG_PARTNER_CONNECT = 1046,
	DIAG_PARTNER_TLS = 1047,
};

/* One row of the table. */
struct diag_row {
	enum diag_id id;
	unsigned status;   /* that goes with it; 0 = that of the answer */
	bool is_known; /* what it means is published, or a trace shows it;
	                * others are from memory. The words are ours where
	                * none are on record. */
	const char *text;
};
size_t diag_count(void);
const struct diag_row *diag_at(size_t i);

/* The reason text; "" for DIAG_NONE. */
const char *diag_text(enum diag_id id);
/* The status that goes with it, or 0. */
unsigned diag_status(enum diag_id id);

/* Further parameters: domain, fqdn1, tls-target, PeerServer ... */
#define DIAG_FACTS_LEN 320
struct diag_facts {
	char text[DIAG_FACTS_LEN]; /* ";name=\"value\"" ... */
};
/* One more; what does not fit is left out whole. Quotes are escaped, what
 * is no printable ASCII becomes '?'. */
void diag_fact(struct diag_facts *facts, const char *name,
	const char *value);

#define DIAG_VALUE_LEN 768

/* Value of ms-diagnostics (to inside: with facts and source) or of
 * ms-diagnostics-public (to clients: id and reason only). facts may be
 * NULL. Returns out. */
const char *diag_value(enum diag_id id, bool is_public, const char *source,
	const struct diag_facts *facts, char out[static DIAG_VALUE_LEN]);

#endif
