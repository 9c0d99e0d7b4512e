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
#include "common/net/http_get.h"

#define LIST_MAX   (32u << 20)
#define FETCHES    8
#define TIMEOUT_MS 30000

struct fetch {
	struct list node;
	struct revocation *owner;
	struct http_get *get; /* owned while it goes on */
	char url[CRL_URL_LEN];
};

struct revocation {
	struct revocation_spec spec;
	const struct policy *policy; /* borrowed */
	struct crl_store *store;
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
	err = crl_store_new(&r->store);
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

static void on_answer(const void *body, size_t len, const char *detail,
	void *arg)
{
	struct fetch *f = arg;
	struct revocation *r = f->owner;
	struct why why = {""};
	char url[CRL_URL_LEN];
	int err = EDGE_EPEER;

	snprintf(url, sizeof(url), "%s", f->url);
	fetch_free(f); /* its get goes by itself after this call */
	if (body == NULL) {
		crl_failed(r->store, url, wall_now());
		tell_failure(r, url, detail);
		return;
	}
	err = crl_put(r->store, url, body, len, wall_now(), &why);
	if (err != 0) {
		tell_failure(r, url, why_text(&why, err));
		return;
	}
	log_info("crl.fetched", "url=%s bytes=%zu", log_qz(url), len);
	r->spec.on_news(r->spec.arg);
}

static void fetch(struct revocation *r, const char *url)
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
	struct fetch *f = r->fetch_count < FETCHES ? calloc(1, sizeof(*f)) :
		NULL;
	int err = f == NULL ? EDGE_EBUSY : 0;

	if (f != NULL) {
		f->owner = r;
		snprintf(f->url, sizeof(f->url), "%s", url);
		list_push_back(&r->fetches, &f->node);
		r->fetch_count++;
		spec.arg = f;
		err = http_get_new(&f->get, &spec);
	}
	if (err == 0)
		return;
	if (f != NULL)
		fetch_free(f);
	crl_failed(r->store, url, wall_now());
	tell_failure(r, url, err_text(err));
}

bool revocation_is_listed(struct revocation *r, const struct stream *s,
	char detail[static REVOCATION_DETAIL_LEN])
{
	struct crl_finding found;

	if (!r->policy->keep_crls)
		return false;
	crl_look(r->store, s, wall_now(), &found);
	if (found.url[0] != '\0')
		fetch(r, found.url);
	snprintf(detail, REVOCATION_DETAIL_LEN, "%s", found.detail);
	return found.state == CRL_REVOKED;
}

void revocation_tick(struct revocation *r)
{
	char url[CRL_URL_LEN];

	if (r->policy->keep_crls && r->fetch_count < FETCHES &&
		crl_stale(r->store, wall_now(), url)[0] != '\0')
		fetch(r, url);
}
