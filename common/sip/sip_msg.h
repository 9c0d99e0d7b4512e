/*
 * One SIP message: its lines as they came, and the parts that routing reads.
 * Lines are told apart here, strictly; values that are read are parsed and
 * checked by sofia-sip, which never sees the rest. What nobody edits is
 * printed octet for octet (docs/protocol/access-edge.md, "Fidelity").
 */
#ifndef SIP_MSG_H
#define SIP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/sip/sip_text.h"
#include "common/sip/sip_uri.h"

enum sip_method {
	SIP_METHOD_OTHER, /* any other token; struct sip_msg has its name */
	SIP_INVITE,
	SIP_ACK,
	SIP_CANCEL,
	SIP_BYE,
	SIP_REGISTER,
	SIP_OPTIONS,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_REFER,
	SIP_UPDATE,
	SIP_PRACK,
	SIP_INFO,
	SIP_MESSAGE,
	SIP_PUBLISH,
	SIP_SERVICE,
	SIP_BENOTIFY,
	SIP_NEGOTIATE,
};

/* Methods are case-sensitive. */
enum sip_method sip_method_of(struct str name);

/* Headers with a compact form, or that some code asks for often. */
enum sip_header {
	SIP_HEADER_OTHER,
	SIP_HEADER_VIA,
	SIP_HEADER_FROM,
	SIP_HEADER_TO,
	SIP_HEADER_CALL_ID,
	SIP_HEADER_CSEQ,
	SIP_HEADER_MAX_FORWARDS,
	SIP_HEADER_ROUTE,
	SIP_HEADER_RECORD_ROUTE,
	SIP_HEADER_PATH,
	SIP_HEADER_CONTACT,
	SIP_HEADER_CONTENT_LENGTH,
	SIP_HEADER_CONTENT_TYPE,
	SIP_HEADER_CONTENT_ENCODING,
	SIP_HEADER_PROXY_REQUIRE,
	SIP_HEADER_REQUIRE,
	SIP_HEADER_SUPPORTED,
	SIP_HEADER_SUBJECT,
	SIP_HEADER_EVENT,
	SIP_HEADER_REFER_TO,
	SIP_HEADER_REFERRED_BY,
	SIP_HEADER_ALLOW_EVENTS,
	SIP_HEADER_ACCEPT_CONTACT,
	SIP_HEADER_REJECT_CONTACT,
	SIP_HEADER_REQUEST_DISPOSITION,
	SIP_HEADER_IDENTITY,
	SIP_HEADER_SESSION_EXPIRES,
};

/* Full and compact names, without case. */
enum sip_header sip_header_of(struct str name);
/* "Call-ID"; "" for OTHER. */
const char *sip_header_text(enum sip_header id);

struct sip_line {
	enum sip_header id;
	struct str name;  /* as written, without blanks before the colon */
	struct str value; /* trimmed; folds inside stay */
	struct str raw;   /* whole line with its CR LF */
};

/* Name-addr or addr-spec with parameters: From, To, Contact, Route ... */
struct sip_addr {
	struct str text;   /* the whole value as written */
	struct sip_uri uri;
	struct str params; /* header parameters: ";tag=1;epid=2", or "" */
	bool is_star;      /* Contact: * */
};

struct sip_via {
	struct str text;
	struct str transport; /* "TLS" */
	struct str host;      /* sent-by; IPv6 with brackets */
	uint16_t port;        /* 0 = none written */
	struct str branch;    /* "" = none */
	struct str received;
	bool has_rport;
	struct str rport;     /* "" = asked for */
	struct str params;
};

/* Why a message was refused. status 0 = can't be answered: drop it. */
struct sip_fault {
	unsigned status;
	char reason[64];   /* reason phrase: "Bad To header" */
	const char *cause; /* for the log, a literal */
	bool is_lost;      /* the lines can't be trusted: close the stream */
};

struct sip_arena; /* memory of one message */

/* Fields are for reading; only sip_edit changes a message. They keep what
 * came in: via and the counts do not follow edits. */
struct sip_msg {
	bool is_request;
	struct str method; /* requests; responses: that of CSeq */
	enum sip_method method_id;
	struct sip_uri uri; /* Request-URI */
	unsigned status;    /* responses */
	struct str reason;

	struct sip_via via; /* on top */
	unsigned via_count; /* values, not lines */
	unsigned route_count;
	struct sip_addr from;
	struct sip_addr to;
	struct str from_tag; /* "" = none */
	struct str to_tag;
	struct str call_id;
	uint32_t cseq;
	bool has_max_forwards;
	uint32_t max_forwards;
	struct str content_type; /* "" = none */
	struct str body;

	/* sip_msg.c and sip_edit.c only */
	struct str start; /* start line with CR LF */
	struct sip_line *lines;
	size_t line_count;
	size_t line_cap;
	struct sip_arena *arena; /* owned */
};

/*
 * Parse and check. text is one whole message (sip_frame) and is borrowed
 * until sip_msg_free. 0, or EDGE_EMALFORMED with *fault filled in; *out is
 * set in both cases, so that a refusal can be answered (sip_reply) when
 * fault->status is not 0. -ENOMEM: *out is NULL.
 * NEGOTIATE is read leniently: it is only ever answered.
 */
EDGE_MUST int sip_msg_parse(struct sip_msg **out, struct str text,
	struct sip_fault *fault);
void sip_msg_free(struct sip_msg *m); /* accepts NULL */

/* Value of the first line with this name (any spelling), "" when absent;
 * the second form says whether there is one. */
struct str sip_msg_header(const struct sip_msg *m, const char *name);
bool sip_msg_has_header(const struct sip_msg *m, const char *name);
/* The n-th line (0 = first) of a header, NULL at the end. */
const struct sip_line *sip_msg_line(const struct sip_msg *m,
	enum sip_header id, size_t n);

/* The values of a list header over all its lines, one after the other. A
 * peer may write thousands of them: whoever wants them all walks. */
struct sip_walk {
	const struct sip_msg *m;
	enum sip_header id;
	size_t line;
	struct str rest;
};

struct sip_walk sip_walk_begin(const struct sip_msg *m, enum sip_header id);
bool sip_walk_next(struct sip_walk *w, struct str *value);
size_t sip_msg_count(const struct sip_msg *m, enum sip_header id);

/* The n-th value of a list header over all its lines. */
bool sip_msg_value(const struct sip_msg *m, enum sip_header id, size_t n,
	struct str *value);
/* A token of a list header, e.g. Supported: path. Without case. */
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header id,
	const char *token);
/* The n-th value, parsed. EDGE_EUNKNOWN: no such; EDGE_EMALFORMED. What is
 * filled in lives as long as m. */
EDGE_MUST int sip_msg_addr(struct sip_msg *m, enum sip_header id, size_t n,
	struct sip_addr *out);
EDGE_MUST int sip_msg_via(struct sip_msg *m, size_t n, struct sip_via *out);
EDGE_MUST int sip_msg_via_of(struct sip_msg *m, struct str text,
	struct sip_via *out);
/* Any text as an address or URI, with m's memory. */
EDGE_MUST int sip_msg_addr_of(struct sip_msg *m, struct str text,
	struct sip_addr *out);
EDGE_MUST int sip_msg_uri_of(struct sip_msg *m, struct str text,
	struct sip_uri *out);

/* The message as it stands, on the heap; the caller frees *out. A missing
 * Content-Length is added. */
EDGE_MUST int sip_msg_print(const struct sip_msg *m, char **out,
	size_t *len);

#endif
