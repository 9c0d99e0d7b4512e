/*
 * Failed sign-ins, by source and by user: too many, and the edge answers 403
 * itself for a while. Protects accounts from being locked out by strangers.
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

/* user: "alice@example.com" */
bool logon_is_blocked(const struct logon *l, const struct addr *source,
	struct str user, struct mono now);
/* One more failure; limit within window_s blocks for window_s. */
void logon_failed(struct logon *l, const struct addr *source,
	struct str user, unsigned limit, uint32_t window_s,
	struct mono now);
/* How many sources and users are being counted. */
size_t logon_count(const struct logon *l);

#endif
