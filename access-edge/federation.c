/*
 * What comes from partners, from the connection to the decision. A request
 * whose domain must be looked up first, or whose partner is too fast, holds
 * its own connection and nobody else's (requirement R23).
 */
#include "access-edge/federation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/counters.h"
#include "access-edge/watch_store.h"
#include "common/base/err.h"
#include "common/base/log.h"

#define SAVE_MS       2000
#define SAVE_SHARE    100 /* of the time goes to writing, at most */
#define RETRY_AFTER_S "30"
#define REPORTS_MAX   100 /* lines of one report */

/* ---- life ---------------------------------------------------------------- */

static int load(struct federation *f)
{
	struct why why = {""};
	int err;

	if (f->watch_path[0] == '\0')
		return 0;
	err = watch_load(&f->watch, f->watch_path, &why);
	if (err == 0 || err == -ENOENT)
		return 0;
	/* Better to serve with an empty list than not at all. */
	log_error("watch_list.lost", "reason=%s",
		log_qz(why_text(&why, err)));
	return err == -ENOMEM ? err : 0;
}

static int fill(struct federation *f, const struct federation_spec *spec,
	const struct policy *p)
{
	const struct peer_pool_spec peers = {
		.loop = spec->loop,
		.sessions = spec->sessions,
		.resolver = spec->resolver,
		.tls = spec->tls,
		.door = ORIGIN_DOOR_PARTNER,
		.counters = spec->counters,
		.bind_device = spec->bind_device,
	};
	int err = watch_init(&f->watch, &p->federation);

	if (err == 0)
		err = decisions_init(&f->decisions);
	if (err == 0)
		err = discover_new(&f->discover, spec->loop, spec->resolver);
	if (err == 0)
		err = peer_pool_new(&f->peers, &peers, p);
	return err == 0 ? load(f) : err;
}

int federation_new(struct federation **out,
	const struct federation_spec *spec, const struct policy *p)
{
	struct federation *f = calloc(1, sizeof(*f));
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->loop = spec->loop;
	f->counters = spec->counters;
	f->sessions = spec->sessions;
	list_init(&f->held);
	snprintf(f->watch_path, sizeof(f->watch_path), "%s",
		spec->watch_path);
	err = fill(f, spec, p);
	if (err != 0) {
		federation_free(f);
		return err;
	}
	f->next_save = mono_after_ms(loop_now(f->loop), SAVE_MS);
	federation_apply(f, p, spec->tls);
	f->next_report = mono_after_ms(loop_now(f->loop),
		(int64_t)p->federation.report_s * 1000);
	*out = f;
	return 0;
}

/* The loop waits for it: a long list is written less often. */
static void save(struct federation *f)
{
	struct why why = {""};
	uint64_t began = mono_now_us();
	int64_t took_ms;
	int err;

	if (f->watch_path[0] == '\0')
		return;
	err = watch_save(&f->watch, f->watch_path, &why);
	took_ms = (int64_t)((mono_now_us() - began) / 1000);
	f->next_save = mono_after_ms(loop_now(f->loop), SAVE_MS +
		took_ms * SAVE_SHARE);
	if (err != 0)
		log_limited(LOG_LEVEL_ERROR, 2, "watch_list.not_written",
			"reason=%s", log_qz(why_text(&why, err)));
}

void federation_free(struct federation *f)
{
	struct list *it;

	if (f == NULL)
		return;
	if (f->policy != NULL)
		save(f);
	while ((it = list_first(&f->held)) != NULL)
		list_remove(it);
	peer_pool_free(f->peers);
	discover_free(f->discover);
	decisions_fini(&f->decisions);
	watch_fini(&f->watch);
	free(f);
}

void federation_apply(struct federation *f, const struct policy *p,
	struct tls_watch *tls)
{
	f->policy = p;
	watch_set(&f->watch, &p->federation);
	discover_set(f->discover, p->federation.srv_max,
		p->federation.rfc3263_fallback);
	peer_pool_set_tls(f->peers, tls);
	/* Outside it has nothing to make, so that nothing can fail. */
	if (peer_pool_apply(f->peers, p) != 0)
		log_error("partner.pool_failed", "error=%s",
			err_name(-ENOMEM));
}

/* ---- facts of a request -------------------------------------------------- */

/* Host of the first SIP URI that the partner asserts, else of From; "" when
 * what it asserts can't be read, or is more than anybody has names. */
static struct str sender_of(struct sip_msg *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->line_count; i++) {
		struct str list = m->lines[i].value, value;

		if (!str_ieq_z(m->lines[i].name, "P-Asserted-Identity"))
			continue;
		while (sip_list_next(&list, &value)) {
			struct sip_addr a;

			if (n++ == TRUST_IDENTITIES_MAX ||
				sip_msg_addr_of(m, value, &a) != 0)
				return (struct str){"", 0};
			if (sip_uri_is_sip(&a.uri))
				return a.uri.host;
		}
	}
	return sip_uri_is_sip(&m->from.uri) ? m->from.uri.host :
		(struct str){"", 0};
}

static void decide(struct federation *f, const struct session *s,
	struct sip_msg *m, bool is_in_dialog, struct federate_plan *plan)
{
	struct federate_in in = {
		.policy = f->policy,
		.names = s->names,
		.sender = sender_of(m),
		.from = sip_uri_is_sip(&m->from.uri) ? m->from.uri.host :
			(struct str){"", 0},
		.recipient = m->uri.host,
		.to = m->to.uri.host,
		.has_maddr = sip_uri_has_param(&m->uri, "maddr"),
		.is_in_dialog = is_in_dialog,
		.method = m->method,
	};

	in.srv = discover_find(f->discover, in.sender);
	federate_inbound(&in, plan);
}

/* ---- limits -------------------------------------------------------------- */

static void refuse(struct federate_plan *plan, unsigned status,
	const char *setting, const char *cause, const char *text)
{
	federate_found(&plan->report, FEDERATE_LIMITS, FEDERATE_REFUSED, "%s",
		text);
	plan->result = FEDERATE_REFUSED;
	plan->step = FEDERATE_LIMITS;
	plan->verdict = verdict_detail(verdict_by(setting, status, DIAG_NONE,
		cause), text);
	plan->verdict.rule = federate_step_name(FEDERATE_LIMITS);
}

/* False: wait. */
static bool take_limits(struct federation *f, struct watch_peer *peer,
	const struct sip_msg *m, bool is_in_dialog,
	struct federate_plan *plan)
{
	/* A tag in To is easily written: it proves no dialog. */
	const struct watch_request r = {
		.user = m->uri.user,
		.host = m->uri.host,
		.is_new = !is_in_dialog && m->method_id != SIP_ACK,
	};
	struct wall now = wall_now();

	switch (watch_take(&f->watch, peer, &r, loop_now(f->loop), now)) {
	case WATCH_GO:
		federate_found(&plan->report, FEDERATE_LIMITS,
			FEDERATE_PASSED, peer->is_limited ? "%s" :
			"%s: no limits", peer->is_limited ? watch_mode_name(
			watch_mode_of(&f->watch, peer, now)) :
			partner_kind_name(plan->partner.kind));
		break;
	case WATCH_WAIT:
		return false;
	case WATCH_BUSY:
		refuse(plan, 503, "discovered_partner_standard_rate",
			"a discovered partner is too fast",
			"more than its rate for more than 5 s");
		plan->verdict.field = "Retry-After";
		snprintf(plan->verdict.field_value,
			sizeof(plan->verdict.field_value), RETRY_AFTER_S);
		break;
	case WATCH_FULL:
		refuse(plan, 504, "max_contacts_per_discovered_partner",
			"a discovered partner writes to too many addresses",
			"as many addresses as it may write to in a day");
		break;
	}
	return true;
}

/* ---- taking a request ---------------------------------------------------- */

static void on_srv(struct discover_wait *w,
	const struct discover_answer *answer)
{
	struct session *s = container_of(w, struct session, srv_wait);

	(void)answer; /* it is remembered, and found when all is asked anew */
	w->cb = NULL;
	session_resume(s);
}

static bool ask(struct federation *f, struct session *s,
	struct federate_plan *plan)
{
	if (discover_ask(f->discover, str_of(plan->partner.domain),
		&s->srv_wait, on_srv) != 0)
		return false;
	session_hold(s);
	return true;
}

/* What is remembered of it, for limits and for people. */
static void note(struct federation *f, struct session *s,
	const struct sip_msg *m, const struct federate_plan *plan)
{
	const char *domain = plan->partner.domain;
	bool is_refused = plan->result != FEDERATE_PASSED;

	decisions_note(&f->decisions, DECISION_IN, plan, is_refused ?
		plan->verdict.status : 0, m->call_id, wall_now());
	if (!is_refused)
		return;
	counter_add(f->counters, COUNTER_PARTNER_REFUSED, 1);
	session_waste(s);
	if (plan->step != FEDERATE_ENABLED && federate_is_stranger(plan))
		watch_reject(&f->watch, s->names, domain,
			federate_step_name(plan->step), wall_now());
}

/* For whom the connection speaks: what goes back in a dialog may use it. */
static void remember(struct session *s, const struct partner *partner)
{
	if (s->partner == NULL)
		s->partner = malloc(sizeof(*s->partner));
	if (s->partner != NULL)
		*s->partner = *partner;
}

bool federation_take(struct federation *f, struct session *s,
	struct sip_msg *m, bool is_in_dialog, struct federate_plan *plan)
{
	struct watch_peer *peer;

	decide(f, s, m, is_in_dialog, plan);
	if (plan->result == FEDERATE_ASK) {
		if (ask(f, s, plan))
			return false;
		refuse(plan, 504, NULL, "too many questions to DNS",
			"DNS can't be asked now");
	}
	if (plan->result == FEDERATE_PASSED) {
		peer = watch_accept(&f->watch, s->names,
			plan->partner.domain, plan->partner.kind ==
			PARTNER_DISCOVERED, wall_now());
		if (peer == NULL)
			refuse(plan, 504, NULL, "no memory", "no memory");
		else if (!take_limits(f, peer, m, is_in_dialog, plan)) {
			counter_add(f->counters, COUNTER_PARTNER_HELD, 1);
			list_push_back(&f->held, &s->in_held);
			session_hold(s);
			return false;
		}
	}
	if (plan->result == FEDERATE_PASSED)
		remember(s, &plan->partner);
	note(f, s, m, plan);
	return true;
}

void federation_session_ended(struct federation *f, struct session *s)
{
	(void)f;
	list_remove(&s->in_held);
	discover_cancel(&s->srv_wait);
}

void federation_answered(struct federation *f, const struct session *partner,
	const struct sip_msg *request, const struct sip_msg *answer)
{
	uint8_t id[WATCH_ID_LEN];
	struct watch_peer *peer;
	bool is_failure = watch_is_failure(answer->status, sip_msg_header(
		answer, "ms-diagnostics"));

	if (partner->names == NULL)
		return;
	watch_id_of(partner->names, id);
	peer = watch_find(&f->watch, id);
	if (peer == NULL || !watch_answered(&f->watch, peer,
		request->uri.user, request->uri.host, is_failure,
		wall_now()))
		return;
	counter_add(f->counters, COUNTER_PARTNER_SUSPICIOUS, 1);
	log_warning("partner.suspicious", "session=%s subject=%s serial=%s "
		"domain=%s failures=%" PRIu64 " ls_event=14603",
		partner->origin.cid_text, log_qz(peer->subject),
		log_qz(peer->serial), log_qz(peer->domain_count > 0 ?
		peer->domains[peer->domain_count - 1] : ""),
		peer->failures);
}

/* ---- time ---------------------------------------------------------------- */

void federation_tick(struct federation *f)
{
	struct list waiting;
	struct list *it;

	list_init(&waiting);
	list_move_all(&f->held, &waiting);
	while ((it = list_first(&waiting)) != NULL) {
		list_remove(it);
		session_resume(container_of(it, struct session, in_held));
	}
}

static void report(struct federation *f)
{
	struct wall now = wall_now();
	const struct list *it;
	unsigned left = REPORTS_MAX;

	list_for_each(it, &f->watch.accepted) {
		const struct watch_peer *p = container_of(it,
			const struct watch_peer, by_use);

		if (!p->is_limited || left == 0)
			continue;
		left--;
		log_notice("partner.report", "domain=%s subject=%s serial=%s "
			"mode=%s messages=%" PRIu64 " failures=%" PRIu64
			" refused=%" PRIu64 " contacts=%zu ls_event=14603",
			log_qz(p->domain_count > 0 ?
			p->domains[p->domain_count - 1] : ""),
			log_qz(p->subject), log_qz(p->serial),
			watch_mode_name(watch_mode_of(&f->watch, p, now)),
			p->messages, p->failures, p->refused,
			p->contact_count);
	}
}

void federation_second(struct federation *f)
{
	struct mono now = loop_now(f->loop);

	peer_pool_tick(f->peers);
	counter_set(f->counters, COUNTER_PARTNERS_WATCHED,
		f->watch.accepted_count);
	if (mono_is_past(f->next_save, now))
		save(f);
	if (!mono_is_past(f->next_report, now))
		return;
	f->next_report = mono_after_ms(now,
		(int64_t)f->policy->federation.report_s * 1000);
	report(f);
}
