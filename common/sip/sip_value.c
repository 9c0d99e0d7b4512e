/*
 * Single header values. Sofia sees one value at a time, unfolded and NUL
 * terminated, never a whole message: so its method table, its error list
 * and its ideas about where a header ends can't matter. Where we and sofia
 * both have an opinion (tag, branch), they must agree, or the value is
 * refused (threat S1).
 */
#include "common/sip/sip_value.h"

#include <errno.h>
#include <string.h>

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/url.h>

#include "common/base/err.h"
#include "common/sip/sip_text.h"

int sip_value_uri(struct sip_arena *a, struct str text, struct sip_uri *out)
{
	char *room = sip_arena_get(a, text.n + 1);

	if (room == NULL)
		return -ENOMEM;
	return sip_uri_parse(text, room, text.n + 1, out);
}

/* The URI inside a name-addr or addr-spec, as it is written. */
static struct str uri_text_of(struct str value)
{
	struct str params = sip_params_of(value);
	struct str s = {value.p, value.n - params.n};
	size_t i = 0;

	while (i < s.n && s.p[i] != '<') {
		if (s.p[i] == '"') {
			for (i++; i < s.n && s.p[i] != '"'; i++) {
				if (s.p[i] == '\\')
					i++;
			}
		}
		i++;
	}
	if (i >= s.n)
		return str_trim(s);
	s = str_skip(s, i + 1);
	s.n = str_find(s, '>');
	return s;
}

/* Sofia forgives blanks in an addr-spec (RFC 4475 3.1.2.14), we do not. */
static bool has_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ')
			return true;
	}
	return s.n == 0;
}

/* Our view of one parameter against sofia's. Written twice, others could
 * choose the other one. */
static bool agrees(struct str params, const char *name, const char *sofia)
{
	struct str ours, whole, rest;

	if (!sip_param_find(params, name, &ours))
		return sofia == NULL;
	if (sip_param_span(params, name, &whole)) {
		rest = str_skip(params,
			(size_t)(whole.p + whole.n - params.p));
		if (sip_param_span(rest, name, &whole))
			return false;
	}
	return sofia != NULL && str_eq_z(ours, sofia);
}

static int from_of(su_home_t *home, const char *text, const url_t **url,
	struct str params)
{
	sip_from_t *h = sip_from_make(home, text);

	if (h == NULL || h->a_next != NULL)
		return EDGE_EMALFORMED;
	if (!agrees(params, "tag", h->a_tag))
		return EDGE_EMALFORMED;
	*url = h->a_url;
	return 0;
}

static int route_of(su_home_t *home, const char *text, const url_t **url)
{
	sip_route_t *h = sip_route_make(home, text);

	if (h == NULL || h->r_next != NULL)
		return EDGE_EMALFORMED;
	*url = h->r_url;
	return 0;
}

static int contact_of(su_home_t *home, const char *text, const url_t **url)
{
	sip_contact_t *h = sip_contact_make(home, text);

	if (h == NULL || h->m_next != NULL)
		return EDGE_EMALFORMED;
	*url = h->m_url;
	return 0;
}

int sip_value_addr(struct sip_arena *a, enum sip_header id, struct str text,
	struct sip_addr *out)
{
	su_home_t *home = sip_arena_home(a);
	struct sip_addr addr = {.text = text};
	const url_t *url = NULL;
	struct str uri_text;
	char *copy;
	int err;

	if (str_is_empty(text))
		return EDGE_EMALFORMED;
	copy = sip_arena_unfold(a, text);
	if (copy == NULL)
		return -ENOMEM;
	addr.params = sip_params_of(text);
	uri_text = uri_text_of(text);
	if (id == SIP_HEADER_CONTACT && str_eq_z(text, "*")) {
		addr.is_star = true;
		*out = addr;
		return 0;
	}
	if (has_blank(uri_text))
		return EDGE_EMALFORMED;
	if (id == SIP_HEADER_ROUTE || id == SIP_HEADER_RECORD_ROUTE ||
		id == SIP_HEADER_PATH)
		err = route_of(home, copy, &url);
	else if (id == SIP_HEADER_CONTACT)
		err = contact_of(home, copy, &url);
	else
		err = from_of(home, copy, &url, addr.params);
	if (err == 0)
		err = sip_uri_from_sofia(url, uri_text, &addr.uri);
	if (err != 0)
		return err;
	*out = addr;
	return 0;
}

int sip_value_via(struct sip_arena *a, struct str text, struct sip_via *out)
{
	struct sip_via via = {.text = text};
	const sip_via_t *v;
	const char *slash;
	uint32_t port = 0;
	char *copy;

	if (str_is_empty(text))
		return EDGE_EMALFORMED;
	copy = sip_arena_unfold(a, text);
	if (copy == NULL)
		return -ENOMEM;
	v = sip_via_make(sip_arena_home(a), copy);
	if (v == NULL || v->v_next != NULL || v->v_host == NULL ||
		v->v_host[0] == '\0' || v->v_protocol == NULL)
		return EDGE_EMALFORMED;
	slash = strrchr(v->v_protocol, '/');
	if (slash == NULL || strncasecmp(v->v_protocol, "SIP/2.0/", 8) != 0)
		return EDGE_EMALFORMED;
	via.transport = str_of(slash + 1);
	via.host = str_of(v->v_host);
	if (v->v_port != NULL && v->v_port[0] != '\0') {
		if (str_to_u32(str_of(v->v_port), &port) != 0 || port == 0 ||
			port > UINT16_MAX)
			return EDGE_EMALFORMED;
		via.port = (uint16_t)port;
	}
	via.params = sip_params_of(text);
	if (!agrees(via.params, "branch", v->v_branch) ||
		!agrees(via.params, "received", v->v_received))
		return EDGE_EMALFORMED;
	via.branch = str_of(v->v_branch);
	via.received = str_of(v->v_received);
	via.has_rport = sip_param_find(via.params, "rport", &via.rport);
	*out = via;
	return 0;
}
