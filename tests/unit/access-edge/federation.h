/*
 * What tests of federation through the whole proxy share: requests either
 * way, a domain's record, what a refused partner may hear. Include once per
 * program; needs <check.h>.
 */
#ifndef TEST_ACCESS_EDGE_FEDERATION_H
#define TEST_ACCESS_EDGE_FEDERATION_H

#include "tests/unit/access-edge/lab.h"

#define ON "allow_federated_users: true, allow_targets: [127.0.0.0/8]"
#define SETTINGS(more) "settings: {access-edge: {" ON more "}}\n"
#define DISCOVERY SETTINGS(", enable_partner_discovery: true")
#define FED "_sipfederationtls._tcp."

/* A request of bob's edge to alice; extra are whole lines. */
static inline const char *message(const char *method, const char *from,
	const char *to, const char *id, const char *extra)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"%s sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bK%s\r\n"
		"Max-Forwards: 68\r\n"
		"From: <sip:%s>;tag=77;epid=1\r\n"
		"To: <sip:%s>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 1 %s\r\n"
		"%s"
		"Content-Type: text/plain\r\n"
		"Content-Length: 5\r\n\r\nhello",
		method, to, id, from, to, id, method, extra);
	return text;
}

/* From inside to a user elsewhere. */
static inline const char *outgoing(const char *method, const char *to,
	const char *id, const char *extra)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"%s sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test:5061;branch=z9hG4bK%s\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.com>;tag=a1\r\n"
		"To: <sip:%s>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 1 %s\r\n"
		"Contact: <sip:alice@fe.int.test>\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		method, to, id, to, id, method, extra);
	return text;
}

static inline void discoverable(struct lab *lab, const char *domain,
	const char *target, uint16_t port)
{
	char name[128];

	snprintf(name, sizeof(name), FED "%s", domain);
	dns_stub_srv(&lab->dns, name, target, port);
}

/* Nothing but the bare answer: no word about why. */
static inline void expect_vague(const char *answer)
{
	expect_lacks(answer, "ms-diagnostics");
	expect_lacks(answer, "ms-edge-proxy");
	expect_lacks(answer, "Warning");
	expect_lacks(answer, "Reason");
	expect_has(answer, "SIP/2.0 504 Server Time-out\r\n");
}

static inline const char *step_of(const struct lab *lab, const char *domain,
	enum decision_way way)
{
	const struct decision_domain *d = decisions_find(
		&lab->edge->federation->decisions, str_of(domain));
	const struct federate_report *r;

	if (d == NULL || d->ways[way].report.count == 0)
		return "none";
	r = &d->ways[way].report;
	return federate_step_name(r->rows[r->count - 1].step);
}

#endif
