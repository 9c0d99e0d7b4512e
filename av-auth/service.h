/*
 * One SIP request in, one final answer out (docs/protocol/av-auth.md). No
 * sockets: session.c hands in messages and sends what comes back.
 */
#ifndef AV_AUTH_SERVICE_H
#define AV_AUTH_SERVICE_H

#include "av-auth/answers.h"
#include "av-auth/issue.h"
#include "av-auth/rates.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/counter.h"
#include "common/base/str.h"
#include "common/daemon/recall.h"
#include "common/sip/sip_msg.h"

struct service {
	const struct issue_policy *policy;  /* borrowed, as the next three */
	const struct av_key_ring *ring;
	struct rates *rates;
	struct counters *counters;
	struct recall *recall; /* NULL = nothing is remembered */
	struct answers answers;
	char *scratch; /* owned: the last answer that is not kept */
};

struct service_from {
	const char *server;  /* name in its certificate */
	const char *session; /* id for the log */
	const struct addr *remote;
	struct mono now;
	struct wall wall;
};

/* Fill in the borrowed members first. */
EDGE_MUST int service_init(struct service *s);
void service_fini(struct service *s);

/* *reply is borrowed until the next call; empty when nothing is to be sent
 * (a response, an ACK). -ENOMEM. */
EDGE_MUST int service_answer(struct service *s, const struct sip_msg *m,
	const struct service_from *from, struct str *reply);
/* The answer to a message that could not be read; likewise. */
EDGE_MUST int service_refuse(struct service *s, const struct sip_msg *m,
	unsigned status, const char *reason, struct str *reply);

#endif
