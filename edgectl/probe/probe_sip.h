/*
 * A SIP user agent over one TLS connection: transactions of a client, with
 * digest when it is challenged, and the requests that come to it. Dialogs
 * are probe_dialog's, registration probe_account's.
 */
#ifndef EDGECTL_PROBE_SIP_H
#define EDGECTL_PROBE_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/sip/sip_build.h"
#include "common/sip/sip_msg.h"
#include "edgectl/probe/probe.h"

struct probe_sip;

struct probe_sip_spec {
	const char *label;        /* in the trace: "outside" */
	const char *server_label; /* "access-edge" */
	struct addr local;        /* to connect from; unset = any */
	struct addr server;
	const char *server_name; /* the certificate must have it */
	const char *trust_path;  /* NULL = the system's bundle */
	const char *aor;         /* "sip:alice@example.com" */
	const char *password;    /* NULL = none */
	const char *route;       /* of requests outside dialogs, or NULL */
	bool is_outbound;        /* RFC 5626: reg-id and instance */
};

/* Everything is copied. */
EDGE_MUST int probe_sip_new(struct probe_sip **out, struct probe *probe,
	const struct probe_sip_spec *spec, struct why *why);
void probe_sip_free(struct probe_sip *s); /* accepts NULL */
EDGE_MUST int probe_sip_connect(struct probe_sip *s, struct why *why);

const char *probe_sip_aor(const struct probe_sip *s);
const char *probe_sip_domain(const struct probe_sip *s);
/* "<sip:alice@127.0.3.1:40001;transport=tls>" with what else it needs;
 * valid after probe_sip_connect(). */
const char *probe_sip_contact(const struct probe_sip *s);
/* Cipher and version of the connection. */
const char *probe_sip_cipher(const struct probe_sip *s);

/* A message that came, with its own bytes. */
struct probe_sip_msg {
	struct sip_msg *msg; /* owned */
	char *text;          /* owned; msg points into it */
};
void probe_sip_msg_free(struct probe_sip_msg *m); /* of a zeroed one too */

/* A request to send; all borrowed until probe_sip_finish(). */
struct probe_sip_ask {
	const char *method;
	const char *uri;
	const char *from; /* with tag */
	const char *to;
	const char *call_id;
	uint32_t *cseq;            /* counted up for every request sent */
	const char *const *routes; /* NULL = the outbound proxy's */
	size_t route_count;
	const char *contact;
	const struct sip_field *fields;
	size_t field_count;
	const char *content_type;
	struct str body;
};

/* Send; challenges are answered by themselves. One at a time. */
EDGE_MUST int probe_sip_begin(struct probe_sip *s,
	const struct probe_sip_ask *ask, struct why *why);
/* Has the final answer come (or can none come any more)? */
bool probe_sip_is_answered(const struct probe_sip *s);
/* Wait for the final answer. Not 2xx is EDGE_EREFUSED, with status, reason
 * and diagnostics in why. *reply may be NULL. */
EDGE_MUST int probe_sip_finish(struct probe_sip *s, struct why *why,
	struct probe_sip_msg *reply);
/* Both. */
EDGE_MUST int probe_sip_ask(struct probe_sip *s,
	const struct probe_sip_ask *ask, struct probe_sip_msg *reply,
	struct why *why);
/* Without a transaction: ACK of a 2xx. */
EDGE_MUST int probe_sip_tell(struct probe_sip *s,
	const struct probe_sip_ask *ask, struct why *why);
/* Answer a request that came. */
EDGE_MUST int probe_sip_reply(struct probe_sip *s,
	const struct sip_msg *request, const struct sip_reply *reply,
	struct why *why);

/* What came without being asked for. BYE and OPTIONS are answered 200. */
bool probe_sip_has_invite(const struct probe_sip *s);
bool probe_sip_has_ack(const struct probe_sip *s);
bool probe_sip_has_bye(const struct probe_sip *s);
bool probe_sip_is_ended(const struct probe_sip *s);
/* Why the connection ended, "" while it lives. */
const char *probe_sip_end_text(const struct probe_sip *s);
/* Take the INVITE that came. */
struct probe_sip_msg probe_sip_take_invite(struct probe_sip *s);
struct probe *probe_sip_probe(struct probe_sip *s);

#endif
