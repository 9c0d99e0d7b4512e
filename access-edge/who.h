/*
 * In whose name a request comes: user, owner of a sign-in, account in its
 * credentials.
 */
#ifndef ACCESS_EDGE_WHO_H
#define ACCESS_EDGE_WHO_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/edge.h"
#include "common/sip/sip_msg.h"

#define WHO_LEN 256

/* "alice@example.com", in lower case, in room. */
struct str who_of(const struct sip_addr *party, char *room, size_t cap);
/* Whose sign-in it belongs to. */
const struct sip_addr *who_owns(const struct sip_msg *m);
bool who_has_credentials(const struct sip_msg *m);
struct logon_id who_logs_on(const struct edge *edge,
	const struct session *s, const struct sip_msg *m);
/* Too many sign-ins in this name or from this source have failed. */
bool who_is_blocked(const struct edge *edge, const struct session *s,
	const struct sip_msg *m);

#endif
