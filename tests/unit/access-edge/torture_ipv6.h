/*
 * Messages after the descriptions of RFC 5118: IPv6 in every place of SIP,
 * right and wrong. Written for this suite. Needs torture.h.
 */
#ifndef TEST_ACCESS_EDGE_TORTURE_IPV6_H
#define TEST_ACCESS_EDGE_TORTURE_IPV6_H

#include "tests/unit/access-edge/torture.h"

#define VIA6 "Via: SIP/2.0/TLS [2001:db8::9:1];branch=z9hG4bKv6\r\n"
#define SDP6 "v=0\r\no=a 1 1 IN IP6 2001:db8::20\r\ns=-\r\n" \
	"c=IN IP6 2001:db8::20\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"

static const struct torture torture_ipv6[] = {
	{ .name = "reference", .section = "4.1", .want = WANT_FORWARD,
	  .intact = "Contact: <sip:caller@[2001:db8::1]>;expires=3600\r\n",
	  TEXT("OPTIONS sip:[2001:db8::10] SIP/2.0\r\n" VIA6 WHO
		ID("v6-1") OPT
		"Contact: <sip:caller@[2001:db8::1]>;expires=3600\r\n" REST
		"\r\n") },
	{ .name = "no brackets", .section = "4.2", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("OPTIONS sip:2001:db8::10 SIP/2.0\r\n" VIA6 WHO
		ID("v6-2") OPT REST "\r\n") },
	{ .name = "port inside", .section = "4.3", .want = WANT_FORWARD,
	  .intact = "OPTIONS sip:[2001:db8::10:5070] SIP/2.0\r\n",
	  TEXT("OPTIONS sip:[2001:db8::10:5070] SIP/2.0\r\n" VIA6 WHO
		ID("v6-3") OPT REST "\r\n") },
	{ .name = "port outside", .section = "4.4", .want = WANT_FORWARD,
	  .intact = "OPTIONS sip:[2001:db8::10]:5070 SIP/2.0\r\n",
	  TEXT("OPTIONS sip:[2001:db8::10]:5070 SIP/2.0\r\n" VIA6 WHO
		ID("v6-4") OPT REST "\r\n") },
	/* Of a Via below ours, as somebody wrote it. */
	{ .name = "received with brackets", .section = "4.5",
	  .want = WANT_FORWARD,
	  .intact = ";received=[2001:db8::9:255];branch=z9hG4bKas3\r\n",
	  TEXT("BYE sip:[2001:db8::10] SIP/2.0\r\n" VIA6
		"Via: SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::9:255]"
		";branch=z9hG4bKas3\r\n" WHO ID("v6-5a")
		"CSeq: 8 BYE\r\n" REST "\r\n") },
	{ .name = "received without brackets", .section = "4.5",
	  .want = WANT_FORWARD,
	  .intact = ";received=2001:db8::9:255;branch=z9hG4bKas3\r\n",
	  TEXT("BYE sip:[2001:db8::10] SIP/2.0\r\n" VIA6
		"Via: SIP/2.0/TLS [2001:db8::9:1];received=2001:db8::9:255"
		";branch=z9hG4bKas3\r\n" WHO ID("v6-5b")
		"CSeq: 8 BYE\r\n" REST "\r\n") },
	/* On top it is the sender's word against what we see. */
	{ .name = "received on top", .section = "4.5",
	  .want = WANT_FORWARD,
	  .intact = "Via: SIP/2.0/TLS [2001:db8::9:1];branch=z9hG4bKas3"
		";received=127.0.0.1;ms-received-port=",
	  TEXT("BYE sip:[2001:db8::10] SIP/2.0\r\n"
		"Via: SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::9:255]"
		";branch=z9hG4bKas3\r\n" WHO ID("v6-5c")
		"CSeq: 8 BYE\r\n" REST "\r\n") },
	{ .name = "in a body", .section = "4.6", .want = WANT_FORWARD,
	  .intact = SDP6,
	  TEXT("INVITE sip:user@[2001:db8::10] SIP/2.0\r\n" VIA6 WHO
		ID("v6-6") INV "Max-Forwards: 70\r\n"
		"Contact: <sip:user@[2001:db8::20]>\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 93\r\n\r\n" SDP6) },
	{ .name = "both families in headers", .section = "4.7",
	  .want = WANT_FORWARD,
	  .intact = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbh19\r\n"
		"Via: SIP/2.0/UDP [2001:db8::9:255];branch=z9hG4bK3d4;"
		"received=[2001:db8:0:0:0::9:1]\r\n",
	  TEXT("BYE sip:user@host.example.com SIP/2.0\r\n" VIA6
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbh19\r\n"
		"Via: SIP/2.0/UDP [2001:db8::9:255];branch=z9hG4bK3d4;"
		"received=[2001:db8:0:0:0::9:1]\r\n" WHO ID("v6-7")
		"CSeq: 8 BYE\r\n" REST "\r\n") },
	{ .name = "mapped", .section = "4.9", .want = WANT_FORWARD,
	  .intact = "Via: SIP/2.0/UDP [::ffff:192.0.2.2]:5060;"
		"branch=z9hG4bKnash\r\n",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA6
		"Via: SIP/2.0/UDP [::ffff:192.0.2.2]:5060;"
		"branch=z9hG4bKnash\r\n" WHO ID("v6-9") INV
		"Contact: <sip:caller@[::ffff:192.0.2.10]>\r\n" REST
		"\r\n") },
	/* The grammar of RFC 3261 by mistake allows it: no business of a
	 * proxy that sends it to its next hop anyway. */
	{ .name = "three colons", .section = "4.10", .want = WANT_FORWARD,
	  .intact = "OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0\r\n",
	  TEXT("OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0\r\n" VIA6
		WHO ID("v6-10") OPT REST "\r\n") },
	/* And where the RFC has no row. */
	{ .name = "sent-by without brackets", .section = "4.2",
	  .want = WANT_ANSWER, .status = 400, .reason = "Via",
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 2001:db8::9:1;branch=z9hG4bKv6\r\n" WHO
		ID("v6-11") OPT REST "\r\n") },
	{ .name = "bracket that never closes", .section = "4.2",
	  .want = WANT_ANSWER, .status = 400,
	  TEXT("OPTIONS sip:user@[2001:db8::1 SIP/2.0\r\n" VIA6 WHO
		ID("v6-12") OPT REST "\r\n") },
	{ .name = "zone", .section = "4.2", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("OPTIONS sip:user@[fe80::1%25eth0] SIP/2.0\r\n" VIA6 WHO
		ID("v6-13") OPT REST "\r\n") },
};

#endif
