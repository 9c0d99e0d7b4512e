/*
 * SIP digest authentication, the client's part (RFC 3261 section 22, RFC
 * 7616 with MD5 and SHA-256). Pure.
 */
#ifndef EDGECTL_PROBE_DIGEST_H
#define EDGECTL_PROBE_DIGEST_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct probe_digest {
	struct str challenge; /* value of WWW- or Proxy-Authenticate */
	const char *user;
	const char *password;
	const char *method;
	const char *uri;
	const char *cnonce;
};

/* The value of the answering header, on the heap; the caller frees.
 * EDGE_EUNKNOWN: another scheme or algorithm than ours; EDGE_EMALFORMED. */
EDGE_MUST int probe_digest_answer(const struct probe_digest *d, char **out);

#endif
