/*
 * [MS-AVEDGEA] from the client's side: the request for relay credentials
 * and the answer to it (docs/protocol/av-auth.md). Pure.
 */
#ifndef EDGECTL_PROBE_MRAS_H
#define EDGECTL_PROBE_MRAS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define PROBE_MRAS_TYPE "application/msrtc-media-relay-auth+xml"

struct probe_mras_request {
	const char *id;
	const char *to;       /* the mrasUri */
	const char *from;     /* SIP URI of the user */
	const char *location; /* "internet" or "intranet" */
	unsigned minutes;
};

/* On the heap, NULL when out of memory; the caller frees. */
char *probe_mras_body(const struct probe_mras_request *request);

/* The first credential and the first relay of the wanted location. */
struct probe_mras {
	char reason[64]; /* reasonPhrase */
	char user[128];
	char password[128];
	char host[256]; /* name or address */
	uint16_t udp_port;
	unsigned minutes;
};

/* EDGE_EMALFORMED; EDGE_EREFUSED when the reason is not OK (it is filled
 * in); EDGE_EUNKNOWN when no relay of that location takes UDP. */
EDGE_MUST int probe_mras_parse(struct probe_mras *out, struct str xml,
	const char *location, struct why *why);

#endif
