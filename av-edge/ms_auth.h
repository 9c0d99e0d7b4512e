/*
 * Who sent this [MS-TURN] request? The same credentials as in turn_auth.h,
 * but their raw bytes, another key, another order of checks, and silence
 * where RFC 8656 answers ([MS-TURN] 3.3.5.1; docs/protocol/ms-turn.md). A
 * pure decision: nothing is kept and nothing is sent.
 */
#ifndef AV_EDGE_MS_AUTH_H
#define AV_EDGE_MS_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stun/stun_ms.h"
#include "av-edge/ms_state.h"
#include "av-edge/turn_auth.h"

struct ms_proof {
	struct auth_proof who; /* has_key: of the key below */
	struct stun_ms_key key;
	uint8_t password[AV_CRED_PASSWORD_LEN];
	struct str user; /* borrowed from the message */
	uint32_t version; /* to announce */
	/* It gets what is sent to where the request came from: a good nonce,
	 * or an allocation there. */
	bool is_there;
};

/* state is that of facts->alloc, or NULL. */
enum auth_cause ms_auth_check(const struct auth_facts *facts,
	const struct ms_state *state, const struct stun_msg *m,
	struct ms_proof *proof);
/* The error code that the peer is told; 0 = it is told nothing. */
unsigned ms_auth_code(enum auth_cause cause, const struct stun_msg *m);
/* After a refresh: its realm and nonce are the allocation's now. */
void ms_auth_adopt(struct ms_state *state, const struct stun_msg *m,
	const struct ms_proof *proof);

#endif
