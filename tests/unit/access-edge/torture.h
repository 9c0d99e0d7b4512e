/*
 * Messages after the descriptions of RFC 4475, one for each of its 49: what
 * a proxy on a stream must do with it. Written for this suite; the domains
 * are those that the RFC uses.
 */
#ifndef TEST_ACCESS_EDGE_TORTURE_H
#define TEST_ACCESS_EDGE_TORTURE_H

#include <stddef.h>

enum torture_want {
	WANT_FORWARD, /* and `intact` is in what arrives */
	WANT_ANSWER,  /* `status`; the connection lives */
	WANT_REFUSE,  /* `status`, then the connection ends */
	WANT_CLOSE,   /* the connection ends without an answer */
	WANT_LATE,    /* waits for the rest, then the connection ends */
	WANT_DROP,    /* a response: nothing happens */
};

struct torture {
	const char *name;    /* the RFC's */
	const char *section;
	enum torture_want want;
	unsigned status;
	const char *reason;  /* in the status line, NULL = any */
	const char *intact;
	const char *text;
	size_t len;
};

#define TEXT(s) .text = (s), .len = sizeof(s) - 1
#define VIA "Via: SIP/2.0/TLS t1.example.com;branch=z9hG4bKtorture\r\n"
#define WHO "From: <sip:caller@example.com>;tag=t1\r\n" \
	"To: <sip:user@example.com>\r\n"
#define REST "Max-Forwards: 70\r\nContent-Length: 0\r\n"
#define OPT "CSeq: 8 OPTIONS\r\n"
#define INV "CSeq: 8 INVITE\r\n"
#define REG "CSeq: 8 REGISTER\r\n"
#define ID(s) "Call-ID: " s ".torture\r\n"

static const struct torture torture[] = {
	{ .name = "wsinv", .section = "3.1.1.1", .want = WANT_FORWARD,
	  .intact = "TO :\r\n sip:vivekg@example.com ;   tag    = 19a\r\n"
		"from   : \"J Ros \\\\\\\"\"       <sip:jd@example.com>\r\n"
		"  ;\r\n  tag = 98as\r\n",
	  TEXT("INVITE sip:vivekg@example.com;unknownparam SIP/2.0\r\n"
		"TO :\r\n sip:vivekg@example.com ;   tag    = 19a\r\n"
		"from   : \"J Ros \\\\\\\"\"       <sip:jd@example.com>\r\n"
		"  ;\r\n  tag = 98as\r\n"
		"MaX-fOrWaRdS: 0068\r\n"
		"Call-ID: wsinv.torture\r\n"
		"Content-Length   : 7\r\n"
		"cseq: 0009\r\n  INVITE\r\n"
		"Via  : SIP  /   2.0\r\n /TLS\r\n    192.0.2.2;branch=39\r\n"
		"s :\r\n"
		"NewFangledHeader:   newfangled value\r\n"
		" continued newfangled value\r\n"
		"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
		"Content-Type: application/sdp\r\n"
		"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n"
		"  branch  =   z9hG4bK9ikj8  ,\r\n"
		" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n"
		" z9hG4bK30239\r\n"
		"m:\"Quoted string \\\"\\\"\" <sip:jd@example.com> ; np =\r\n"
		"      newvalue ;\r\n"
		"  sp ; q = 0.33\r\n\r\nv=0\r\nx\n") },
	{ .name = "intmeth", .section = "3.1.1.2", .want = WANT_REFUSE,
	  .status = 400,
	  TEXT("!nt-Acc.*_%`'~+R sip:user@example.com SIP/2.0\r\n"
		VIA WHO ID("intmeth")
		"CSeq: 1 !nt-Acc.*_%`'~+R\r\n"
		"extensionHeader: \"a\0b\"\r\n" REST "\r\n") },
	{ .name = "esc01", .section = "3.1.1.3", .want = WANT_FORWARD,
	  .intact = "INVITE sip:sips%3Auser%40example.com@example.net ",
	  TEXT("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0"
		"\r\nTo: sip:%75se%72@example.com\r\n"
		"From: <sip:I%20have%20spaces@example.net>;tag=938\r\n"
		VIA ID("esc01") INV
		"Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%"
		"61lue%25%34%31>\r\n" REST "\r\n") },
	{ .name = "escnull", .section = "3.1.1.4", .want = WANT_FORWARD,
	  .intact = "To: sip:null-%00-null@example.com\r\n",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n"
		"To: sip:null-%00-null@example.com\r\n"
		"From: sip:null-%00-null@example.com;tag=839923423\r\n"
		VIA ID("escnull") REG
		"Contact: <sip:%00@host5.example.com>\r\n"
		"Contact: <sip:%00%00@host5.example.com>\r\n" REST
		"\r\n") },
	{ .name = "esc02", .section = "3.1.1.5", .want = WANT_FORWARD,
	  .intact = "RE%47IST%45R sip:example.com SIP/2.0\r\n",
	  TEXT("RE%47IST%45R sip:example.com SIP/2.0\r\n"
		"To: \"%Z%45\" <sip:resource@example.com>\r\n"
		"From: \"%Z%45\" <sip:resource@example.com>;tag=f23%41\r\n"
		VIA ID("esc02") "CSeq: 29344 RE%47IST%45R\r\n"
		"Contact: <sip:alias1@host1.example.com>\r\n" REST
		"\r\n") },
	{ .name = "lwsdisp", .section = "3.1.1.6", .want = WANT_FORWARD,
	  .intact = "From: caller<sip:caller@example.com>;tag=323\r\n",
	  TEXT("INFO sip:user@example.com SIP/2.0\r\n"
		"To: sip:user@example.com\r\n"
		"From: caller<sip:caller@example.com>;tag=323\r\n"
		VIA ID("lwsdisp") "CSeq: 60 INFO\r\n" REST "\r\n") },
	{ .name = "longreq", .section = "3.1.1.7", .want = WANT_FORWARD,
	  .intact = "longheadername-longheadername-longheadername: "
		"unknowheaderlongvalue",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n"
		"To: \"I have a user name of extremeextremeextremeextreme"
		"extremeextremeextremeextremeextreme proportion\" "
		"<sip:user@example.com:6000;unknownparam1=very"
		"longlonglonglonglonglonglonglonglonglongvalue;longparam"
		"namenamenamenamenamename=shortvalue;very"
		"longlonglonglonglongParameterNameWithNoValue>\r\n"
		"F: sip:amazinglylongcallernameamazinglylongcallername"
		"amazinglylongcallername@example.net;tag=1298243432943"
		"2432432432432432432432432;unknownheaderparamname"
		"namename=unknowheaderparamvaluevaluevalue\r\n"
		"Call-ID: longreq.onereallyreallyreallyreallyreallyreally"
		"longcallid\r\nCSeq: 3882340 INVITE\r\n"
		"longheadername-longheadername-longheadername: "
		"unknowheaderlongvaluevaluevaluevaluevaluevalue\r\n"
		"Via: SIP/2.0/TLS sip33.example.com\r\n"
		"v: SIP/2.0/TCP sip32.example.com\r\n"
		"V: SIP/2.0/TCP sip31.example.com\r\n"
		"Via: SIP/2.0/TCP sip30.example.com;branch=very"
		"longlonglonglonglonglonglonglongbranchvalue\r\n"
		"Contact: <sip:amazinglylongcallername@host5.example.net>"
		"\r\n" REST "\r\n") },
	{ .name = "dblreq", .section = "3.1.1.8", .want = WANT_FORWARD,
	  .intact = "MESSAGE sip:user@example.com SIP/2.0\r\n",
	  TEXT("MESSAGE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("dblreq") "CSeq: 8 MESSAGE\r\n" REST "\r\n"
		"\r\n\r\n\r\n") },
	{ .name = "semiuri", .section = "3.1.1.9", .want = WANT_FORWARD,
	  .intact = "INFO sip:user;par=u%40example.net@example.com ",
	  TEXT("INFO sip:user;par=u%40example.net@example.com SIP/2.0\r\n"
		VIA WHO ID("semiuri") "CSeq: 8 INFO\r\n" REST "\r\n") },
	{ .name = "transports", .section = "3.1.1.10",
	  .want = WANT_FORWARD, .intact = "Via: SIP/2.0/UNKNOWN t6.ex",
	  TEXT("INFO sip:user@example.com SIP/2.0\r\n" WHO ID("transports")
		"Via: SIP/2.0/TLS t1.example.com;branch=z9hG4bKtr1\r\n"
		"Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf"
		"\r\nVia: SIP/2.0/UDP t4.example.com;branch=z9hG4bK2\r\n"
		"Via: SIP/2.0/UNKNOWN t6.example.com;branch=z9hG4bK3\r\n"
		"CSeq: 388 INFO\r\n" REST "\r\n") },
	{ .name = "mpart01", .section = "3.1.1.11", .want = WANT_FORWARD,
	  .intact = "--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n",
	  TEXT("MESSAGE sip:kumiko@example.org SIP/2.0\r\n" VIA WHO
		ID("mpart01") "CSeq: 127 MESSAGE\r\nMax-Forwards: 70\r\n"
		"Content-Type: multipart/mixed;boundary=7a9cbec02ceef655"
		"\r\nContent-Length: 86\r\n\r\n"
		"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\n"
		"0\202\1\001\r\n\377\376binary\r\n--7a9cbec02ceef655--"
		"\r\n") },
	{ .name = "badinv01", .section = "3.1.2.1", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" WHO
		ID("badinv01") INV
		"Via: SIP/2.0/TLS 192.0.2.15;;,;,,\r\n"
		"Contact: \"Joe\" <sip:joe@example.org>;;;;\r\n" REST
		"\r\n") },
	{ .name = "clerr", .section = "3.1.2.2", .want = WANT_LATE,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("clerr") INV "Max-Forwards: 80\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 9999\r\n\r\nv=0\r\n") },
	{ .name = "ncl", .section = "3.1.2.3", .want = WANT_REFUSE,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("ncl") INV "Max-Forwards: 254\r\n"
		"Content-Length: -999\r\n\r\nv=0\r\n") },
	{ .name = "scalar02", .section = "3.1.2.4", .want = WANT_ANSWER,
	  .status = 400, .reason = "CSeq",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("scalar02") "CSeq: 36893488147419103232 REGISTER\r\n"
		"Max-Forwards: 300\r\nExpires: 10000000000000000000\r\n"
		"Content-Length: 0\r\n\r\n") },
	{ .name = "quotbal", .section = "3.1.2.6", .want = WANT_ANSWER,
	  .status = 400, .reason = "To",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n"
		"To: \"Mr. J. User <sip:j.user@example.com>\r\n"
		"From: sip:caller@example.net;tag=93334\r\n" VIA
		ID("quotbal") INV REST "\r\n") },
	{ .name = "ltgtruri", .section = "3.1.2.7", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE <sip:user@example.com> SIP/2.0\r\n" VIA WHO
		ID("ltgtruri") INV REST "\r\n") },
	{ .name = "lwsruri", .section = "3.1.2.8", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com; lr SIP/2.0\r\n" VIA WHO
		ID("lwsruri") INV REST "\r\n") },
	{ .name = "lwsstart", .section = "3.1.2.9", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE  sip:user@example.com  SIP/2.0\r\n" VIA WHO
		ID("lwsstart") INV REST "\r\n") },
	{ .name = "trws", .section = "3.1.2.10", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("OPTIONS sip:user@example.com SIP/2.0  \r\n" VIA WHO
		ID("trws") OPT REST "\r\n") },
	{ .name = "escruri", .section = "3.1.2.11", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com?Route=%3Csip:example.com%3E "
		"SIP/2.0\r\n" VIA WHO ID("escruri") INV REST "\r\n") },
	{ .name = "baddate", .section = "3.1.2.12", .want = WANT_FORWARD,
	  .intact = "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("baddate") INV
		"Date: Fri, 01 Jan 2010 16:00:00 EST\r\n" REST "\r\n") },
	{ .name = "regbadct", .section = "3.1.2.13", .want = WANT_FORWARD,
	  .intact = "Contact: sip:user@example.com?Route=%3Csip:sip.exam",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("regbadct") REG
		"Contact: sip:user@example.com?Route=%3Csip:sip.example."
		"com%3E\r\n" REST "\r\n") },
	{ .name = "badaspec", .section = "3.1.2.14", .want = WANT_ANSWER,
	  .status = 400, .reason = "To",
	  TEXT("OPTIONS sip:user@example.org SIP/2.0\r\n" VIA
		"From: <sip:caller@example.com>;tag=1\r\n"
		"To: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n"
		ID("badaspec") OPT REST "\r\n") },
	{ .name = "baddn", .section = "3.1.2.15", .want = WANT_ANSWER,
	  .status = 400, .reason = "From",
	  TEXT("OPTIONS sip:t.watson@example.org SIP/2.0\r\n" VIA
		"From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"
		"\r\nTo: Watson, Thomas <sip:t.watson@example.org>\r\n"
		ID("baddn") OPT REST "\r\n") },
	{ .name = "badvers", .section = "3.1.2.16", .want = WANT_ANSWER,
	  .status = 505,
	  TEXT("OPTIONS sip:t.watson@example.org SIP/7.0\r\n"
		"Via: SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw\r\n"
		WHO ID("badvers") OPT REST "\r\n") },
	{ .name = "mismatch01", .section = "3.1.2.17", .want = WANT_ANSWER,
	  .status = 400, .reason = "CSeq",
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("mismatch01") INV REST "\r\n") },
	{ .name = "mismatch02", .section = "3.1.2.18", .want = WANT_ANSWER,
	  .status = 400, .reason = "CSeq",
	  TEXT("NEWMETHOD sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("mismatch02") INV REST "\r\n") },
	{ .name = "badbranch", .section = "3.2.1", .want = WANT_FORWARD,
	  .intact = "OPTIONS sip:user@example.com SIP/2.0\r\n",
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK\r\n" WHO
		ID("badbranch") OPT REST "\r\n") },
	{ .name = "insuf", .section = "3.3.1", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO INV REST
		"\r\n") },
	{ .name = "unkscm", .section = "3.3.2", .want = WANT_ANSWER,
	  .status = 416,
	  TEXT("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent "
		"SIP/2.0\r\n" VIA WHO ID("unkscm") OPT REST "\r\n") },
	{ .name = "novelsc", .section = "3.3.3", .want = WANT_ANSWER,
	  .status = 416,
	  TEXT("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" VIA WHO
		ID("novelsc") OPT REST "\r\n") },
	{ .name = "unksm2", .section = "3.3.4", .want = WANT_ANSWER,
	  .status = 403,
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA
		"To: isbn:2983792873\r\n"
		"From: <http://www.example.com>;tag=3234233\r\n"
		ID("unksm2") REG
		"Contact: <name:John_Smith>\r\n" REST "\r\n") },
	{ .name = "bext01", .section = "3.3.5", .want = WANT_ANSWER,
	  .status = 420,
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("bext01") OPT
		"Proxy-Require: noProxiesSupportThis, path, norDoAnyThis"
		"\r\nRequire: nothingSupportsThis\r\n" REST "\r\n") },
	{ .name = "invut", .section = "3.3.6", .want = WANT_FORWARD,
	  .intact = "<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("invut") INV "Max-Forwards: 70\r\n"
		"Content-Type: application/unknownformat\r\n"
		"Content-Length: 40\r\n\r\n"
		"<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n") },
	{ .name = "regaut01", .section = "3.3.7", .want = WANT_FORWARD,
	  .intact = "Authorization: NoOneKnowsThisScheme opaque-data=here",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("regaut01") REG
		"Authorization: NoOneKnowsThisScheme opaque-data=here\r\n"
		REST "\r\n") },
	{ .name = "multi01", .section = "3.3.8", .want = WANT_ANSWER,
	  .status = 400,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		"From: <sip:other@example.net>;tag=3\r\n"
		"To: <sip:caller@example.com>\r\n"
		"Max-Forwards: 5\r\n"
		ID("multi01") INV "CSeq: 59 INVITE\r\n" REST "\r\n") },
	{ .name = "mcl01", .section = "3.3.9", .want = WANT_REFUSE,
	  .status = 400,
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("mcl01") OPT "Max-Forwards: 70\r\n"
		"Content-Length: 13\r\nContent-Length: 5\r\n\r\n"
		"There's no way to know how many octets are mine") },
	{ .name = "zeromf", .section = "3.3.11", .want = WANT_ANSWER,
	  .status = 483,
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("zeromf") INV "Max-Forwards: 0\r\n"
		"Content-Length: 0\r\n\r\n") },
	{ .name = "zeromf-options", .section = "3.3.11",
	  .want = WANT_ANSWER, .status = 200,
	  TEXT("OPTIONS sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("zeromf") OPT "Max-Forwards: 0\r\n"
		"Content-Length: 0\r\n\r\n") },
	{ .name = "cparam01", .section = "3.3.12", .want = WANT_FORWARD,
	  .intact = "Contact: sip:+19725552222@gw1.example.net;unknownparam",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("cparam01") REG
		"Contact: sip:+19725552222@gw1.example.net;unknownparam"
		"\r\n" REST "\r\n") },
	{ .name = "cparam02", .section = "3.3.13", .want = WANT_FORWARD,
	  .intact = "Contact: <sip:+19725552222@gw1.example.net;unknownparam>",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("cparam02") REG
		"Contact: <sip:+19725552222@gw1.example.net;unknownparam>"
		"\r\n" REST "\r\n") },
	{ .name = "regescrt", .section = "3.3.14", .want = WANT_FORWARD,
	  .intact = "Contact: <sip:user@example.com?Route=%3Csip:sip.exampl",
	  TEXT("REGISTER sip:example.com SIP/2.0\r\n" VIA WHO
		ID("regescrt") REG
		"Contact: <sip:user@example.com?Route=%3Csip:sip.example."
		"com%3E>\r\n" REST "\r\n") },
	{ .name = "sdp01", .section = "3.3.15", .want = WANT_FORWARD,
	  .intact = "Accept: text/nobodyKnowsThis\r\n",
	  TEXT("INVITE sip:user@example.com SIP/2.0\r\n" VIA WHO
		ID("sdp01") INV "Accept: text/nobodyKnowsThis\r\n"
		REST "\r\n") },
	{ .name = "inv2543", .section = "3.4.1", .want = WANT_FORWARD,
	  .intact = "Content-Length: 0\r\n",
	  TEXT("INVITE sip:UserB@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS iftgw.example.com\r\n"
		"From: <sip:+13035551111@example.net;user=phone>\r\n"
		"To: sip:+16505552222@example.net;user=phone\r\n"
		"Call-ID: inv2543.torture\r\nCSeq: 56 INVITE\r\n"
		"Contact: <sip:+13035551111@ift.example.net>\r\n\r\n") },
	{ .name = "inv2543-with-length", .section = "3.4.1",
	  .want = WANT_FORWARD, .intact = "\r\n\r\nv=0\r\n",
	  TEXT("INVITE sip:UserB@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS iftgw.example.com\r\n"
		"From: <sip:+13035551111@example.net;user=phone>\r\n"
		"To: sip:+16505552222@example.net;user=phone\r\n"
		"Call-ID: inv2543b.torture\r\nCSeq: 56 INVITE\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 5\r\n\r\nv=0\r\n") },
	{ .name = "inv2543-body-behind", .section = "3.4.1",
	  .want = WANT_CLOSE,
	  TEXT("v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.5\r\n") },
};

/* Responses, sent by the server inside; none belongs to a request. */
static const struct torture torture_responses[] = {
	{ .name = "scalarlg", .section = "3.1.2.5", .want = WANT_DROP,
	  TEXT("SIP/2.0 503 Service Unavailable\r\n" VIA WHO
		ID("scalarlg") "CSeq: 9292394834772304023312 OPTIONS\r\n"
		"Retry-After: 949302838503028349304023988\r\n"
		"Content-Length: 0\r\n\r\n") },
	{ .name = "bigcode", .section = "3.1.2.19", .want = WANT_DROP,
	  TEXT("SIP/2.0 4294967301 better not break the receiver\r\n"
		VIA WHO ID("bigcode") INV "Content-Length: 0\r\n\r\n") },
	{ .name = "bcast", .section = "3.3.10", .want = WANT_DROP,
	  TEXT("SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/TLS 192.0.2.198;branch=z9hG4bK1324923\r\n"
		"Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"
		"\r\n" WHO ID("bcast") INV "Content-Length: 0\r\n\r\n") },
};

/* And two that answer a request: only their status line is odd. */
static const struct torture torture_answers[] = {
	{ .name = "unreason", .section = "3.1.1.12", .want = WANT_FORWARD,
	  TEXT("SIP/2.0 200 = 2**3 * 5**2 \320\275\320\276 "
		"\321\201\321\202\320\276\r\n") },
	{ .name = "noreason", .section = "3.1.1.13", .want = WANT_FORWARD,
	  TEXT("SIP/2.0 200 \r\n") },
};

#endif
