/* One end of the synthetic call with everything it has open. */
#ifndef EDGECTL_CALL_PARTY_H
#define EDGECTL_CALL_PARTY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/call/test_plan.h"
#include "edgectl/probe/probe_account.h"
#include "edgectl/probe/probe_dialog.h"
#include "edgectl/probe/probe_ice.h"
#include "edgectl/probe/probe_sdp.h"
#include "edgectl/probe/probe_srtp.h"
#include "edgectl/probe/probe_turn.h"

struct party {
	const char *label; /* "outside" */
	const char *server_label;
	const struct test_plan *plan;
	const struct test_end *end;
	struct probe *probe;
	struct probe_sip *sip; /* owned */
	struct probe_account account;
	bool is_registered;
	struct probe_mras mras;
	struct probe_turn *turn; /* owned */
	bool is_allocated;
	struct probe_dialog dialog;
	struct probe_sdp local_sdp;
	struct probe_sdp remote_sdp;
	struct probe_ice ice;
	bool is_checking;
	struct probe_srtp *srtp; /* owned */
	uint32_t denied;         /* data from somebody else than the peer */
};

EDGE_MUST int party_connect(struct party *p, struct why *why);
EDGE_MUST int party_register(struct party *p, struct why *why);
EDGE_MUST int party_credentials(struct party *p, struct why *why);
EDGE_MUST int party_allocate(struct party *p, struct why *why);
/* Session description with our relay address; the caller frees *text. */
EDGE_MUST int party_describe(struct party *p, char **text, struct why *why);
/* The peer's description has come. */
EDGE_MUST int party_take_description(struct party *p, struct str text,
	struct why *why);
/* Permission for the peer's relay, and the checks may begin. */
EDGE_MUST int party_permit(struct party *p, bool is_controlling,
	struct why *why);
/* Send our check (again) while it is not answered. */
void party_check(struct party *p);
bool party_is_checked(const struct party *p);
/* Channel to the peer, SRTP keys. */
EDGE_MUST int party_open_media(struct party *p, struct why *why);
/* One packet of sound. */
void party_send_sound(struct party *p);
/* Keep allocation and channel for a long call. */
EDGE_MUST int party_keep(struct party *p, struct why *why);
/* Give back what we have: allocation, registration. */
EDGE_MUST int party_release(struct party *p, struct why *why);
void party_fini(struct party *p);

#endif
