/*
 * What both dialects have in common when they say no: how much a stranger
 * may be told (threat T7), and who is counted and logged for what (R9, R10).
 */
#ifndef AV_EDGE_REFUSAL_H
#define AV_EDGE_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "av-edge/turn.h"
#include "av-edge/turn_rfc.h"

/* Is that within what its request allows (threat T7)? */
bool refusal_is_short(const struct turn_in *in, size_t len);
/* May an answer of len bytes go to somebody who has not proven to be where
 * the request came from? Takes one reply of the source's budget. */
bool refusal_may_be_told(struct turn *t, const struct turn_in *in, size_t len);
/* This sender did not convince; method is a word of ours. */
void refusal_note_sender(struct turn *t, const struct turn_in *in,
	enum auth_cause cause, const char *method, int64_t expired_ago_s);
/* A request was refused with this code; who need not have a key. */
void refusal_note(struct turn *t, const struct turn_in *in,
	const struct auth_proof *who, const char *method, unsigned code);

#endif
