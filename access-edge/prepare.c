/*
 * Edits of a request on its way out. Pure but for the message: no sockets,
 * no clock.
 */
#include "access-edge/prepare.h"

#include <errno.h>
#include <stdio.h>

#include "access-edge/hide.h"
#include "access-edge/partner_edit.h"
#include "access-edge/trust.h"
#include "common/base/err.h"
#include "common/sip/sip_edit.h"

#define VALUE_LEN (FLOW_SEALED_LEN + 384)

/* "<sip:TOKEN@edge.int.example:5061;transport=tls;lr>", token NULL: none. */
static int push_own(struct sip_msg *m, enum sip_header id,
	const char *token, const struct policy_side *side, const char *tail)
{
	char value[VALUE_LEN];

	snprintf(value, sizeof(value), "<sip:%s%s%s;transport=tls;lr%s>",
		token != NULL ? token : "", token != NULL ? "@" : "",
		side->host_port, tail);
	return sip_push(m, id, str_of(value));
}

/* How the outside of this message sees us. */
static const struct policy_side *outside_of(const struct prepare *p)
{
	return p->partner != NULL ? &p->policy->partners :
		&p->policy->outside;
}

static bool goes_in(const struct prepare *p)
{
	return p->from->role != ORIGIN_INTERNAL;
}

/* The value nearer to where the request goes is on top. */
static int record_route(struct sip_msg *m, const struct prepare *p,
	const char *token, const char *sealed)
{
	const struct policy_side *in = &p->policy->inside;
	const struct policy_side *out = outside_of(p);
	/* A partner can always be reached again by its name, and shows what
	 * we tell it on any of its connections. The inner token proves to us
	 * that a later request of its belongs to a dialog. */
	const char *outer = p->partner == NULL ? token :
		sealed[0] != '\0' ? sealed : NULL;
	int err = goes_in(p) ?
		push_own(m, SIP_HEADER_RECORD_ROUTE, outer, out, "") :
		push_own(m, SIP_HEADER_RECORD_ROUTE, token, in, "");

	if (err != 0)
		return err;
	return goes_in(p) ?
		push_own(m, SIP_HEADER_RECORD_ROUTE, token, in, "") :
		push_own(m, SIP_HEADER_RECORD_ROUTE, outer, out, "");
}

/* RFC 3327, RFC 5626 section 5.1, and what the original does. */
static int register_path(struct sip_msg *m, const struct prepare *p,
	const char *token)
{
	const struct policy *policy = p->policy;
	bool is_outbound = contact_is_outbound(m);
	int err = 0;

	if (policy->register_path != REGISTER_PATH_PATH)
		err = push_own(m, SIP_HEADER_RECORD_ROUTE, token,
			&policy->inside, "");
	if (err == 0 && policy->register_path !=
		REGISTER_PATH_RECORD_ROUTE)
		err = push_own(m, SIP_HEADER_PATH, token, &policy->inside,
			is_outbound ? ";ob" : "");
	if (err == 0 && policy->add_supported_path &&
		policy->register_path != REGISTER_PATH_RECORD_ROUTE &&
		!sip_msg_has_token(m, SIP_HEADER_SUPPORTED, "path"))
		err = sip_append(m, SIP_HEADER_SUPPORTED, STR_LIT("path"));
	return err;
}

static int mark_client(struct sip_msg *m, const struct prepare *p)
{
	bool all = p->policy->fix_nated_contact && !contact_is_outbound(m);
	const struct trust_mark mark = {
		.source = TRUST_INTERNET_USER,
		.is_verified = p->is_verified,
	};
	int err = trust_put(m, p->policy, &mark);

	if (err != 0)
		return err;
	return contact_replace(m, p->from, all);
}

/* The next Route is a strict router (16.6 step 6): it gets the Request-URI,
 * which moves to the end of the route. */
static int swap_strict(struct sip_msg *m)
{
	struct sip_addr next;
	char value[2048];
	int err = sip_msg_addr(m, SIP_HEADER_ROUTE, 0, &next);
	int n = snprintf(value, sizeof(value), "<%.*s>",
		STR_ARG(m->uri.text));

	if (err != 0 || n < 0 || (size_t)n >= sizeof(value))
		return EDGE_EMALFORMED;
	err = sip_pop(m, SIP_HEADER_ROUTE);
	if (err == 0)
		err = sip_append(m, SIP_HEADER_ROUTE, str_of(value));
	if (err == 0)
		err = sip_set_uri(m, next.uri.text);
	return err;
}

static int edit_routes(struct sip_msg *m, const struct prepare *p)
{
	int err = 0;

	for (size_t i = 0; i < p->route->own_routes && err == 0; i++)
		err = sip_pop(m, SIP_HEADER_ROUTE);
	if (err == 0 && p->route->is_strict)
		err = swap_strict(m);
	return err;
}

static int edit_record(struct sip_msg *m, const struct prepare *p)
{
	const struct hide hide = {.policy = p->policy, .keys = p->keys};
	char token[FLOW_TOKEN_LEN + 1], sealed[FLOW_SEALED_LEN] = "";
	int err = 0;
	uint64_t cid = goes_in(p) ? p->from->cid : p->route->cid;
	uint8_t flags = p->partner != NULL ? FLOW_FEDERATION : 0;

	if (m->method_id == SIP_ACK)
		return 0;
	if (m->method_id == SIP_REGISTER && contact_is_outbound(m))
		flags = FLOW_OUTBOUND;
	flow_token(p->keys, flags, cid, token);
	if (m->method_id == SIP_REGISTER)
		return register_path(m, p, token);
	if (p->partner != NULL && !goes_in(p))
		err = hide_request(m, &hide, sealed);
	return err != 0 ? err : record_route(m, p, token, sealed);
}

static int edit_hop(struct sip_msg *m, const struct prepare *p)
{
	const struct policy_side *side = goes_in(p) ? &p->policy->inside :
		outside_of(p);
	const struct hide hide = {.policy = p->policy, .keys = p->keys};
	char value[VALUE_LEN];
	int err = sip_set_max_forwards(m, m->has_max_forwards ?
		m->max_forwards - 1 : 70);

	snprintf(value, sizeof(value),
		"SIP/2.0/TLS %s;branch=%s;branched=FALSE", side->host_port,
		p->branch);
	if (err == 0)
		err = sip_push(m, SIP_HEADER_VIA, str_of(value));
	if (err == 0 && p->partner != NULL && !goes_in(p))
		err = hide_vias(m, &hide);
	return err;
}

static int edit_partner(struct sip_msg *m, const struct prepare *p)
{
	int gone = 0;

	if (p->partner != NULL)
		gone = goes_in(p) ?
			partner_edit_in(m, p->policy, p->partner) :
			partner_edit_out(m, p->policy, p->partner);
	return gone < 0 ? gone : 0;
}

struct verdict prepare_request(struct sip_msg *m, const struct prepare *p)
{
	struct verdict v = verdict_rule(verdict_answer(400,
		DIAG_UNREADABLE, "the Contact can't be rewritten"),
		"contact");
	int err = edit_routes(m, p);

	if (err == 0 && p->from->role == ORIGIN_CLIENT) {
		err = mark_client(m, p);
		if (err == EDGE_EREFUSED || err == EDGE_EMALFORMED) {
			v.reason = "Bad Contact Header";
			return v;
		}
	}
	if (err == 0)
		err = edit_partner(m, p);
	if (err == 0)
		err = edit_record(m, p);
	if (err == 0)
		err = edit_hop(m, p);
	if (err == 0)
		return verdict_pass();
	return err == -ENOMEM ? verdict_no_memory() :
		verdict_rule(verdict_answer(400, DIAG_NONE,
			"the request can't be edited"), "shape");
}
