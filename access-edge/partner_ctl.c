/*
 * What can be asked about partners, and done. Reads federation's memory;
 * which domains are allowed is changed in the topology and not here.
 */
#include "access-edge/partner_ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/ctl.h"
#include "access-edge/partner_test.h"
#include "common/base/err.h"
#include "common/daemon/daemon.h"

#define SERVERS_MAX      256
#define CERTIFICATES_MAX 2000

/* ---- what is configured -------------------------------------------------- */

static json_t *moment(struct wall at)
{
	char text[WALL_TEXT_LEN];

	return at.s > 0 ? json_string(wall_text(at, text)) : json_null();
}

static const char *kind_of(const struct topology_partner *p)
{
	return p->is_blocked ? "blocked" :
		p->edge_fqdn[0] != '\0' ? "direct" : "allowed";
}

static json_t *partner_json(const struct topology_partner *p)
{
	char line[PARTNER_LINE_LEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "domain", p->domain,
		"kind", kind_of(p), "edge", p->edge_fqdn, "verification",
		p->verification, "config", partner_entry_line(p, line));
}

static json_t *partners_json(const struct topology *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->partner_count; i++)
		json_array_append_new(list, partner_json(&t->partners[i]));
	return list;
}

static json_t *providers_json(const struct topology *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->provider_count; i++) {
		const struct topology_provider *p = &t->providers[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s,"
			" s:b, s:b}", "name", p->name, "proxy",
			p->proxy_fqdn, "kind", p->is_public ? "public" :
			"hosting", "verification", p->verification,
			"enabled", p->is_enabled, "shared_address_space",
			p->shared_address_space));
	}
	return list;
}

/* ---- what was learned ---------------------------------------------------- */

static json_t *certificate_json(const struct watch *w,
	const struct watch_peer *p, struct wall now)
{
	char id[2 * WATCH_ID_LEN + 1];
	json_t *domains = json_array();

	str_hex(p->id, sizeof(p->id), id);
	for (size_t i = 0; i < p->domain_count; i++)
		json_array_append_new(domains, json_string(p->domains[i]));
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:b, s:b, s:I, s:I,"
		" s:I, s:I, s:I, s:o, s:o, s:o, s:s}", "id", id, "subject",
		ctl_text(str_of(p->subject)), "issuer",
		ctl_text(str_of(p->issuer)), "serial", p->serial,
		"domains", domains, "mode", watch_mode_name(
		watch_mode_of(w, p, now)), "limited", p->is_limited,
		"rejected", p->is_rejected, "messages",
		(json_int_t)p->messages, "failures", (json_int_t)p->failures,
		"refused", (json_int_t)p->refused, "contacts",
		(json_int_t)p->contact_count, "rate", p->is_limited ?
		(json_int_t)watch_rate_of(w, p, now) : (json_int_t)0,
		"first_seen", moment(p->first_seen), "last_seen",
		moment(p->last_seen), "suspicious_until",
		moment(p->suspicious_until), "last_refusal",
		p->last_refusal);
}

static bool speaks_for(const struct watch_peer *p, const char *pattern)
{
	for (size_t i = 0; i < p->domain_count; i++) {
		if (partner_matches(p->domains[i], pattern))
			return true;
	}
	return false;
}

/* domain NULL: all. The latest first. */
static json_t *certificates_json(const struct watch *w, const char *domain)
{
	const struct list *halves[] = {&w->accepted, &w->rejected};
	json_t *list = json_array();
	struct wall now = wall_now();

	for (size_t i = 0; i < ARRAY_COUNT(halves); i++) {
		const struct list *it;

		for (it = halves[i]->prev; it != halves[i]; it = it->prev) {
			const struct watch_peer *p = container_of(it,
				const struct watch_peer, by_use);

			if ((domain == NULL || speaks_for(p, domain)) &&
				json_array_size(list) < CERTIFICATES_MAX)
				json_array_append_new(list,
					certificate_json(w, p, now));
		}
	}
	return list;
}

static json_t *servers_json(const struct federation *f)
{
	struct peer_info *infos = calloc(SERVERS_MAX, sizeof(*infos));
	size_t n = infos != NULL ? peer_pool_list(f->peers, infos,
		SERVERS_MAX) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char address[ADDR_TEXT_LEN];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I,"
			" s:I, s:I, s:I, s:s}", "name", infos[i].name,
			"address", addr_text(&infos[i].addr, address),
			"state", infos[i].connections > 0 ? "up" :
			infos[i].is_down ? "down" : "idle", "connections",
			(json_int_t)infos[i].connections, "connecting",
			(json_int_t)infos[i].connecting, "requests",
			(json_int_t)infos[i].requests, "failures",
			(json_int_t)infos[i].failures, "last_error",
			infos[i].last_error));
	}
	free(infos);
	return list;
}

static json_t *steps_json(const struct federate_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s,"
			" s:o}",
			"step", federate_step_name(r->rows[i].step),
			"question", federate_step_help(r->rows[i].step),
			"result", federate_result_name(r->rows[i].result),
			"finding", ctl_text(str_of(r->rows[i].text))));
	return list;
}

static json_t *decision_json(const struct decision *d)
{
	if (d == NULL || d->at.s == 0)
		return json_null();
	return json_pack("{s:o, s:b, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:o}",
		"at", moment(d->at), "passed", d->passed, "kind",
		partner_kind_name(d->kind), "verification",
		partner_level_name(d->level), "server", d->server, "call_id",
		ctl_text(str_of(d->call_id)), "status",
		(json_int_t)d->status,
		"passed_count", (json_int_t)d->passed_count, "refused_count",
		(json_int_t)d->refused_count, "steps",
		steps_json(&d->report));
}

/* ---- routes -------------------------------------------------------------- */

static json_t *domains_json(const struct decisions *d)
{
	json_t *list = json_array();
	const struct list *it;

	for (it = d->by_use.prev; it != &d->by_use; it = it->prev) {
		const struct decision_domain *one = container_of(it,
			const struct decision_domain, by_use);

		for (int way = 0; way < DECISION_WAYS; way++) {
			const struct decision *w = &one->ways[way];
			const struct federate_report *r = &w->report;

			if (w->at.s == 0)
				continue;
			json_array_append_new(list, json_pack("{s:s, s:s,"
				" s:o, s:b, s:s, s:s, s:s, s:I, s:I}",
				"domain", one->name, "way",
				decision_way_name((enum decision_way)way),
				"at", moment(w->at), "passed", w->passed,
				"kind", partner_kind_name(w->kind), "server",
				w->server, "step", w->passed || r->count ==
				0 ? "" : federate_step_name(
				r->rows[r->count - 1].step), "passed_count",
				(json_int_t)w->passed_count, "refused_count",
				(json_int_t)w->refused_count));
		}
	}
	return list;
}

void partner_ctl_list(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const struct edge *edge = a->edge;
	const struct federation *f = edge->federation;

	bus_reply(req, 200, json_pack("{s:b, s:b, s:s, s:o, s:o, s:o, s:o,"
		" s:o}", "enabled", edge->policy.federation.is_on,
		"discovery", edge->policy.federation.discovery,
		"default_route", edge->policy.federation.default_routing ?
		edge->policy.federation.default_route : "",
		"partners", partners_json(edge->topology),
		"providers", providers_json(edge->topology),
		"decisions", domains_json(&f->decisions),
		"certificates", certificates_json(&f->watch, NULL),
		"servers", servers_json(f)));
}

/* The domain that a question is about, in lower case, or an answer. */
static bool take_domain(struct bus_request *req, const char *text,
	char out[static DNS_NAME_LEN])
{
	if (text != NULL && partner_domain_take(str_of(text), out) == 0)
		return true;
	bus_reply_error(req, 400, "EINVAL", "give the domain of a partner, "
		"e.g. example.org");
	return false;
}

void partner_ctl_show(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const struct edge *edge = a->edge;
	const struct federation *f = edge->federation;
	const struct topology_partner *entry;
	const struct decision_domain *d;
	char domain[DNS_NAME_LEN];

	if (!take_domain(req, bus_query(req, "domain"), domain))
		return;
	entry = partner_entry(&edge->policy, str_of(domain));
	d = decisions_find(&f->decisions, str_of(domain));
	bus_reply(req, 200, json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}",
		"domain", domain, "own", policy_has_domain(&edge->policy,
		str_of(domain)), "entry", entry != NULL ?
		partner_json(entry) : json_null(),
		"in", decision_json(d != NULL ? &d->ways[DECISION_IN] : NULL),
		"out", decision_json(d != NULL ? &d->ways[DECISION_OUT] :
		NULL), "certificates", certificates_json(&f->watch,
		domain)));
}

static size_t forget_certificates(struct watch *w, const char *pattern,
	const uint8_t *id)
{
	struct list *halves[] = {&w->accepted, &w->rejected};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(halves); i++) {
		struct list *it, *next;

		list_for_each_safe(it, next, halves[i]) {
			struct watch_peer *p = container_of(it,
				struct watch_peer, by_use);

			if (id != NULL ? memcmp(p->id, id, sizeof(p->id)) !=
				0 : !speaks_for(p, pattern))
				continue;
			watch_forget(w, p);
			n++;
		}
	}
	return n;
}

void partner_ctl_forget(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	struct federation *f = a->edge->federation;
	const json_t *body = bus_body(req);
	const char *id_text = json_string_value(json_object_get(body,
		"certificate"));
	const char *what;
	uint8_t id[WATCH_ID_LEN];
	char pattern[PARTNER_PATTERN_LEN] = "";
	size_t len = 0, n;

	if (id_text != NULL) {
		if (str_unhex(str_of(id_text), id, sizeof(id), &len) != 0 ||
			len != sizeof(id)) {
			bus_reply_error(req, 400, "EINVAL", "give the "
				"certificate's id, as GET /v1/partners shows "
				"it");
			return;
		}
		n = forget_certificates(&f->watch, NULL, id);
		what = id_text;
	} else {
		if (partner_pattern_take(str_of(json_string_value(
			json_object_get(body, "domain"))), pattern) != 0) {
			bus_reply_error(req, 400, "EINVAL", "give the domain "
				"of a partner, e.g. example.org, or "
				"*.example.org for all below it");
			return;
		}
		n = forget_certificates(&f->watch, pattern, NULL);
		decisions_forget(&f->decisions, str_of(pattern));
		discover_forget(f->discover, str_of(pattern));
		what = pattern;
	}
	daemon_event(a->daemon, "partner.forgotten", "what=%s "
		"certificates=%zu by=bus", what, n);
	bus_reply(req, 200, json_pack("{s:b, s:I}", "ok", 1, "certificates",
		(json_int_t)n));
}

static void on_tested(const struct federate_plan *plan, const char *server,
	int64_t took_ms, void *arg)
{
	struct bus_request *req = arg;

	bus_reply(req, 200, json_pack("{s:s, s:b, s:s, s:s, s:I, s:o}",
		"domain", plan->partner.domain, "ok", plan->result ==
		FEDERATE_PASSED, "kind", partner_kind_name(
		plan->partner.kind), "server", server, "took_ms",
		(json_int_t)took_ms, "steps", steps_json(&plan->report)));
}

void partner_ctl_test(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const json_t *body = bus_body(req);
	const char *proxy = json_string_value(json_object_get(body,
		"proxy"));
	char domain[DNS_NAME_LEN];
	int err;

	if (!take_domain(req, json_string_value(json_object_get(body,
		"domain")), domain))
		return;
	err = partner_test_begin(a->edge, str_of(domain), str_of(proxy),
		on_tested, req);
	if (err != 0)
		bus_reply_error(req, 503, err_name(err), "no test now: %s",
			err_text(err));
}
