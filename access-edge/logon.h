/*
 * Failed sign-ins, by source and by account: too many, and the edge answers
 * 403 itself for a while. Protects accounts from being locked out inside by
 * strangers; who has signed in from this source before is not shut out by
 * what others do.
 */
#ifndef ACCESS_EDGE_LOGON_H
#define ACCESS_EDGE_LOGON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"

struct logon;

EDGE_MUST int logon_new(struct logon **out);
void logon_free(struct logon *l); /* accepts NULL */

/* Who tries, as keyed hashes. */
struct logon_id {
	uint64_t source; /* IPv6: its /56 */
	uint64_t user;   /* "alice@example.com": whose sign-in it is */
	uint64_t login;  /* the name in the credentials; it may differ */
	uint64_t whole;  /* all three together */
};

/* login may be empty. */
struct logon_id logon_id_of(const struct logon *l, const struct addr *source,
	struct str user, struct str login);

bool logon_is_blocked(const struct logon *l, const struct logon_id *id,
	struct mono now);
/* One more failure; limit within window_s blocks for window_s. */
void logon_failed(struct logon *l, const struct logon_id *id,
	unsigned limit, uint32_t window_s, struct mono now);
/* The inside took these credentials from here. */
void logon_succeeded(struct logon *l, const struct logon_id *id,
	struct mono now);
/* How many sources and accounts are being counted. */
size_t logon_count(const struct logon *l);

#endif
