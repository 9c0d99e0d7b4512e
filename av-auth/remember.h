/*
 * What av-auth remembers for `edgectl explain`: who was given which
 * credential, which requests and connections were refused and why.
 */
#ifndef AV_AUTH_REMEMBER_H
#define AV_AUTH_REMEMBER_H

#include "av-auth/avedge_xml.h"
#include "av-auth/service.h"
#include "common/daemon/recall.h"
#include "common/sip/sip_msg.h"

/* One record for each user that a credential was made for, or one for the
 * refusal; cause is the log's. */
void remember_answer(struct recall *r, const struct sip_msg *m,
	const struct avedge_response *a, const struct service_from *from,
	const char *cause);
/* By an administrator, over the control bus. */
void remember_by_bus(struct recall *r, const char *identity,
	const struct av_cred *c, uint32_t lifetime_min);
/* A request refused with a SIP status. m may be NULL: unreadable. */
void remember_refusal(struct recall *r, const struct sip_msg *m,
	const struct service_from *from, unsigned status, const char *cause);

/* A connection, by its id in the log. */
struct remember_peer {
	const char *session;
	const char *name; /* in its certificate, "" = unknown */
	const struct addr *remote;
};
void remember_stranger(struct recall *r, const struct remember_peer *peer,
	const char *cause);
void remember_end(struct recall *r, const struct remember_peer *peer,
	const char *reason, const char *detail);

#endif
