/*
 * A stateless proxy (RFC 3261 section 16.11) with one idea: our Via's
 * branch names the connection that the request came on, so the answer finds
 * its way back. Lives here: where a request goes. The rest of the suite has
 * the timers; nothing here forks.
 */
#include "tests/mock/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/sip/sip_edit.h"
#include "common/sip/sip_reply.h"
#include "common/sip/sip_text.h"

#define MRAS_TYPE    "application/msrtc-media-relay-auth+xml"
#define BRANCH_START "z9hG4bKin"

/* Where a request goes, or the status that answers it. */
struct way {
	struct peer *to;
	unsigned status;
};

static struct way refuse(unsigned status)
{
	return (struct way){ NULL, status };
}

static struct way go_to(struct peer *to, unsigned status_if_gone)
{
	return to != NULL ? (struct way){ to, 0 } : refuse(status_if_gone);
}

static bool is_ours(const struct inside *in, const struct sip_uri *uri)
{
	char ip[ADDR_TEXT_LEN];

	if (uri->port != 0 && uri->port != in->at.port)
		return false;
	return sip_host_eq(uri->host, str_of(in->name)) ||
		str_eq_z(uri->host, addr_ip_text(&in->at, ip));
}

/* Take our own Route values off the top. */
static int pop_own_routes(struct inside *in, struct sip_msg *m)
{
	struct sip_addr top;
	int err;

	while ((err = sip_msg_addr(m, SIP_HEADER_ROUTE, 0, &top)) == 0) {
		if (!is_ours(in, &top.uri))
			return 0;
		err = sip_pop(m, SIP_HEADER_ROUTE);
		if (err < 0)
			return err;
	}
	return err == EDGE_EUNKNOWN ? 0 : err;
}

/* ---- where to ------------------------------------------------------------ */

static struct way by_host(struct inside *in, struct str host)
{
	if (in->edge.name != NULL && sip_host_eq(host, str_of(in->edge.name)))
		return go_to(inside_hop_peer(in, &in->edge), 503);
	return refuse(404);
}

/* av-auth.md 3: the Request-URI that a Front End writes on this hop. */
static struct way to_av_auth(struct inside *in, struct sip_msg *m)
{
	char uri[320];

	if (in->av_auth.name == NULL)
		return refuse(404);
	snprintf(uri, sizeof(uri), "sip:%s:5062;grid", in->av_auth.name);
	if (sip_set_uri(m, str_of(uri)) < 0)
		return refuse(500);
	return go_to(inside_hop_peer(in, &in->av_auth), 503);
}

static struct way to_binding(struct inside *in, struct sip_msg *m,
	const struct binding *b)
{
	struct sip_addr first;
	size_t i;

	if (sip_set_uri(m, str_of(b->contact)) < 0)
		return refuse(500);
	for (i = b->path_count; i > 0; i--) {
		if (sip_push(m, SIP_HEADER_ROUTE, str_of(b->paths[i - 1])) < 0)
			return refuse(500);
	}
	if (b->path_count == 0)
		return go_to(inside_peer_find(in, b->peer_id), 480);
	if (sip_msg_addr_of(m, str_of(b->paths[0]), &first) < 0)
		return refuse(500);
	return by_host(in, first.uri.host);
}

static struct way to_user(struct inside *in, struct sip_msg *m)
{
	struct binding *b;
	char user[128];
	size_t i;

	if (str_copy(m->uri.user, user, sizeof(user)) < 0)
		return refuse(404);
	for (i = 0; user[i] != '\0'; i++)
		user[i] = (char)tolower((unsigned char)user[i]);
	b = bindings_of_user(&in->bindings, user, mono_now());
	return b != NULL ? to_binding(in, m, b) : refuse(480);
}

/* Inside a dialog: the URI is what a device of ours called itself. */
static struct way to_device(struct inside *in, struct sip_msg *m)
{
	struct binding *b;
	struct addr remote;
	char where[512];
	char host[64];
	size_t i;

	snprintf(where, sizeof(where), "%.*s@%.*s:%u", STR_ARG(m->uri.user),
		STR_ARG(m->uri.host), sip_uri_port(&m->uri));
	for (i = 0; where[i] != '\0'; i++)
		where[i] = (char)tolower((unsigned char)where[i]);
	b = bindings_at(&in->bindings, where, mono_now());
	if (b != NULL)
		return to_binding(in, m, b);
	if (str_copy(m->uri.host, host, sizeof(host)) < 0 ||
		addr_parse_z(host, sip_uri_port(&m->uri), &remote) < 0)
		return refuse(404);
	return go_to(inside_peer_at(in, &remote), 404);
}

static struct way decide(struct inside *in, struct sip_msg *m)
{
	struct sip_addr route;

	if (pop_own_routes(in, m) < 0)
		return refuse(400);
	if (m->method_id == SIP_SERVICE &&
		str_ieq_z(m->content_type, MRAS_TYPE))
		return to_av_auth(in, m);
	if (sip_msg_addr(m, SIP_HEADER_ROUTE, 0, &route) == 0)
		return by_host(in, route.uri.host);
	if (!sip_uri_is_sip(&m->uri))
		return refuse(416);
	if (!sip_host_eq(m->uri.host, str_of(in->domain)) &&
		!is_ours(in, &m->uri))
		return to_device(in, m);
	if (!str_is_empty(m->uri.user))
		return to_user(in, m);
	return refuse(m->method_id == SIP_OPTIONS ? 200 : 405);
}

/* ---- there and back ------------------------------------------------------ */

/* ACK and CANCEL carry the branch of their INVITE and must get the same one
 * from us, so it is made of what they share. */
static void write_via(struct peer *from, const struct sip_msg *m, char *out,
	size_t cap)
{
	struct digest_part parts[] = {
		{ m->via.branch.p, m->via.branch.n },
		{ m->via.host.p, m->via.host.n },
		{ m->call_id.p, m->call_id.n },
	};
	uint8_t hash[DIGEST_SHA256_LEN];
	char hex[17];

	digest_sha256(parts, ARRAY_COUNT(parts), hash);
	str_hex(hash, 8, hex);
	snprintf(out, cap, "SIP/2.0/TLS %s:%u;branch=" BRANCH_START "%x.%s",
		from->in->name, from->in->at.port, from->id, hex);
}

static bool wants_record_route(enum sip_method method)
{
	return method != SIP_ACK && method != SIP_CANCEL &&
		method != SIP_REGISTER;
}

static int edit(struct peer *from, struct sip_msg *m)
{
	uint32_t hops = m->has_max_forwards ? m->max_forwards : 70;
	char text[400];
	int err;

	err = sip_set_max_forwards(m, hops - 1);
	if (err == 0 && wants_record_route(m->method_id)) {
		snprintf(text, sizeof(text), "<sip:%s:%u;transport=tls;lr>",
			from->in->name, from->in->at.port);
		err = sip_push(m, SIP_HEADER_RECORD_ROUTE, str_of(text));
	}
	if (err < 0)
		return err;
	write_via(from, m, text, sizeof(text));
	return sip_push(m, SIP_HEADER_VIA, str_of(text));
}

static void answer(struct peer *from, const struct sip_msg *m,
	unsigned status)
{
	if (m->method_id != SIP_ACK)
		inside_answer(from, m, status, NULL);
}

void inside_request(struct peer *from, struct sip_msg *m)
{
	struct way way;

	if (sip_mark_received(m, stream_remote(from->stream), NULL) < 0)
		return;
	if (m->has_max_forwards && m->max_forwards == 0) {
		answer(from, m, m->method_id == SIP_OPTIONS ? 200 : 483);
		return;
	}
	if (m->method_id == SIP_NEGOTIATE) {
		answer(from, m, 405);
		return;
	}
	if (m->method_id == SIP_REGISTER) {
		inside_register(from, m);
		return;
	}
	way = decide(from->in, m);
	if (way.to == NULL)
		answer(from, m, way.status);
	else if (edit(from, m) < 0)
		answer(from, m, 500);
	else
		inside_send(way.to, m);
}

void inside_response(struct peer *from, struct sip_msg *m)
{
	struct str branch = m->via.branch;
	struct peer *to;
	char text[32];

	if (!str_starts(branch, BRANCH_START))
		return;
	branch = str_skip(branch, sizeof(BRANCH_START) - 1);
	branch.n = str_find(branch, '.');
	if (str_copy(branch, text, sizeof(text)) < 0)
		return;
	to = inside_peer_find(from->in, (uint32_t)strtoul(text, NULL, 16));
	if (to != NULL && sip_pop(m, SIP_HEADER_VIA) == 0)
		inside_send(to, m);
}
