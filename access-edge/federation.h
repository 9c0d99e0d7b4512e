/*
 * Federation at work: what comes from partners is decided and held to its
 * limits, with DNS asked where it must be. Owns the memory of DNS, of
 * certificates and of decisions. What goes out is outbound.h's.
 */
#ifndef ACCESS_EDGE_FEDERATION_H
#define ACCESS_EDGE_FEDERATION_H

#include <stdbool.h>

#include "access-edge/decisions.h"
#include "access-edge/discover.h"
#include "access-edge/federate.h"
#include "access-edge/peer.h"
#include "access-edge/session.h"
#include "access-edge/watch.h"
#include "common/base/counter.h"
#include "common/sip/sip_msg.h"

struct federation_spec {
	struct loop *loop;
	struct resolver *resolver;
	struct counters *counters;
	struct session_table *sessions;
	struct tls_watch *tls;    /* client role, external; may be NULL */
	const char *watch_path;   /* of the watch list; "" = not kept */
	bool bind_device;
};

struct federation {
	struct loop *loop;
	const struct policy *policy; /* borrowed */
	struct counters *counters;
	struct session_table *sessions;
	struct discover *discover;   /* owned */
	struct peer_pool *peers;     /* owned: partners' servers */
	struct decisions decisions;
	struct watch watch;
	char watch_path[512];
	struct list held; /* sessions whose partner is too fast */
	struct mono next_save;
	struct mono next_report;
};

EDGE_MUST int federation_new(struct federation **out,
	const struct federation_spec *spec, const struct policy *p);
/* Writes the watch list. Accepts NULL. */
void federation_free(struct federation *f);
/* p is borrowed until the next call; tls NULL: nobody is dialled. */
void federation_apply(struct federation *f, const struct policy *p,
	struct tls_watch *tls);
/* Every 100 ms, and once a second. */
void federation_tick(struct federation *f);
void federation_second(struct federation *f);

/* A request of a partner: false when it must wait; then the session is held
 * and the same request comes again. True: *plan is PASSED or REFUSED. Who is
 * refused too often loses the connection. */
bool federation_take(struct federation *f, struct session *s,
	struct sip_msg *m, bool is_in_dialog, struct federate_plan *plan);
void federation_session_ended(struct federation *f, struct session *s);
/* A final answer goes to this partner; request as it came. */
void federation_answered(struct federation *f, const struct session *partner,
	const struct sip_msg *request, const struct sip_msg *answer);

#endif
