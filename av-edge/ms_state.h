/*
 * What an allocation of [MS-TURN] has beside those of RFC 8656: the key of
 * its client, what that key was made of, and the numbers of its requests.
 * A plain record without pointers; struct alloc names it by number. It is
 * taken and given back with the allocation, in turn.c.
 */
#ifndef AV_EDGE_MS_STATE_H
#define AV_EDGE_MS_STATE_H

#include <stdint.h>

#include "common/cred/av_cred.h"
#include "common/stun/stun_ms.h"
#include "av-edge/nonce.h"
#include "av-edge/sequence.h"

struct ms_state {
	struct sequence sequence;
	struct stun_ms_key key;
	/* For a refresh that names another realm or nonce. The pool key that
	 * it could be made from again may be gone by then. */
	uint8_t password[AV_CRED_PASSWORD_LEN];
	/* Of the Allocate that the key is from; its client refreshes with it
	 * for as long as the allocation lives. */
	char nonce[NONCE_LEN];
	uint32_t version; /* announced to this client */
};

#endif
