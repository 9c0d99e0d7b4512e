/*
 * Fetching of revocation lists. What a list says is crl.c's business; which
 * addresses may be asked is decided here: a certificate must not make us
 * knock at doors inside (threat S12).
 */
#include "access-edge/revocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/counters.h"
#include "common/base/err.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/netset.h"
#include "common/net/crl.h"
#include "common/net/crl_parcel.h"
#include "common/net/http_get.h"
#include "common/run/worker.h"

#define LIST_MAX   (32u << 20)
#define ALL_MAX    ((size_t)256 << 20)
#define FETCHES    8
#define TIMEOUT_MS 30000

struct fetch {
	struct list node;
	struct revocation *owner;
	struct http_get *get; /* owned while it goes on */
	char url[CRL_URL_LEN];
};

/* A list that came is read beside the loop. */
struct reading {
	struct job job;
	struct revocation *owner;
	struct crl_parcel *parcel; /* owned */
	size_t len;
	bool has_run;
};

struct revocation {
	struct revocation_spec spec;
	const struct policy *policy; /* borrowed */
	struct crl_store *store;
	struct worker *worker; /* begins with the first list */
	bool is_ending;
	struct list fetches;
	size_t fetch_count;
};

int revocation_new(struct revocation **out,
	const struct revocation_spec *spec, const struct policy *policy)
{
	struct revocation *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	list_init(&r->fetches);
	r->spec = *spec;
	r->policy = policy;
	err = crl_store_new(&r->store, ALL_MAX);
	if (err == 0)
		err = worker_new(&r->worker, spec->loop);
	if (err != 0) {
		revocation_free(r);
		return err;
	}
	*out = r;
	return 0;
}

static void fetch_free(struct fetch *f)
{
	list_remove(&f->node);
	f->owner->fetch_count--;
	free(f);
}

void revocation_free(struct revocation *r)
{
	struct list *it;

	if (r == NULL)
		return;
	while ((it = list_first(&r->fetches)) != NULL) {
		struct fetch *f = container_of(it, struct fetch, node);

		http_get_cancel(f->get);
		fetch_free(f);
	}
	r->is_ending = true;
	worker_free(r->worker);
	crl_store_free(r->store);
	free(r);
}

size_t revocation_lists(const struct revocation *r)
{
	return crl_count(r->store);
}

static bool may_ask(const struct addr *a, void *arg)
{
	const struct revocation *r = ((struct fetch *)arg)->owner;

	return policy_allows_target(r->policy, a) ||
		(netset_special(a) == NULL &&
			!topology_is_own(r->policy->topology, a));
}

static void tell_failure(struct revocation *r, const char *url,
	const char *cause)
{
	counter_add(r->spec.counters, COUNTER_CRL_FAILURES, 1);
	log_limited(LOG_LEVEL_WARNING, 6, "crl.failed", "url=%s cause=%s",
		log_qz(url), log_qz(cause));
}

static void on_failed(struct revocation *r, const char *url,
	const char *cause)
{
	crl_failed(r->store, url, wall_now());
	tell_failure(r, url, cause);
	r->spec.on_news(r->spec.arg);
}

/* ---- lists that came ----------------------------------------------------- */

static void read_list(struct job *job)
{
	struct reading *reading = container_of(job, struct reading, job);

	crl_parcel_open(reading->parcel);
	reading->has_run = true;
}

static void on_read(struct job *job)
{
	struct reading *reading = container_of(job, struct reading, job);
	struct revocation *r = reading->owner;
	struct why why = {""};
	char url[CRL_URL_LEN];
	size_t len = reading->len;
	int err;

	snprintf(url, sizeof(url), "%s", crl_parcel_url(reading->parcel));
	if (r->is_ending || !reading->has_run) {
		crl_parcel_free(reading->parcel);
		free(reading);
		return;
	}
	err = crl_put(r->store, reading->parcel, wall_now(), &why);
	free(reading);
	if (err != 0)
		tell_failure(r, url, why_text(&why, err));
	else
		log_info("crl.fetched", "url=%s bytes=%zu", log_qz(url), len);
	r->spec.on_news(r->spec.arg);
}

/* room is taken. */
static int give_to_worker(struct revocation *r, const char *url, void *room,
	const void *body, size_t len)
{
	struct reading *reading;
	struct crl_parcel *parcel;
	int err = crl_receive(r->store, url, room, body, len, &parcel);

	if (err != 0)
		return err;
	reading = calloc(1, sizeof(*reading));
	err = reading == NULL ? -ENOMEM : worker_start(r->worker);
	if (err != 0) {
		crl_parcel_free(parcel);
		free(reading);
		return err;
	}
	reading->owner = r;
	reading->parcel = parcel;
	reading->len = len;
	reading->job.run = read_list;
	reading->job.done = on_read;
	worker_add(r->worker, &reading->job);
	return 0;
}

static void on_answer(const void *body, size_t len, const char *detail,
	void *arg)
{
	struct fetch *f = arg;
	struct revocation *r = f->owner;
	char url[CRL_URL_LEN];
	void *room = body != NULL ? http_get_keep(f->get) : NULL;
	int err;

	snprintf(url, sizeof(url), "%s", f->url);
	fetch_free(f); /* its get goes by itself after this call */
	if (body == NULL) {
		on_failed(r, url, detail);
		return;
	}
	err = give_to_worker(r, url, room, body, len);
	if (err != 0)
		on_failed(r, url, err_text(err));
}

/* ---- asking for them ----------------------------------------------------- */

/* False: it can't be asked, now or for a while. Who looks again may be given
 * another address. */
static bool fetch(struct revocation *r, const char *url)
{
	struct http_get_spec spec = {
		.loop = r->spec.loop,
		.resolver = r->spec.resolver,
		.url = url,
		.local = addr_with_port(&r->policy->outside.address, 0),
		.bind_device = r->spec.bind_device,
		.max = LIST_MAX,
		.timeout_ms = TIMEOUT_MS,
		.may_ask = may_ask,
		.cb = on_answer,
	};
	struct fetch *f;
	int err = -ENOMEM;

	if (r->fetch_count == FETCHES) {
		crl_postponed(r->store, url);
		return false;
	}
	f = calloc(1, sizeof(*f));
	if (f != NULL) {
		f->owner = r;
		snprintf(f->url, sizeof(f->url), "%s", url);
		list_push_back(&r->fetches, &f->node);
		r->fetch_count++;
		spec.arg = f;
		err = http_get_new(&f->get, &spec);
	}
	if (err == 0)
		return true;
	if (f != NULL)
		fetch_free(f);
	crl_failed(r->store, url, wall_now());
	tell_failure(r, url, err_text(err));
	return false;
}

/* Two certificates of a chain may name several lists, each at several
 * addresses: so many are begun at a time. */
#define TRIES 8

enum revocation_state revocation_look(struct revocation *r,
	const struct stream *s, char detail[static REVOCATION_DETAIL_LEN])
{
	struct crl_finding found;

	detail[0] = '\0';
	if (!r->policy->keep_crls)
		return REVOCATION_FINE;
	crl_look(r->store, s, wall_now(), &found);
	for (int i = 0; i < TRIES && found.url[0] != '\0'; i++) {
		if (!fetch(r, found.url) && r->fetch_count == FETCHES)
			break;
		crl_look(r->store, s, wall_now(), &found);
	}
	snprintf(detail, REVOCATION_DETAIL_LEN, "%s", found.detail);
	if (found.state == CRL_REVOKED)
		return REVOCATION_LISTED;
	if (found.state != CRL_MISSING || !r->policy->require_crls)
		return REVOCATION_FINE;
	return found.is_coming ? REVOCATION_WAIT : REVOCATION_UNKNOWN;
}

void revocation_tick(struct revocation *r)
{
	char url[CRL_URL_LEN];

	if (r->policy->keep_crls && r->fetch_count < FETCHES &&
		crl_stale(r->store, wall_now(), url)[0] != '\0')
		(void)fetch(r, url);
}
