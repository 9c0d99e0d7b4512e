/*
 * Writing [MS-AVEDGEA] answers: on one line, children in the fixed order of
 * the schema, everything that came from outside escaped. The room is
 * bounded beforehand, so that it is allocated once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "common/base/buf.h"
#include "common/base/err.h"

/* Longest form of one character: "&quot;". */
#define ESCAPED_MAX  6
#define HEAD_MAX     512 /* of the root, without what is echoed */
#define GRANT_MAX    512 /* of one credentialsResponse, likewise */
#define RELAY_MAX    256 /* of one mediaRelay, without its name */

static size_t bound_of(const struct avedge_response *a)
{
	const struct avedge_request *q = a->request;
	size_t relays = 0;
	size_t bound;

	for (size_t i = 0; i < a->relay_count; i++)
		relays += RELAY_MAX + ESCAPED_MAX * strlen(a->relays[i].name);
	bound = HEAD_MAX + ESCAPED_MAX * (q->id.n + q->version.n + q->to.n +
						 q->from.n);
	for (size_t i = 0; i < a->grant_count; i++)
		bound += GRANT_MAX + ESCAPED_MAX * a->grants[i].id.n + relays;
	return bound;
}

static void put(struct wbuf *w, const char *text)
{
	wbuf_bytes(w, text, strlen(text));
}

/* Line ends and tabs too: the answer is one line, and an attribute keeps
 * them only as references. */
static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

static void put_escaped(struct wbuf *w, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *escape = escape_of(s.p[i]);

		if (escape != NULL)
			put(w, escape);
		else
			wbuf_u8(w, (uint8_t)s.p[i]);
	}
}

/* Left out when there is nothing to echo. */
static void put_attribute(struct wbuf *w, const char *name, struct str value)
{
	if (str_is_empty(value))
		return;
	put(w, " ");
	put(w, name);
	put(w, "=\"");
	put_escaped(w, value);
	put(w, "\"");
}

static void put_element(struct wbuf *w, const char *name, const char *text)
{
	put(w, "<");
	put(w, name);
	put(w, ">");
	put_escaped(w, str_of(text));
	put(w, "</");
	put(w, name);
	put(w, ">");
}

static void put_number(struct wbuf *w, const char *name, uint32_t number)
{
	char digits[11];
	char *p = &digits[sizeof(digits) - 1];

	*p = '\0';
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_element(w, name, p);
}

static void put_relay(struct wbuf *w, const struct avedge_relay *relay)
{
	put(w, "<mediaRelay>");
	put_element(w, "location", avedge_location_text(relay->location));
	put_element(w, relay->is_address ? "directIPAddress" : "hostName",
		relay->name);
	if (relay->udp_port != 0)
		put_number(w, "udpPort", relay->udp_port);
	if (relay->tcp_port != 0)
		put_number(w, "tcpPort", relay->tcp_port);
	put(w, "</mediaRelay>");
}

static void put_grant(struct wbuf *w, const struct avedge_response *a,
	const struct avedge_grant *grant)
{
	put(w, "<credentialsResponse");
	put_attribute(w, "credentialsRequestID", grant->id);
	put(w, "><credentials>");
	put_element(w, "username", grant->user);
	put_element(w, "password", grant->password);
	put_number(w, "duration", grant->duration_min);
	put(w, "</credentials><mediaRelayList>");
	for (size_t i = 0; i < a->relay_count; i++)
		if (grant->location == AVEDGE_ANYWHERE ||
			grant->location == a->relays[i].location)
			put_relay(w, &a->relays[i]);
	put(w, "</mediaRelayList></credentialsResponse>");
}

static void put_response(struct wbuf *w, const struct avedge_response *a)
{
	const struct avedge_request *q = a->request;

	put(w, "<?xml version=\"1.0\"?><response");
	put_attribute(w, "requestID", q->id);
	put_attribute(w, "version", q->version);
	put_attribute(w, "serverVersion", str_of(a->server_version));
	put_attribute(w, "to", q->to);
	put_attribute(w, "from", q->from);
	put_attribute(w, "reasonPhrase", str_of(avedge_reason_text(a->reason)));
	put_attribute(w, "xmlns", str_of(AVEDGE_NAMESPACE));
	if (a->grant_count == 0) {
		put(w, "/>");
		return;
	}
	put(w, ">");
	for (size_t i = 0; i < a->grant_count; i++)
		put_grant(w, a, &a->grants[i]);
	put(w, "</response>");
}

int avedge_response_print(const struct avedge_response *response, char **out,
	size_t *len)
{
	size_t cap = bound_of(response);
	char *text = malloc(cap);
	struct wbuf w = wbuf_of(text, cap);

	if (text == NULL)
		return -ENOMEM;
	put_response(&w, response);
	if (!wbuf_ok(&w)) {
		free(text);
		return EDGE_ETOOBIG;
	}
	*out = text;
	*len = w.len;
	return 0;
}
