/*
 * What goes to the agents beside the topology: heads, which say that what
 * they have is the newest still, and sets of keys. One of either at a time to
 * a machine.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/bundle/bundle_wire.h"
#include "edgectl/publish/publisher_priv.h"
#include "edgectl/publish/trust_store.h"

#define HEAD_EVERY_MS  300000
#define HEAD_RETRY_MS  10000 /* a signer may be a command, or a person */
#define TRUST_EVERY_MS 5000 /* to one machine, which may lack several */

/* ---- heads -------------------------------------------------------------- */

static int make_head(struct publisher *p, struct why *why)
{
	struct bundle_manifest m = {.type = BUNDLE_HEAD};
	int err;

	m.version = p->newest.version;
	m.created = wall_now();
	m.expires.s = m.created.s + BUNDLE_HEAD_LIFE_S;
	memcpy(m.deployment, p->edition.whole.manifest.deployment,
		sizeof(m.deployment));
	memcpy(m.of, p->newest.sha256, sizeof(m.of));
	snprintf(m.publisher, sizeof(m.publisher), "%s", p->conf->name);
	bundle_bytes_fini(&p->head);
	err = bundle_make_head(&p->head, &m, p->signing.signers,
		p->signing.count, why);
	bundle_manifest_fini(&m);
	return err;
}

/* A new one only when nobody is being sent the old one. */
static void refresh_head(struct publisher *p, struct mono now)
{
	struct why why = {""};

	if (!mono_is_past(p->head_next, now))
		return;
	for (size_t i = 0; i < p->rollout.count; i++)
		if (p->edges[i].is_heading)
			return;
	p->head_made = now;
	p->head_next = mono_after_ms(now, HEAD_EVERY_MS);
	if (make_head(p, &why) < 0) {
		p->head_next = mono_after_ms(now, HEAD_RETRY_MS);
		log_error("publisher.head_failed", "text=%s",
			log_qz(why.text));
	}
	for (size_t i = 0; i < p->rollout.count; i++)
		p->edges[i].has_head = false;
}

static void on_head(void *arg, size_t i, const struct edge_reply *reply)
{
	struct publisher *p = arg;

	p->edges[i].is_heading = false;
	p->edges[i].head_at = mono_now();
	p->edges[i].has_head = reply->err == 0 && reply->status == 204;
	if (reply->err == 0 && reply->status != 204)
		log_warning("publisher.head_refused", "machine=%s status=%ld",
			log_qz(p->edges[i].target.fqdn), reply->status);
}

static void send_head(struct publisher *p, size_t i, struct mono now)
{
	struct publisher_edge *e = &p->edges[i];
	const struct edge_call call = {
		.method = "PUT",
		.path = BUNDLE_PATH_HEAD,
		.body = p->head.p,
		.len = p->head.len,
		.type = BUNDLE_CONTENT_TYPE,
		.done = on_head,
		.arg = p,
		.tag = i,
	};

	if (e->is_heading || e->has_head || p->head.p == NULL ||
		p->rollout.members[i].state != ROLLOUT_ACTIVE ||
		(e->head_at.ms != 0 && mono_since_ms(e->head_at, now) < 5000))
		return;
	e->is_heading = edge_calls_start(p->calls, &e->target, &call) == 0;
}

/* ---- keys --------------------------------------------------------------- */

/* The step from these keys to the next, which is under way already or can
 * be fetched. */
static bool has_trust_step(struct publisher *p, uint64_t from)
{
	struct why why = {""};

	if (p->trust.p != NULL)
		return p->trust_from == from;
	p->trust_from = from;
	return trust_store_bundle(p->record, from, &p->trust,
		       &p->trust_version, &why) == 0;
}

static void on_trust(void *arg, size_t i, const struct edge_reply *reply)
{
	struct publisher *p = arg;
	char text[PUBLISHER_TEXT_MAX];

	publisher_note_reply(p, i, reply);
	p->edges[i].is_heading = false;
	p->edges[i].trust_next = mono_after_ms(mono_now(), TRUST_EVERY_MS);
	if (reply->err < 0 || reply->status >= 300)
		log_warning("publisher.trust_refused", "machine=%s text=%s",
			log_qz(p->edges[i].target.fqdn),
			log_qz(publisher_error_text(reply, text)));
	else
		log_notice("publisher.trust_taken", "machine=%s",
			log_qz(p->edges[i].target.fqdn));
	/* What it has now is in its next status. */
	p->rollout.members[i].next = mono_now();
}

/* The next set of keys to a machine that lacks it. */
static void send_trust(struct publisher *p, size_t i)
{
	struct publisher_edge *e = &p->edges[i];
	json_t *status = json_loads(e->row.status, 0, NULL);
	const json_t *serial = json_object_get(status, "trust_serial");
	uint64_t has = (uint64_t)json_integer_value(serial);
	bool is_known = json_is_integer(serial);
	char version[BUNDLE_VERSION_LEN];
	char path[160];
	struct edge_call call = {
		.method = "PUT",
		.path = path,
		.type = BUNDLE_CONTENT_TYPE,
		.version = version,
		.done = on_trust,
		.arg = p,
		.tag = i,
	};

	json_decref(status);
	if (e->is_heading || !is_known || has >= p->trust_serial ||
		!mono_is_past(e->trust_next, mono_now()) ||
		!has_trust_step(p, has))
		return;
	snprintf(path, sizeof(path), "%s%s", BUNDLE_PATH_BUNDLES,
		p->trust.sha256);
	bundle_version_text(p->trust_version, version);
	call.body = p->trust.p;
	call.len = p->trust.len;
	e->is_heading = edge_calls_start(p->calls, &e->target, &call) == 0;
}

/* One trust bundle is under way at a time; it goes when nobody needs it. */
static void release_trust(struct publisher *p)
{
	for (size_t i = 0; i < p->rollout.count; i++)
		if (p->edges[i].is_heading)
			return;
	bundle_bytes_fini(&p->trust);
}

/* ---- both --------------------------------------------------------------- */

void publisher_heads_renew(struct publisher *p, struct mono now)
{
	refresh_head(p, now);
	release_trust(p);
}

void publisher_heads_send(struct publisher *p, size_t i, struct mono now)
{
	send_head(p, i, now);
	if (p->trust_serial > 1 && !p->rollout.members[i].is_busy)
		send_trust(p, i);
}
