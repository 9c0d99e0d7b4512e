/* A call between two user agents: INVITE, 200, ACK, BYE (RFC 3261, 12-15). */
#ifndef EDGECTL_PROBE_DIALOG_H
#define EDGECTL_PROBE_DIALOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe_sip.h"

/* One end's view of the dialog. */
struct probe_dialog {
	struct probe_sip *sip; /* borrowed */
	char call_id[128];
	char local[640];  /* From of what we send, with tag */
	char remote[640]; /* To of what we send */
	char target[640]; /* the peer's Contact URI */
	char **routes;    /* owned */
	size_t route_count;
	uint32_t cseq;
	struct probe_sip_ask ask;      /* of the INVITE under way */
	struct probe_sip_msg incoming; /* owned: the INVITE that came */
};

void probe_dialog_init(struct probe_dialog *d, struct probe_sip *sip);
void probe_dialog_fini(struct probe_dialog *d);

/* Caller: send INVITE (sdp is borrowed until accepted). */
EDGE_MUST int probe_dialog_invite(struct probe_dialog *d,
	const char *callee_aor, const char *sdp, struct why *why);
/* Callee: wait for it while `caller` is waited upon too, so that a refusal
 * there ends the wait. *sdp is the offer, borrowed from the dialog. */
EDGE_MUST int probe_dialog_wait(struct probe_dialog *d,
	struct probe_dialog *caller, struct str *sdp, struct why *why);
/* Callee: 180, then 200 with the answer. */
EDGE_MUST int probe_dialog_accept(struct probe_dialog *d, const char *sdp,
	struct why *why);
/* Caller: take the 200, send ACK. *reply holds the answer's body. */
EDGE_MUST int probe_dialog_established(struct probe_dialog *d,
	struct probe_sip_msg *reply, struct why *why);
/* Callee: the ACK has come. */
EDGE_MUST int probe_dialog_wait_ack(struct probe_dialog *d, struct why *why);
/* Either: BYE, answered 200; the other end must have seen it. */
EDGE_MUST int probe_dialog_bye(struct probe_dialog *d,
	const struct probe_dialog *other, struct why *why);

#endif
