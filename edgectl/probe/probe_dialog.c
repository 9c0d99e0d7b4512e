/*
 * Dialog state of both ends: tags, targets, route sets as RFC 3261 section
 * 12.1 says. The proxies between them are what is being tested.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_dialog.h"

#define INVITE_MS 12000
#define ACK_MS    6000

void probe_dialog_init(struct probe_dialog *d, struct probe_sip *sip)
{
	memset(d, 0, sizeof(*d));
	d->sip = sip;
}

void probe_dialog_fini(struct probe_dialog *d)
{
	sip_routes_free(d->routes, d->route_count);
	probe_sip_msg_free(&d->incoming);
	memset(d, 0, sizeof(*d));
}

static int copy(char *out, size_t cap, struct str text, const char *what,
	struct why *why)
{
	if (text.n == 0 || str_copy(text, out, cap) != 0)
		return why_set(why, EDGE_EMALFORMED,
			"the peer's message has no fit %s", what);
	return 0;
}

static int take_target(struct probe_dialog *d, struct sip_msg *m,
	struct why *why)
{
	struct sip_addr contact;

	if (sip_msg_addr(m, SIP_HEADER_CONTACT, 0, &contact) != 0)
		return why_set(why, EDGE_EMALFORMED,
			"the peer's message has no Contact");
	return copy(d->target, sizeof(d->target), contact.uri.text, "Contact",
		why);
}

/* A request inside the dialog, without body. */
static struct probe_sip_ask in_dialog(struct probe_dialog *d,
	const char *method)
{
	static const char *const NO_ROUTES[1] = {NULL};

	return (struct probe_sip_ask){
		.method = method,
		.uri = d->target,
		.from = d->local,
		.to = d->remote,
		.call_id = d->call_id,
		.cseq = &d->cseq,
		.routes = d->route_count > 0 ? (const char *const *)d->routes :
					       NO_ROUTES,
		.route_count = d->route_count,
	};
}

int probe_dialog_invite(struct probe_dialog *d, const char *callee_aor,
	const char *sdp, struct why *why)
{
	char tag[13];

	rand_token(tag, sizeof(tag) - 1);
	rand_token(d->call_id, 24);
	snprintf(d->local, sizeof(d->local), "<%s>;tag=%s",
		probe_sip_aor(d->sip), tag);
	snprintf(d->remote, sizeof(d->remote), "<%s>", callee_aor);
	snprintf(d->target, sizeof(d->target), "%s", callee_aor);
	d->ask = (struct probe_sip_ask){
		.method = "INVITE",
		.uri = d->target,
		.from = d->local,
		.to = d->remote,
		.call_id = d->call_id,
		.cseq = &d->cseq,
		.contact = probe_sip_contact(d->sip),
		.content_type = "application/sdp",
		.body = str_of(sdp),
	};
	return probe_sip_begin(d->sip, &d->ask, why);
}

struct pair {
	const struct probe_sip *callee;
	const struct probe_sip *caller;
};

static bool invite_came(void *arg)
{
	const struct pair *pair = arg;

	return probe_sip_has_invite(pair->callee) ||
		probe_sip_is_answered(pair->caller) ||
		probe_sip_is_ended(pair->callee);
}

int probe_dialog_wait(struct probe_dialog *d, struct probe_dialog *caller,
	struct str *sdp, struct why *why)
{
	struct pair pair = {d->sip, caller->sip};
	struct sip_msg *m;
	int err = probe_wait(probe_sip_probe(d->sip), INVITE_MS, invite_came,
		&pair);

	if (err == 0 && !probe_sip_has_invite(d->sip)) {
		/* The caller was refused: its answer says why. */
		err = probe_sip_finish(caller->sip, why, NULL);
		if (err != 0)
			return err;
		return why_set(why, EDGE_EPEER,
			"INVITE was answered without "
			"reaching %s",
			probe_sip_aor(d->sip));
	}
	if (err != 0)
		return why_set(why, err, "INVITE did not reach %s in %d s",
			probe_sip_aor(d->sip), INVITE_MS / 1000);
	d->incoming = probe_sip_take_invite(d->sip);
	m = d->incoming.msg;
	*sdp = m->body;
	err = copy(d->call_id, sizeof(d->call_id), m->call_id, "Call-ID", why);
	if (err == 0)
		err = copy(d->remote, sizeof(d->remote), m->from.text, "From",
			why);
	if (err == 0)
		err = take_target(d, m, why);
	if (err == 0 &&
		sip_routes_from(m, false, &d->routes, &d->route_count) != 0)
		err = why_set(why, EDGE_EMALFORMED,
			"INVITE has a bad "
			"Record-Route");
	return err;
}

int probe_dialog_accept(struct probe_dialog *d, const char *sdp,
	struct why *why)
{
	const struct sip_field contact = {"Contact",
		str_of(probe_sip_contact(d->sip))};
	const struct sip_msg *m = d->incoming.msg;
	struct sip_reply reply = {
		.status = 180,
		.fields = &contact,
		.field_count = 1,
		.keep_record_route = true,
	};
	char tag[SIP_TAG_LEN];
	int err;

	rand_token(tag, sizeof(tag) - 1);
	snprintf(d->local, sizeof(d->local), "%.*s;tag=%s", STR_ARG(m->to.text),
		tag);
	reply.to_tag = tag;
	err = probe_sip_reply(d->sip, m, &reply, why);
	if (err != 0)
		return err;
	reply.status = 200;
	reply.content_type = "application/sdp";
	reply.body = str_of(sdp);
	return probe_sip_reply(d->sip, m, &reply, why);
}

int probe_dialog_established(struct probe_dialog *d,
	struct probe_sip_msg *reply, struct why *why)
{
	struct probe_sip_ask ack;
	int err = probe_sip_finish(d->sip, why, reply);

	if (err != 0)
		return err;
	err = copy(d->remote, sizeof(d->remote), reply->msg->to.text, "To",
		why);
	if (err == 0)
		err = take_target(d, reply->msg, why);
	if (err == 0 &&
		sip_routes_from(reply->msg, true, &d->routes,
			&d->route_count) != 0)
		err = why_set(why, EDGE_EMALFORMED,
			"200 has a bad "
			"Record-Route");
	if (err != 0)
		return err;
	ack = in_dialog(d, "ACK");
	return probe_sip_tell(d->sip, &ack, why);
}

static bool ack_came(void *arg)
{
	const struct probe_sip *sip = arg;

	return probe_sip_has_ack(sip) || probe_sip_is_ended(sip);
}

int probe_dialog_wait_ack(struct probe_dialog *d, struct why *why)
{
	int err = probe_wait(probe_sip_probe(d->sip), ACK_MS, ack_came, d->sip);

	if (err == 0 && probe_sip_has_ack(d->sip))
		return 0;
	return why_set(why, err != 0 ? err : EDGE_EPEER,
		"ACK did not reach %s%s%s", probe_sip_aor(d->sip),
		probe_sip_is_ended(d->sip) ? ", its connection ended: " : "",
		probe_sip_end_text(d->sip));
}

int probe_dialog_bye(struct probe_dialog *d, const struct probe_dialog *other,
	struct why *why)
{
	const struct probe_sip_ask bye = in_dialog(d, "BYE");
	int err = probe_sip_ask(d->sip, &bye, NULL, why);

	if (err == 0 && !probe_sip_has_bye(other->sip))
		err = why_set(why, EDGE_EPEER,
			"BYE was answered without "
			"reaching %s",
			probe_sip_aor(other->sip));
	return err;
}
