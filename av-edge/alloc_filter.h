/*
 * Which allocations somebody asks for: by user, side, address, port. Pure.
 */
#ifndef AV_EDGE_ALLOC_FILTER_H
#define AV_EDGE_ALLOC_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cred/av_key.h"
#include "common/store/topology.h"
#include "av-edge/alloc.h"

/* One name is another client id under each pool key, with and without its
 * scheme, and as a name of a web application. */
#define ALLOC_FILTER_USERS (2 * AV_KEYS_MAX + 1)

struct alloc_filter {
	uint8_t users[ALLOC_FILTER_USERS][AV_CRED_CLIENT_ID_LEN];
	size_t user_count; /* 0 = any */
	bool has_side;
	enum topology_side side;
	struct addr address; /* the client's or the relayed one; unset = any,
			      * port 0 = any */
	uint16_t port;       /* of either; 0 = any */
};

/* The 40 hex digits that lists show, or a name: "sip:alice@example.com". */
void alloc_filter_user(struct alloc_filter *f, struct str user,
	const struct av_key_ring *ring);
/* "external", "internal". EDGE_EMALFORMED */
EDGE_MUST int alloc_filter_side(struct alloc_filter *f, struct str side);
EDGE_MUST int alloc_filter_address(struct alloc_filter *f, struct str text);
EDGE_MUST int alloc_filter_port(struct alloc_filter *f, struct str text);

bool alloc_filter_takes(const struct alloc_filter *f, const struct alloc *a);

#endif
