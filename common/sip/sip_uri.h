/*
 * A SIP URI as slices (RFC 3261 section 19.1). Split and checked by
 * sofia-sip's url parser.
 */
#ifndef SIP_URI_H
#define SIP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct sip_uri {
	struct str text;   /* whole, as written */
	struct str scheme; /* "sip", "sips", "tel" ... */
	struct str user;   /* "" = none; needless escapes removed */
	struct str host;   /* "" = none; IPv6 with its brackets */
	uint16_t port;     /* 0 = none written */
	struct str params; /* "transport=tls;lr" */
	struct str headers; /* behind '?' */
};

/* room is the caller's and lives as long as *out; text.n + 1 bytes are
 * needed in it. EDGE_EMALFORMED, EDGE_ETOOBIG. */
EDGE_MUST int sip_uri_parse(struct str text, char *room, size_t cap,
	struct sip_uri *out);

bool sip_uri_is_sip(const struct sip_uri *uri); /* sip or sips */
bool sip_uri_has_param(const struct sip_uri *uri, const char *name);
bool sip_uri_param(const struct sip_uri *uri, const char *name,
	struct str *value);
/* The port that counts: written, or 5061 for sips and transport=tls, or
 * 5060. */
uint16_t sip_uri_port(const struct sip_uri *uri);

#endif
