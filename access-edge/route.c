/*
 * The next hop. First our own Routes on top are read, with the flow tokens
 * in them; what they and the next Route say decides, by side.
 */
#include "access-edge/route.h"

#include <stdio.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/sip/sip_edit.h"

#define OWN_ROUTES_MAX 2 /* double Record-Route */
#define OWN_ROUTE_LEN  1024

/* What the Routes of a request say. */
struct reading {
	size_t own;       /* how many on top are ours */
	bool has_flow;
	struct flow flow;
	bool has_next;    /* another Route follows */
	bool next_is_own;
	struct sip_addr next;
};

static struct verdict abuse(const char *cause)
{
	struct verdict v = verdict_answer(403, DIAG_NONE, cause);

	v.is_abuse = true;
	v.rule = "route.abuse";
	return v;
}

static bool is_own(const struct route_in *in, const struct sip_addr *r)
{
	return policy_is_own_uri(in->policy, &r->uri);
}

/* A Route of ours: note its flow. */
static struct verdict read_own(const struct route_in *in,
	const struct sip_addr *route, struct reading *r)
{
	struct flow flow;

	switch (flow_check(in->keys, route->uri.user, in->now, &flow)) {
	case FLOW_FORGED:
		return abuse("a flow token with a wrong signature");
	case FLOW_GOOD:
		if (r->has_flow && flow.cid != r->flow.cid)
			return abuse("two flow tokens that differ");
		r->has_flow = true;
		r->flow = flow;
		break;
	case FLOW_NONE:
		break;
	}
	return verdict_pass();
}

static struct verdict read_routes(struct sip_msg *m,
	const struct route_in *in, struct reading *r)
{
	struct verdict v = verdict_pass();

	memset(r, 0, sizeof(*r));
	for (size_t n = 0; n <= OWN_ROUTES_MAX; n++) {
		struct sip_addr route;
		int err = sip_msg_addr(m, SIP_HEADER_ROUTE, n, &route);

		if (err == EDGE_EUNKNOWN)
			return verdict_pass();
		if (err != 0) {
			v = verdict_answer(400, DIAG_UNREADABLE,
				"a Route can't be read");
			v.reason = "Bad Route Header";
			return v;
		}
		if (n == OWN_ROUTES_MAX || !is_own(in, &route)) {
			r->has_next = true;
			r->next = route;
			r->next_is_own = is_own(in, &route);
			return verdict_pass();
		}
		v = read_own(in, &route, r);
		if (v.kind != VERDICT_PASS)
			return v;
		r->own++;
	}
	return v;
}

/* No Route of a client may make us knock at other ports of a server. */
static bool is_sip_port(const struct policy *p, uint16_t port)
{
	const struct topology *t = p->topology;

	for (size_t i = 0; i < t->hop_count; i++) {
		if (t->hops[i].port == port)
			return true;
	}
	return port == 5061;
}

/* The inside server that a Route names, into out. */
static bool server_of(const struct route_in *in, const struct sip_uri *uri,
	struct route *out)
{
	struct str host = dns_name_without_dot(uri->host);
	struct addr a;
	const char *name;

	out->port = sip_uri_port(uri);
	if (host.n > 2 && host.p[0] == '[')
		host = (struct str){host.p + 1, host.n - 2};
	if (addr_parse(host, &a) == 0) {
		a = addr_with_port(&a, out->port);
		name = in->world.server_at(in->world.arg, &a);
		/* It may be of a topology that is no more. */
		if (name == NULL || !policy_trusts(in->policy,
			str_of(name)))
			return false;
		snprintf(out->server, sizeof(out->server), "%s", name);
		return true;
	}
	return policy_trusts(in->policy, host) &&
		is_sip_port(in->policy, out->port) &&
		str_copy(host, out->server, sizeof(out->server)) == 0;
}

/* A client may show the token of its own connection, or, once signed in,
 * of one that is gone: it has moved to another network. */
static struct verdict check_client_flow(const struct route_in *in,
	const struct reading *r)
{
	bool is_open;

	if (!r->has_flow || (!r->flow.is_other_edge &&
		r->flow.cid == in->from->cid))
		return verdict_pass();
	is_open = !r->flow.is_other_edge &&
		in->world.client(in->world.arg, r->flow.cid) != NULL;
	if (is_open)
		return abuse("the flow token of another connection");
	if (!in->from->is_signed_in)
		return abuse("an old flow token before signing in");
	return verdict_pass();
}

/* A partner learns the token of its own connection in the Record-Route of a
 * dialog, and shows it on any of its connections. */
static struct verdict check_partner_flow(const struct route_in *in,
	const struct reading *r)
{
	const char *name;

	if (!r->has_flow)
		return verdict_pass();
	if ((r->flow.flags & FLOW_FEDERATION) == 0)
		return abuse("the flow token of a client");
	name = r->flow.is_other_edge ? NULL :
		in->world.partner(in->world.arg, r->flow.cid);
	if (name != NULL && strcmp(name, in->from->peer_name) != 0)
		return abuse("the flow token of another partner");
	return verdict_pass();
}

/* From outside: to the server that the next Route names, or to any. */
static struct verdict to_inside(const struct route_in *in,
	const struct reading *r, struct route *out)
{
	struct verdict v;

	if (!r->has_next || r->next_is_own) {
		out->to = ROUTE_TO_NEXT_HOP;
		return verdict_pass();
	}
	if (!server_of(in, &r->next.uri, out)) {
		v = abuse("a Route to a server that is not ours");
		v.setting = "servers";
		return v;
	}
	out->to = ROUTE_TO_SERVER;
	return verdict_pass();
}

static struct verdict from_partner(const struct sip_msg *m,
	const struct route_in *in, const struct reading *r,
	struct route *out)
{
	struct verdict v = check_partner_flow(in, r);

	if (v.kind != VERDICT_PASS)
		return v;
	if (m->method_id == SIP_ACK && r->own == 0)
		return verdict_drop("ACK outside any dialog");
	return to_inside(in, r, out);
}

static struct verdict from_client(const struct sip_msg *m,
	const struct route_in *in, const struct reading *r,
	struct route *out)
{
	struct verdict v = check_client_flow(in, r);

	if (v.kind != VERDICT_PASS)
		return v;
	/* We record ourselves in every dialog, so the ACK of a 2xx has a
	 * token; others are for answers of ours and end here. */
	if (m->method_id == SIP_ACK && !r->has_flow)
		return verdict_drop("ACK outside any dialog");
	return to_inside(in, r, out);
}

static struct verdict flow_failed(const struct route_in *in)
{
	return verdict_by("flow_failed_code", in->policy->flow_failed_code,
		DIAG_CLIENT_CONNECTION, "the client's connection is gone");
}

/* A Contact of proxy=replace names its connection. */
static bool by_cid(const struct sip_msg *m, const struct route_in *in,
	struct route *out)
{
	struct str text, host = m->uri.host;
	const struct addr *remote;
	struct addr named;
	uint8_t raw[8];
	size_t len = 0;

	if (!sip_uri_param(&m->uri, "ms-received-cid", &text) ||
		text.n != 16 ||
		str_unhex(text, raw, sizeof(raw), &len) != 0 || len != 8)
		return false;
	out->cid = 0;
	for (size_t i = 0; i < len; i++)
		out->cid = out->cid << 8 | raw[i];
	remote = in->world.client(in->world.arg, out->cid);
	if (remote == NULL)
		return false;
	if (sip_uri_param(&m->uri, "maddr", &text))
		host = text;
	if (host.n > 2 && host.p[0] == '[')
		host = (struct str){host.p + 1, host.n - 2};
	if (addr_parse(host, &named) != 0 ||
		!addr_ip_eq(&named, remote) || m->uri.port != remote->port)
		return false;
	out->to = ROUTE_TO_CLIENT;
	return true;
}

/* Somebody of another organisation: neither ours nor without an account. */
static bool is_foreign(const struct route_in *in, const struct sip_uri *uri)
{
	return sip_uri_is_sip(uri) && dns_name_is_valid(uri->host) &&
		!policy_has_domain(in->policy, uri->host) &&
		!policy_is_own_uri(in->policy, uri) &&
		!str_ieq_z(uri->host, "anonymous.invalid");
}

/* On the connection that the dialog came over, as long as it is there; else
 * the partner can be reached by name. */
static struct verdict to_partner(const struct route_in *in,
	const struct reading *r, bool is_in_dialog, struct route *out)
{
	out->to = ROUTE_TO_PARTNER;
	out->is_in_dialog = is_in_dialog;
	if (r->has_flow && !r->flow.is_other_edge &&
		in->world.partner(in->world.arg, r->flow.cid) != NULL)
		out->cid = r->flow.cid;
	if (r->has_next && !r->next_is_own) {
		out->port = sip_uri_port(&r->next.uri);
		if (str_copy(r->next.uri.host, out->server,
			sizeof(out->server)) != 0)
			return verdict_answer(403, DIAG_NO_ROUTE,
				"a Route to no peer of ours");
	}
	return verdict_pass();
}

static struct verdict from_inside(const struct sip_msg *m,
	const struct route_in *in, const struct reading *r,
	struct route *out)
{
	if (r->has_flow && (r->flow.flags & FLOW_FEDERATION) != 0)
		return to_partner(in, r, true, out);
	if (r->has_flow) {
		if (r->flow.is_other_edge || in->world.client(
			in->world.arg, r->flow.cid) == NULL)
			return flow_failed(in);
		out->to = ROUTE_TO_CLIENT;
		out->cid = r->flow.cid;
		return verdict_pass();
	}
	if (by_cid(m, in, out))
		return verdict_pass();
	if (r->own > 0 && is_foreign(in, &m->to.uri))
		return to_partner(in, r, true, out);
	if (sip_uri_has_param(&m->uri, "ms-received-cid"))
		return flow_failed(in);
	if (r->has_next)
		return to_partner(in, r, false, out);
	if (policy_has_domain(in->policy, m->uri.host) ||
		policy_is_own_uri(in->policy, &m->uri))
		return verdict_by("domains", 404, DIAG_NO_ROUTE,
			"the inside asked the edge for its own user");
	return to_partner(in, r, false, out);
}

struct verdict route_decide(struct sip_msg *m, const struct route_in *in,
	struct route *out)
{
	struct reading r;
	struct verdict v = read_routes(m, in, &r);

	memset(out, 0, sizeof(*out));
	if (v.kind != VERDICT_PASS)
		return v;
	out->own_routes = r.own;
	out->in_own_dialog = r.has_flow && !r.flow.is_other_edge &&
		r.flow.cid == in->from->cid;
	out->is_strict = r.has_next &&
		!sip_uri_has_param(&r.next.uri, "lr");
	if (in->from->role == ORIGIN_CLIENT)
		return from_client(m, in, &r, out);
	if (in->from->role == ORIGIN_PARTNER)
		return from_partner(m, in, &r, out);
	return from_inside(m, in, &r, out);
}

bool route_is_in_dialog(struct sip_msg *m, const struct route_in *in)
{
	struct reading r;

	return m->to_tag.n > 0 &&
		read_routes(m, in, &r).kind == VERDICT_PASS && r.has_flow &&
		(r.flow.flags & FLOW_FEDERATION) != 0;
}

int route_repair(struct sip_msg *m, const struct policy *policy)
{
	struct sip_addr last;
	size_t n = m->route_count;
	char own[OWN_ROUTE_LEN];
	int err;

	if (n == 0 || !policy_is_own_uri(policy, &m->uri) ||
		m->uri.user.n != FLOW_TOKEN_LEN)
		return 0;
	err = sip_msg_addr(m, SIP_HEADER_ROUTE, n - 1, &last);
	if (err != 0 || m->uri.text.n > sizeof(own) - 3)
		return EDGE_EMALFORMED;
	/* The token in it says where to: it is read as the Route it was. */
	snprintf(own, sizeof(own), "<%.*s>", STR_ARG(m->uri.text));
	err = sip_drop_value(m, SIP_HEADER_ROUTE, n - 1);
	if (err == 0)
		err = sip_push(m, SIP_HEADER_ROUTE, str_of(own));
	if (err == 0)
		err = sip_set_uri(m, last.uri.text);
	if (err == 0)
		m->uri = last.uri;
	return err;
}
