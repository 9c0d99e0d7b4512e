/*
 * Contact rewriting. The URI is taken apart by the parser, but put together
 * from pieces of its own text, so that what is not replaced stays as the
 * client wrote it.
 */
#include "access-edge/contact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_edit.h"

#define CONTACTS_MAX 16
#define MARK         "ms-received-cid"

static struct str unbracket(struct str host)
{
	if (host.n > 2 && host.p[0] == '[')
		return (struct str){host.p + 1, host.n - 2};
	return host;
}

static bool is_address(struct str host)
{
	struct addr a;

	return addr_parse(unbracket(host), &a) == 0;
}

/* Where the host begins in the URI's text; text.n when it can't be told. */
static size_t host_at(const struct sip_uri *uri)
{
	size_t at = str_find(uri->text, ':') + 1;

	if (at > uri->text.n)
		return uri->text.n;
	if (uri->user.n > 0)
		at = str_find(uri->text, '@') + 1;
	if (at + uri->host.n > uri->text.n ||
		!str_ieq((struct str){uri->text.p + at, uri->host.n},
			uri->host))
		return uri->text.n;
	return at;
}

/* What follows host and port, in two: parameters, headers. */
static void split_tail(const struct sip_uri *uri, size_t after,
	struct str *params, struct str *headers)
{
	struct str rest = str_skip(uri->text, after);
	size_t n = 0;

	if (rest.n > 0 && rest.p[0] == ':') { /* the port written there */
		for (n = 1; n < rest.n && rest.p[n] >= '0' &&
			rest.p[n] <= '9'; n++)
			;
		rest = str_skip(rest, n);
	}
	n = str_find(rest, '?');
	*params = (struct str){rest.p, n};
	*headers = str_skip(rest, n);
}

/* Steps 5 to 8: host, port, maddr, ms-received-cid. Heap string or NULL.
 * What a client writes of these two, from a connection before or of its own
 * making, does not stay beside ours. */
static char *new_uri(struct sip_msg *m, const struct sip_uri *uri,
	const struct origin *from)
{
	char ip[ADDR_TEXT_LEN], seen[ADDR_TEXT_LEN + 2], *out = NULL;
	size_t at = host_at(uri);
	struct str params, headers, maddr, host = uri->host;
	struct str before, after = STR_LIT("");
	bool has_maddr, is_literal = is_address(uri->host);

	if (at == uri->text.n)
		return NULL;
	addr_ip_text(&from->remote, ip);
	snprintf(seen, sizeof(seen), from->remote.family == 6 ? "[%s]" :
		"%s", ip);
	split_tail(uri, at + uri->host.n, &params, &headers);
	if (sip_param_unset(m, params, MARK, &params) != 0)
		return NULL;
	before = params;
	has_maddr = sip_param_span(params, "maddr", &maddr);
	if (has_maddr) {
		before.n = (size_t)(maddr.p - params.p);
		after = str_skip(params, before.n + maddr.n);
		if (sip_param_unset(m, after, "maddr", &after) != 0)
			return NULL;
	} else if (is_literal) {
		host = str_of(seen);
	}
	if (asprintf(&out, "%.*s%.*s:%u%.*s%s%s%.*s;" MARK "=%s%.*s",
		(int)at, uri->text.p, STR_ARG(host), from->remote.port,
		STR_ARG(before), has_maddr || !is_literal ? ";maddr=" : "",
		has_maddr || !is_literal ? seen : "", STR_ARG(after),
		from->cid_text, STR_ARG(headers)) < 0)
		return NULL;
	return out;
}

/* The rules 1 to 3, which refuse. */
static bool may_replace(const struct sip_msg *m, const struct sip_addr *c,
	struct str value)
{
	struct str transport;

	if (m->is_request && m->via_count > 1)
		return false;
	if (!str_ieq_z(value, "replace"))
		return false;
	return !sip_uri_param(&c->uri, "transport", &transport) ||
		str_ieq_z(transport, "tls");
}

/* What others read in it is what we wrote: a name that is written with
 * escapes is not found in the text, but in the URI it is the same (RFC 3261
 * section 19.1.4). */
static bool is_ours(struct sip_msg *m, const char *text,
	const struct origin *from)
{
	struct sip_uri uri;
	struct str cid, maddr;
	struct addr a;

	if (sip_msg_uri_of(m, str_of(text), &uri) != 0 ||
		!sip_uri_param(&uri, MARK, &cid) ||
		!str_eq_z(cid, from->cid_text))
		return false;
	return !sip_uri_param(&uri, "maddr", &maddr) ||
		(addr_parse(unbracket(maddr), &a) == 0 &&
			addr_ip_eq(&a, &from->remote));
}

static int rewrite(struct sip_msg *m, size_t n, const struct sip_addr *c,
	const struct origin *from)
{
	struct str params;
	char *uri = new_uri(m, &c->uri, from);
	char *value = NULL;
	int before = (int)(c->uri.text.p - c->text.p);
	bool has_angle = before > 0 && c->uri.text.p[-1] == '<';
	int err;

	if (uri == NULL)
		return EDGE_EMALFORMED;
	err = is_ours(m, uri, from) ? 0 : EDGE_EREFUSED;
	if (err == 0)
		err = sip_param_unset(m, c->params, "proxy", &params);
	if (err == 0 && asprintf(&value, "%.*s%s%s>%.*s", before,
		c->text.p, has_angle ? "" : "<", uri, STR_ARG(params)) < 0) {
		value = NULL;
		err = -ENOMEM;
	}
	if (err == 0)
		err = sip_replace(m, SIP_HEADER_CONTACT, n, str_of(value));
	free(value);
	free(uri);
	return err;
}

/* One that stays as it is names no connection: route.c would believe it. */
static int unmark(struct sip_msg *m, size_t n)
{
	struct sip_addr c;
	struct sip_uri uri;
	struct str text, rest;
	char *value = NULL;
	int err = sip_msg_addr(m, SIP_HEADER_CONTACT, n, &c);

	/* What can't be read was never believed. */
	if (err != 0 || !sip_uri_has_param(&c.uri, MARK))
		return err == -ENOMEM ? err : 0;
	err = sip_param_unset(m, c.uri.text, MARK, &text);
	if (err != 0)
		return err;
	if (sip_msg_uri_of(m, text, &uri) != 0 ||
		sip_uri_has_param(&uri, MARK))
		return EDGE_EREFUSED;
	rest = str_skip(c.text, (size_t)(c.uri.text.p - c.text.p) +
		c.uri.text.n);
	if (asprintf(&value, "%.*s%.*s%.*s", (int)(c.uri.text.p - c.text.p),
		c.text.p, STR_ARG(text), STR_ARG(rest)) < 0)
		return -ENOMEM;
	err = sip_replace(m, SIP_HEADER_CONTACT, n, str_of(value));
	free(value);
	return err;
}

/* 1 = yes, 0 = it stays, or an error. */
static int is_to_change(struct sip_msg *m, size_t n, struct sip_addr *c,
	bool all)
{
	struct str text, value;
	bool asked;
	int err;

	asked = sip_msg_value(m, SIP_HEADER_CONTACT, n, &text) &&
		sip_param_find(sip_params_of(text), "proxy", &value);
	if (!asked && !all)
		return 0;
	err = sip_msg_addr(m, SIP_HEADER_CONTACT, n, c);
	if (err != 0)
		return err;
	if (c->is_star || !sip_uri_is_sip(&c->uri))
		return 0;
	if (asked)
		return may_replace(m, c, value) ? 1 : EDGE_EREFUSED;
	return is_address(c->uri.host) && !sip_uri_has_param(&c->uri, "ob");
}

int contact_replace(struct sip_msg *m, const struct origin *from, bool all)
{
	for (size_t n = 0; n < CONTACTS_MAX; n++) {
		struct sip_addr c;
		struct str text;
		int err;

		if (!sip_msg_value(m, SIP_HEADER_CONTACT, n, &text))
			return 0;
		err = is_to_change(m, n, &c, all);
		if (err == 1)
			err = rewrite(m, n, &c, from);
		else if (err == 0)
			err = unmark(m, n);
		if (err != 0)
			return err;
	}
	return EDGE_EREFUSED; /* nobody has so many */
}

bool contact_is_outbound(struct sip_msg *m)
{
	struct str text, params, value;

	if (m->via_count != 1 ||
		!sip_msg_value(m, SIP_HEADER_CONTACT, 0, &text))
		return false;
	params = sip_params_of(text);
	return sip_param_find(params, "reg-id", &value) &&
		sip_param_find(params, "+sip.instance", &value);
}
