/*
 * The session description of a synthetic call: one audio stream, one relay
 * candidate (RFC 8839), SRTP keys in the signalling (RFC 4568). Pure.
 */
#ifndef EDGECTL_PROBE_SDP_H
#define EDGECTL_PROBE_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define PROBE_SRTP_KEY_LEN 30 /* AES-128 key and salt */
#define PROBE_ICE_LEN      40

struct probe_sdp {
	struct addr relay;     /* where our relay takes packets for us */
	struct addr reflexive; /* how the relay sees us */
	char ufrag[PROBE_ICE_LEN];
	char pwd[PROBE_ICE_LEN];
	uint8_t srtp_key[PROBE_SRTP_KEY_LEN];
	bool has_key;
};

/* Fresh ICE credentials and SRTP key. */
void probe_sdp_init(struct probe_sdp *sdp, const struct addr *relay,
	const struct addr *reflexive);
/* On the heap, NULL when out of memory; the caller frees. */
char *probe_sdp_print(const struct probe_sdp *sdp);
/* EDGE_EMALFORMED; what is missing is in why. */
EDGE_MUST int probe_sdp_parse(struct probe_sdp *out, struct str text,
	struct why *why);

#endif
