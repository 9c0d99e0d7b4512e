/*
 * Messages and steps that tests of the proxy share. Needs lab.h.
 */
#ifndef TEST_ACCESS_EDGE_TEXTS_H
#define TEST_ACCESS_EDGE_TEXTS_H

#include "tests/unit/access-edge/lab.h"

/* A client with a Via without branch, as those of the original write it. */
#define VIA_OLD "Via: SIP/2.0/TLS 192.168.1.190:58350\r\n"
#define VIA_NEW "Via: SIP/2.0/TLS 192.168.1.5:41234;branch=z9hG4bKc1;rport\r\n"

static const char register_old[] =
	"REGISTER sip:example.com SIP/2.0\r\n"
	VIA_OLD
	"From: <sip:alice@example.com>;tag=a73c01;epid=0f1e2d3c4b\r\n"
	"To: <sip:alice@example.com>\r\n"
	"Max-Forwards: 70\r\n"
	"CSeq: 1 REGISTER\r\n"
	"User-Agent: UCCAPI/4.0.7577.4356\r\n"
	"Call-ID: reg-alice-1\r\n"
	"Contact: <sip:192.168.1.190:58350;transport=tls;ms-opaque=9b1c>;"
	"methods=\"INVITE, MESSAGE\";proxy=replace;"
	"+sip.instance=\"<urn:uuid:11111111>\"\r\n"
	"Supported: gruu-10, adhoclist\r\n"
	"Supported: msrtc-event-categories\r\n"
	"ms-keep-alive: UAC;hop-hop=yes\r\n"
	"ms-edge-proxy-message-trust: ms-source-type=AuthorizedServer\r\n"
	"P-Asserted-Identity: <sip:boss@example.com>\r\n"
	"Content-Length: 0\r\n\r\n";

static const char register_new[] =
	"REGISTER sip:example.com SIP/2.0\r\n"
	VIA_NEW
	"Route: <sip:sip.test;transport=tls;lr>\r\n"
	"Max-Forwards: 70\r\n"
	"From: <sip:carol@example.com>;tag=c1\r\n"
	"To: <sip:carol@example.com>\r\n"
	"Call-ID: reg-carol\r\n"
	"CSeq: 1 REGISTER\r\n"
	"Supported: path, outbound\r\n"
	"Contact: <sip:carol@192.168.1.5:41234;transport=tls;ob>;reg-id=1;"
	"+sip.instance=\"<urn:uuid:0c67>\"\r\n"
	"Content-Length: 0\r\n\r\n";

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 192.168.1.5\r\ns=-\r\n"
	"c=IN IP4 192.168.1.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/* An INVITE from carol to bob; the branch tells calls apart. */
static inline const char *invite_text(const char *branch, const char *call_id)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"INVITE sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234%s%s\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"Carol\" <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:bob@example.com>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 7 INVITE\r\n"
		"Contact: <sip:carol@192.168.1.5:41234;transport=tls;ob>\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: %zu\r\n\r\n%s", branch[0] != '\0' ?
		";branch=" : "", branch, call_id, strlen(sdp), sdp);
	return text;
}

/* CANCEL or the ACK of a failure for invite_text(). */
static inline const char *same_hop_text(const char *method, const char *branch,
	const char *call_id, const char *to_tag)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"%s sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234%s%s\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"Carol\" <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:bob@example.com>%s\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 7 %s\r\n"
		"Content-Length: 0\r\n\r\n", method, branch[0] != '\0' ?
		";branch=" : "", branch, to_tag, call_id, method);
	return text;
}

static inline struct party *signed_in(struct lab *lab, struct party *fe)
{
	struct party *client = party_client(lab);

	party_send(client, register_new);
	party_answer(fe, party_expect(fe, "REGISTER "), "200 OK",
		"Require: outbound\r\n", "");
	party_expect(client, "SIP/2.0 200 ");
	return client;
}

/* Take the Record-Routes of m as Routes, in order or reversed. */
static inline void routes_from(const char *m, bool reverse, char *out,
	size_t cap)
{
	char values[8][512];
	const char *p = m;
	size_t n = 0;
	size_t at = 0;

	while ((p = strstr(p, "\r\nRecord-Route: ")) != NULL && n < 8) {
		p += strlen("\r\nRecord-Route: ");
		snprintf(values[n++], sizeof(values[0]), "%.*s",
			(int)strcspn(p, "\r"), p);
	}
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, cap - at, "Route: %s\r\n",
			values[reverse ? n - 1 - i : i]);
}

/* The Path of a REGISTER that fe received, as a Route. */
static inline void path_route(const char *reg, char *out, size_t cap)
{
	char path[512];

	value_of(reg, "Path", path, sizeof(path));
	snprintf(out, cap, "Route: %s\r\n", path);
}

static inline const char *call_in_text(const char *route, const char *branch)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"INVITE sip:carol@192.168.1.5:41234;transport=tls;ob "
		"SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=%s\r\n"
		"%sMax-Forwards: 70\r\n"
		"From: <sip:bob@example.com>;tag=b1\r\n"
		"To: <sip:carol@example.com>\r\n"
		"Call-ID: in-%s\r\nCSeq: 1 INVITE\r\n"
		"P-Asserted-Identity: <sip:bob@example.com>\r\n"
		"Contact: <sip:bob@fe.int.test>\r\n"
		"Content-Length: 0\r\n\r\n", branch, route, branch);
	return text;
}

#endif
