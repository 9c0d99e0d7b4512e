/*
 * Where a message came from, as decisions see it: facts about one
 * connection, no connection. Which kind of peer it is, is decided here and
 * nowhere else.
 */
#ifndef ACCESS_EDGE_ORIGIN_H
#define ACCESS_EDGE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"

enum origin_role {
	ORIGIN_CLIENT,   /* external: a remote user */
	ORIGIN_PARTNER,  /* external: another organisation's edge, accepted
	                  * or dialled */
	ORIGIN_INTERNAL, /* a trusted server, accepted or dialled */
};

/* The listener, or the side we dialled to. */
enum origin_door {
	ORIGIN_DOOR_CLIENT,   /* asks for no certificate */
	ORIGIN_DOOR_PARTNER,  /* requires one */
	ORIGIN_DOOR_SHARED,   /* one port for both: asks for one */
	ORIGIN_DOOR_INTERNAL, /* requires one */
	ORIGIN_DOOR_COUNT,
};

/* The role of a peer that has shaken hands. On a shared port whoever shows a
 * good certificate is a partner, all others are clients. */
enum origin_role origin_role_of(enum origin_door door, bool has_certificate);
/* Before that: the role whose limits are the strictest of those it can
 * become. */
enum origin_role origin_role_before(enum origin_door door);

/* "client", "partner", "internal": for logs and the bus. */
const char *origin_role_name(enum origin_role role);
/* "external" or "internal". */
const char *origin_side_name(enum origin_role role);

#define ORIGIN_CID_LEN 17 /* 16 upper-case hex digits and NUL */

struct origin {
	enum origin_role role;
	uint64_t cid; /* never used twice, not even after a restart */
	char cid_text[ORIGIN_CID_LEN];
	struct addr local;
	struct addr remote;
	bool is_signed_in;  /* a 2xx to REGISTER, INVITE or SUBSCRIBE */
	unsigned requests;  /* taken so far */
	char peer_name[256]; /* certificate name; "" for clients */
};

#endif
