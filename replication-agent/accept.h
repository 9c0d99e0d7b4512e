/*
 * May this bundle be taken? Signatures, deployment, targets, version and
 * clock, in this order (replication protocol B5.2, B4). Pure.
 */
#ifndef AGENT_ACCEPT_H
#define AGENT_ACCEPT_H

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_trust.h"
#include "common/bundle/bundle_version.h"

enum accept_verdict {
	ACCEPT_NEW,      /* take it */
	ACCEPT_KNOWN,    /* have it: success, no work */
	ACCEPT_MISTAKEN, /* 400: not what was announced, or no topology */
	ACCEPT_FORGED,   /* 403: signatures, deployment, clock */
	ACCEPT_OLD,      /* 409: replay, or a publisher out of office */
	ACCEPT_CONFLICT, /* 409 and alarm: same version, other hash */
	ACCEPT_UNKNOWN,  /* 415: schema or agent too old */
	ACCEPT_FOREIGN,  /* 422: not for this pool */
};

/* What is known here. */
struct accept_ground {
	const struct bundle_trust *trust;
	const struct bundle_mark *highest;
	uint32_t fence;     /* no epoch below it: a newer publisher was seen */
	const char *pool;   /* ours; "" = not known yet */
	struct wall now;
	const char *sha256; /* announced, or NULL */
	const struct bundle_version *version; /* announced, or NULL */
};

enum accept_verdict accept_judge(const struct bundle *b,
	const struct accept_ground *ground, struct why *why);
/* The same for a signed head; newest: of the head we hold. */
enum accept_verdict accept_judge_head(const struct bundle *b,
	const struct accept_ground *ground, const struct bundle *held,
	struct why *why);
int accept_status(enum accept_verdict verdict); /* HTTP; 200 for NEW */

#endif
