/*
 * The names of methods and headers: two tables and their look-ups. Compact
 * forms are those of the IANA registry.
 */
#include "common/sip/sip_msg.h"

#include <string.h>

#include "common/base/attr.h"

static const char *const method_names[] = {
	[SIP_INVITE] = "INVITE",
	[SIP_ACK] = "ACK",
	[SIP_CANCEL] = "CANCEL",
	[SIP_BYE] = "BYE",
	[SIP_REGISTER] = "REGISTER",
	[SIP_OPTIONS] = "OPTIONS",
	[SIP_SUBSCRIBE] = "SUBSCRIBE",
	[SIP_NOTIFY] = "NOTIFY",
	[SIP_REFER] = "REFER",
	[SIP_UPDATE] = "UPDATE",
	[SIP_PRACK] = "PRACK",
	[SIP_INFO] = "INFO",
	[SIP_MESSAGE] = "MESSAGE",
	[SIP_PUBLISH] = "PUBLISH",
	[SIP_SERVICE] = "SERVICE",
	[SIP_BENOTIFY] = "BENOTIFY",
	[SIP_NEGOTIATE] = "NEGOTIATE",
};

struct header_name {
	struct str name;
	char compact; /* 0 = none */
};

#define NAME(text, compact) {{text, sizeof(text) - 1}, compact}

static const struct header_name header_names[] = {
	[SIP_HEADER_VIA] = NAME("Via", 'v'),
	[SIP_HEADER_FROM] = NAME("From", 'f'),
	[SIP_HEADER_TO] = NAME("To", 't'),
	[SIP_HEADER_CALL_ID] = NAME("Call-ID", 'i'),
	[SIP_HEADER_CSEQ] = NAME("CSeq", 0),
	[SIP_HEADER_MAX_FORWARDS] = NAME("Max-Forwards", 0),
	[SIP_HEADER_ROUTE] = NAME("Route", 0),
	[SIP_HEADER_RECORD_ROUTE] = NAME("Record-Route", 0),
	[SIP_HEADER_PATH] = NAME("Path", 0),
	[SIP_HEADER_CONTACT] = NAME("Contact", 'm'),
	[SIP_HEADER_CONTENT_LENGTH] = NAME("Content-Length", 'l'),
	[SIP_HEADER_CONTENT_TYPE] = NAME("Content-Type", 'c'),
	[SIP_HEADER_CONTENT_ENCODING] = NAME("Content-Encoding", 'e'),
	[SIP_HEADER_PROXY_REQUIRE] = NAME("Proxy-Require", 0),
	[SIP_HEADER_REQUIRE] = NAME("Require", 0),
	[SIP_HEADER_SUPPORTED] = NAME("Supported", 'k'),
	[SIP_HEADER_SUBJECT] = NAME("Subject", 's'),
	[SIP_HEADER_EVENT] = NAME("Event", 'o'),
	[SIP_HEADER_REFER_TO] = NAME("Refer-To", 'r'),
	[SIP_HEADER_REFERRED_BY] = NAME("Referred-By", 'b'),
	[SIP_HEADER_ALLOW_EVENTS] = NAME("Allow-Events", 'u'),
	[SIP_HEADER_ACCEPT_CONTACT] = NAME("Accept-Contact", 'a'),
	[SIP_HEADER_REJECT_CONTACT] = NAME("Reject-Contact", 'j'),
	[SIP_HEADER_REQUEST_DISPOSITION] = NAME("Request-Disposition", 'd'),
	[SIP_HEADER_IDENTITY] = NAME("Identity", 'y'),
	[SIP_HEADER_SESSION_EXPIRES] = NAME("Session-Expires", 'x'),
};

enum sip_method sip_method_of(struct str name)
{
	for (size_t i = 1; i < ARRAY_COUNT(method_names); i++) {
		if (str_eq_z(name, method_names[i]))
			return (enum sip_method)i;
	}
	return SIP_METHOD_OTHER;
}

enum sip_header sip_header_of(struct str name)
{
	char lower;

	if (name.n == 0)
		return SIP_HEADER_OTHER;
	lower = (char)(name.p[0] | 0x20);
	for (size_t i = 1; i < ARRAY_COUNT(header_names); i++) {
		const struct header_name *h = &header_names[i];

		if (name.n == 1 && h->compact == lower)
			return (enum sip_header)i;
		if (name.n == h->name.n && (h->name.p[0] | 0x20) == lower &&
			str_ieq(name, h->name))
			return (enum sip_header)i;
	}
	return SIP_HEADER_OTHER;
}

const char *sip_header_text(enum sip_header id)
{
	return id == SIP_HEADER_OTHER ? "" : header_names[id].name.p;
}
