/*
 * A client's way in through the web conferencing edge: TLS, CLIENT_HELLO
 * with a ticket, CLIENT_OK; what comes then is the caller's.
 */
#ifndef EDGECTL_WEBCONF_CLIENT_H
#define EDGECTL_WEBCONF_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/net/stream.h"
#include "common/wce/ticket.h"
#include "common/wce/wce_frame.h"

struct webconf_client;

struct webconf_way {
	struct addr edge;
	struct addr local;  /* unset = any */
	char name[256];     /* of the edge's certificate */
	struct tls_ctx *tls; /* a reference of the caller's */
	uint8_t ticket[TICKET_MAX_LEN];
	size_t ticket_len;
	const char *conference;
};

/* Ticket text as the connector mints it. EDGE_ECONFIG, told in why. */
EDGE_MUST int webconf_way_ticket(struct webconf_way *way, struct str text,
	struct why *why);

struct webconf_answer {
	int err;              /* 0 = joined */
	enum wce_code code;   /* what the edge said, WCE_E_NONE = nothing */
	uint32_t retry_s;
	char alternates[1025];
	uint8_t session[WCE_ID_LEN];
	struct stream *stream; /* the callee's from now on, when joined */
	struct str rest;       /* came behind CLIENT_OK, borrowed */
	uint64_t hello_us;     /* mono clock: when CLIENT_HELLO went, or 0 */
	uint64_t answer_us;
	char text[256];        /* for people, when not joined */
};

/* The last call; the client is gone when it returns. */
typedef void(webconf_client_cb)(struct webconf_client *w,
	const struct webconf_answer *answer, void *arg);

/* way is borrowed until the answer. */
EDGE_MUST int webconf_client_new(struct webconf_client **out,
	struct loop *loop, const struct webconf_way *way,
	webconf_client_cb *cb, void *arg);
void webconf_client_free(struct webconf_client *w); /* accepts NULL */
/* TLS stands. */
bool webconf_client_is_secure(const struct webconf_client *w);

#endif
