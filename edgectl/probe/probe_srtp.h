/*
 * One end of an SRTP audio stream (libsrtp2, AES-128, HMAC-SHA1-80): a tone
 * in µ-law, 20 ms a packet, with the sender's clock at the head of each
 * payload. Knows no socket.
 */
#ifndef EDGECTL_PROBE_SRTP_H
#define EDGECTL_PROBE_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe_sdp.h"
#include "edgectl/probe/rtp_stats.h"

#define PROBE_SRTP_PERIOD_MS 20
#define PROBE_SRTP_ROOM      256

struct probe_srtp;

/* The library, once around everything else here. */
EDGE_MUST int probe_srtp_open(struct why *why);
void probe_srtp_close(void);

/* Keys: ours for what we send, the peer's for what comes. */
EDGE_MUST int probe_srtp_new(struct probe_srtp **out,
	const uint8_t local_key[PROBE_SRTP_KEY_LEN],
	const uint8_t remote_key[PROBE_SRTP_KEY_LEN], struct why *why);
void probe_srtp_free(struct probe_srtp *s); /* accepts NULL */

/* The next packet into room; returns its length or a negative code. */
EDGE_MUST int probe_srtp_next(struct probe_srtp *s,
	uint8_t room[static PROBE_SRTP_ROOM]);
/* A packet that came. EDGE_EFORGED, EDGE_EMALFORMED; both are counted. */
int probe_srtp_take(struct probe_srtp *s, const uint8_t *data, size_t len);

uint32_t probe_srtp_sent(const struct probe_srtp *s);
uint32_t probe_srtp_refused(const struct probe_srtp *s);
/* Packets whose sound was not the tone that was sent. */
uint32_t probe_srtp_garbled(const struct probe_srtp *s);
const struct rtp_stats *probe_srtp_stats(const struct probe_srtp *s);

#endif
