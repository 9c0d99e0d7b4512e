/*
 * Hiding is stateless: what was sealed is opened whenever it comes back,
 * whatever the settings say by then, so that dialogs survive a change.
 */
#include "access-edge/hide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/sip/sip_edit.h"

#define VALUES_MAX 20 /* as many Routes as a request may have */
#define HOPS_MAX   70 /* RFC 3261 section 8.1.1.6 */
#define VALUE_LEN  (FLOW_SEALED_LEN + 320)

static bool is_own(struct sip_msg *m, enum sip_header id, size_t n,
	const struct hide *h, struct sip_addr *out)
{
	return sip_msg_addr(m, id, n, out) == 0 &&
		policy_is_own_uri(h->policy, &out->uri);
}

/* Values from..to of Record-Route as one list, folds gone; in the order in
 * which they will be Routes. False when they are too long to be hidden. */
static bool join(const struct sip_msg *m, size_t from, size_t to,
	bool reverse, char out[static FLOW_PLAIN_LEN + 1])
{
	size_t at = 0;

	for (size_t i = from; i < to; i++) {
		struct str v;
		int n;

		if (!sip_msg_value(m, SIP_HEADER_RECORD_ROUTE, reverse ?
			to - 1 - (i - from) : i, &v) || !sip_is_one_line(v))
			return false;
		n = snprintf(out + at, FLOW_PLAIN_LEN + 1 - at, "%s%.*s",
			at > 0 ? ", " : "", STR_ARG(v));
		if (n < 0 || at + (size_t)n > FLOW_PLAIN_LEN)
			return false;
		at += (size_t)n;
	}
	return at > 0;
}

static void tell_too_long(const struct sip_msg *m)
{
	log_limited(LOG_LEVEL_WARNING, 6, "route.shown",
		"call_id=%s cause=\"too long to be hidden\"",
		log_q(m->call_id));
}

int hide_request(struct sip_msg *m, const struct hide *h,
	char token[static FLOW_SEALED_LEN])
{
	char plain[FLOW_PLAIN_LEN + 1];
	size_t n = sip_msg_count(m, SIP_HEADER_RECORD_ROUTE);

	token[0] = '\0';
	if (!h->policy->hide_record_routes || n == 0)
		return 0;
	if (n > VALUES_MAX || !join(m, 0, n, false, plain) ||
		flow_seal(h->keys, str_of(plain), token)[0] == '\0') {
		tell_too_long(m);
		return 0;
	}
	sip_remove(m, "Record-Route");
	return 0;
}

int hide_vias(struct sip_msg *m, const struct hide *h)
{
	int err = 0;

	if (!h->policy->hide_vias)
		return 0;
	for (size_t n = sip_msg_count(m, SIP_HEADER_VIA); err == 0 && n > 1;
		n--)
		err = sip_drop_value(m, SIP_HEADER_VIA, 1);
	return err;
}

/* The URI of a Record-Route of ours with this user part ("" = none). */
static int set_user(struct sip_msg *m, size_t n, const struct sip_addr *own,
	const char *user)
{
	char value[VALUE_LEN];
	int len = snprintf(value, sizeof(value),
		"<sip:%s%s%.*s:%u;transport=tls;lr>", user,
		user[0] != '\0' ? "@" : "", STR_ARG(own->uri.host),
		sip_uri_port(&own->uri));

	if (len < 0 || (size_t)len >= sizeof(value))
		return EDGE_EMALFORMED;
	return sip_replace(m, SIP_HEADER_RECORD_ROUTE, n, str_of(value));
}

/* Where our pair begins; count when it is not there, or behind more than
 * there are proxies on any way. */
static size_t first_own(struct sip_msg *m, const struct hide *h,
	size_t count)
{
	struct sip_addr a;
	size_t i = 0;

	while (i < count && i < HOPS_MAX &&
		!is_own(m, SIP_HEADER_RECORD_ROUTE, i, h, &a))
		i++;
	return i < HOPS_MAX ? i : count;
}

int hide_response(struct sip_msg *m, const struct hide *h)
{
	char plain[FLOW_PLAIN_LEN + 1], token[FLOW_SEALED_LEN];
	size_t count = sip_msg_count(m, SIP_HEADER_RECORD_ROUTE);
	size_t own = first_own(m, h, count);
	struct sip_addr outer;
	int err;

	if (!h->policy->hide_record_routes || own == 0 || own + 1 >= count ||
		!is_own(m, SIP_HEADER_RECORD_ROUTE, own + 1, h, &outer))
		return 0;
	/* The partner takes its route set from it in reverse. */
	if (own > VALUES_MAX || !join(m, 0, own, true, plain) ||
		flow_seal(h->keys, str_of(plain), token)[0] == '\0') {
		tell_too_long(m);
		return 0;
	}
	err = set_user(m, own + 1, &outer, token);
	for (size_t i = 0; i < own && err == 0; i++)
		err = sip_pop(m, SIP_HEADER_RECORD_ROUTE);
	return err;
}

int hide_show_response(struct sip_msg *m, const struct hide *h)
{
	char room[FLOW_SEALED_LEN];
	size_t count = sip_msg_count(m, SIP_HEADER_RECORD_ROUTE);
	struct sip_addr own;
	struct str hidden;
	size_t at = first_own(m, h, count);
	int err;

	if (at == count || !is_own(m, SIP_HEADER_RECORD_ROUTE, at, h,
		&own) || !flow_open(h->keys, own.uri.user, h->now, room,
		&hidden))
		return 0;
	err = set_user(m, at, &own, "");
	return err != 0 ? err : sip_append(m, SIP_HEADER_RECORD_ROUTE,
		hidden);
}

int hide_show_request(struct sip_msg *m, const struct hide *h)
{
	char room[FLOW_SEALED_LEN];
	size_t count = sip_msg_count(m, SIP_HEADER_ROUTE);
	struct str hidden = {NULL, 0};
	int err;

	/* Ours alone: behind them is nobody's place but theirs. */
	for (size_t i = 0; i < count; i++) {
		struct sip_addr a;

		if (!is_own(m, SIP_HEADER_ROUTE, i, h, &a))
			return 0;
		if (hidden.n == 0)
			(void)flow_open(h->keys, a.uri.user, h->now, room,
				&hidden);
	}
	if (hidden.n == 0)
		return 0;
	err = sip_append(m, SIP_HEADER_ROUTE, hidden);
	if (err == 0)
		m->route_count = (unsigned)sip_msg_count(m, SIP_HEADER_ROUTE);
	return err;
}
