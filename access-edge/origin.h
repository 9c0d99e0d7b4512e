/*
 * Where a message came from, as decisions see it: facts about one
 * connection, no connection.
 */
#ifndef ACCESS_EDGE_ORIGIN_H
#define ACCESS_EDGE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"

enum origin_role {
	ORIGIN_CLIENT,   /* external listener: a remote user */
	ORIGIN_INTERNAL, /* a trusted server, accepted or dialled */
};

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
