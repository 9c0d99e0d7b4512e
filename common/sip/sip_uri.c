/*
 * URIs: sofia's url_d() splits them in a private copy; the parts are given
 * out as slices of that copy. Its fields may be NULL and its port is text
 * that need not be a number.
 */
#include "common/sip/sip_uri.h"

#include <string.h>

#include <sofia-sip/url.h>

#include "common/base/err.h"
#include "common/sip/sip_text.h"
#include "common/sip/sip_value.h"

/* RFC 3261 section 25.1: host. Sofia takes nearly anything for one. */
static bool is_host(struct str s)
{
	bool is_ipv6 = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	if (is_ipv6)
		s = (struct str){s.p + 1, s.n - 2};
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_alnum = (c >= '0' && c <= '9') ||
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_alnum && c != '.' && !(is_ipv6 ? c == ':' :
			(c == '-' || c == '_')))
			return false;
	}
	return s.n > 0;
}

/* Sofia undoes escapes in a host, which none may have: then the host is not
 * in the text as we have it, and others would see another one. */
static bool is_written(struct str text, struct str host)
{
	for (; text.n >= host.n; text = str_skip(text, 1)) {
		if (str_ieq((struct str){text.p, host.n}, host))
			return true;
	}
	return false;
}

int sip_uri_from_sofia(const void *sofia, struct str text,
	struct sip_uri *out)
{
	const url_t *url = sofia;
	struct sip_uri uri = {.text = text};
	uint32_t port = 0;

	uri.scheme = str_of(url->url_scheme);
	uri.user = str_of(url->url_user);
	uri.host = str_of(url->url_host);
	uri.params = str_of(url->url_params);
	uri.headers = str_of(url->url_headers);
	/* Of other schemes sofia may call anything a port. */
	if (sip_uri_is_sip(&uri) && url->url_port != NULL &&
		url->url_port[0] != '\0') {
		if (str_to_u32(str_of(url->url_port), &port) != 0 ||
			port == 0 || port > UINT16_MAX)
			return EDGE_EMALFORMED;
	}
	uri.port = (uint16_t)port;
	if (sip_uri_is_sip(&uri) && (!is_host(uri.host) ||
		!is_written(text, uri.host)))
		return EDGE_EMALFORMED;
	*out = uri;
	return 0;
}

/* Characters that no URI may hold as they are: blanks, control characters,
 * quotes and angle brackets (RFC 3986 appendix A, RFC 4475 3.1.2.8). */
static bool is_uri_text(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c <= ' ' || c == 0x7f || c == '<' || c == '>' ||
			c == '"')
			return false;
	}
	return text.n > 0;
}

int sip_uri_parse(struct str text, char *room, size_t cap,
	struct sip_uri *out)
{
	url_t url;

	if (!is_uri_text(text))
		return EDGE_EMALFORMED;
	if (text.n >= cap)
		return EDGE_ETOOBIG;
	memcpy(room, text.p, text.n);
	room[text.n] = '\0';
	if (url_d(&url, room) < 0 || url.url_scheme == NULL)
		return EDGE_EMALFORMED;
	return sip_uri_from_sofia(&url, text, out);
}

bool sip_uri_is_sip(const struct sip_uri *uri)
{
	return str_ieq_z(uri->scheme, "sip") || str_ieq_z(uri->scheme, "sips");
}

bool sip_uri_has_param(const struct sip_uri *uri, const char *name)
{
	struct str value;

	return sip_param_find(uri->params, name, &value);
}

bool sip_uri_param(const struct sip_uri *uri, const char *name,
	struct str *value)
{
	return sip_param_find(uri->params, name, value);
}

uint16_t sip_uri_port(const struct sip_uri *uri)
{
	struct str transport;

	if (uri->port != 0)
		return uri->port;
	if (str_ieq_z(uri->scheme, "sips"))
		return 5061;
	if (sip_uri_param(uri, "transport", &transport) &&
		str_ieq_z(transport, "tls"))
		return 5061;
	return 5060;
}
