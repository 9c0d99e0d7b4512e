/*
 * SRV look-ups of partners' domains. One query for all who ask at the same
 * time; answers are kept for their TTL, not less than a minute and not more
 * than an hour, failures for half a minute; the one asked for least lately
 * makes room. Whether an answer is any good is federate.c's affair.
 */
#include "access-edge/discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/partner.h"
#include "common/base/err.h"

#define TTL_MIN_S      60
#define TTL_MAX_S      3600
#define TTL_NOTHING_S  30
#define FALLBACK_PORT  5061
#define FEDERATION     "_sipfederationtls._tcp."
#define SIPS           "_sips._tcp."
#define NAPTR          "SIPS+D2T"

struct record {
	struct map_node node;
	struct list by_use; /* asked for least lately first */
	struct discover *owner;
	struct discover_answer answer;
	struct resolve_query *query; /* NULL = none is out */
	bool is_second;              /* it is for RFC 3263 */
	struct mono until;           /* of the answer; 0 = there is none */
	struct list waiting;
};

struct discover {
	struct loop *loop;
	struct resolver *resolver;
	struct map records;
	struct list by_use;
	size_t max;
	bool fallback;
};

/* ---- the memory ---------------------------------------------------------- */

static void record_free(struct record *r)
{
	struct list *it;

	while ((it = list_first(&r->waiting)) != NULL)
		list_remove(it);
	resolve_cancel(r->query);
	map_remove(&r->owner->records, &r->node);
	list_remove(&r->by_use);
	free(r);
}

static bool is_domain(const struct map_node *node, const void *key)
{
	const struct record *r = container_of(node, struct record, node);

	return strcmp(r->answer.domain, key) == 0;
}

static struct record *find(const struct discover *d, const char *domain)
{
	struct map_node *node = map_find(&d->records, map_hash(&d->records,
		domain, strlen(domain)), is_domain, domain);

	return node != NULL ? container_of(node, struct record, node) : NULL;
}

/* Room for one more: those with a question out are never thrown away. */
static void make_room(struct discover *d)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &d->by_use) {
		struct record *r = container_of(it, struct record, by_use);

		if (d->records.count < d->max)
			return;
		if (r->query == NULL)
			record_free(r);
	}
}

static struct record *record_get(struct discover *d, const char *domain)
{
	struct record *r = find(d, domain);

	if (r != NULL)
		return r;
	make_room(d);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->owner = d;
	list_init(&r->waiting);
	snprintf(r->answer.domain, sizeof(r->answer.domain), "%s", domain);
	map_insert(&d->records, &r->node, map_hash(&d->records, domain,
		strlen(domain)));
	list_push_back(&d->by_use, &r->by_use);
	return r;
}

int discover_new(struct discover **out, struct loop *loop,
	struct resolver *resolver)
{
	struct discover *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL)
		return -ENOMEM;
	d->loop = loop;
	d->resolver = resolver;
	d->max = 1;
	list_init(&d->by_use);
	err = map_init(&d->records);
	if (err != 0) {
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

void discover_free(struct discover *d)
{
	struct list *it;

	if (d == NULL)
		return;
	while ((it = list_first(&d->by_use)) != NULL)
		record_free(container_of(it, struct record, by_use));
	map_fini(&d->records);
	free(d);
}

void discover_set(struct discover *d, size_t records_max, bool fallback)
{
	struct list *it;

	d->max = records_max;
	if (d->fallback == fallback)
		return;
	d->fallback = fallback;
	list_for_each(it, &d->by_use)
		container_of(it, struct record, by_use)->until.ms = 0;
}

size_t discover_count(const struct discover *d)
{
	return d->records.count;
}

/* ---- asking -------------------------------------------------------------- */

/* Everybody who waits hears it; each may forget the record or ask anew. */
static void settle(struct record *r, int64_t ttl_s)
{
	struct discover_answer answer;
	struct list waiting;
	struct list *it;

	r->answer.ttl_s = ttl_s;
	r->until = mono_after_ms(loop_now(r->owner->loop), ttl_s * 1000);
	answer = r->answer;
	list_init(&waiting);
	list_move_all(&r->waiting, &waiting);
	while ((it = list_first(&waiting)) != NULL) {
		struct discover_wait *w = container_of(it,
			struct discover_wait, node);

		list_remove(it);
		w->cb(w, &answer);
	}
}

static void take_rows(struct discover_answer *a,
	const struct resolve_srv *rows, size_t count)
{
	a->count = 0;
	for (size_t i = 0; i < count && a->count < DISCOVER_TARGETS_MAX;
		i++) {
		struct discover_target *t = &a->targets[a->count++];

		snprintf(t->host, sizeof(t->host), "%s", rows[i].target);
		t->port = rows[i].port;
	}
}

static int64_t ttl_of(const struct resolve_srv *rows, size_t count)
{
	int64_t ttl = TTL_MAX_S;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].ttl_s < ttl)
			ttl = rows[i].ttl_s;
	}
	return ttl < TTL_MIN_S ? TTL_MIN_S : ttl;
}

static void on_srv(int err, const struct resolve_srv *rows, size_t count,
	const char *detail, void *arg);

static int ask_name(struct record *r, const char *name)
{
	int err = resolve_srv(&r->query, r->owner->resolver, name,
		RESOLVE_OUTSIDE, on_srv, r);

	if (err != 0)
		r->query = NULL;
	return err;
}

static int ask(struct record *r, const char *service)
{
	char name[DNS_NAME_LEN + sizeof(FEDERATION)];

	snprintf(name, sizeof(name), "%s%s", service, r->answer.domain);
	return ask_name(r, name);
}

/* RFC 3263 section 4.1: the NAPTR record says what to look for; without one,
 * or when it can't be had, it is the usual name. */
static void on_naptr(int err, const char *name, const char *detail,
	void *arg)
{
	struct record *r = arg;

	(void)detail;
	r->query = NULL;
	if ((err != 0 || ask_name(r, name) != 0) && ask(r, SIPS) != 0)
		settle(r, TTL_NOTHING_S);
}

static int ask_again(struct record *r)
{
	int err = resolve_naptr(&r->query, r->owner->resolver,
		r->answer.domain, NAPTR, RESOLVE_OUTSIDE, on_naptr, r);

	r->is_second = true;
	if (err != 0)
		r->query = NULL;
	return err;
}

/* RFC 3263 section 4.2: no SRV at all, so the domain's own addresses. */
static void fall_back_to_host(struct discover_answer *a)
{
	a->is_found = true;
	a->is_fallback = true;
	a->count = 1;
	a->targets[0].port = FALLBACK_PORT;
	snprintf(a->targets[0].host, sizeof(a->targets[0].host), "%s",
		a->domain);
}

static void on_srv(int err, const struct resolve_srv *rows, size_t count,
	const char *detail, void *arg)
{
	struct record *r = arg;
	struct discover_answer *a = &r->answer;

	r->query = NULL;
	a->is_found = err == 0;
	a->is_fallback = r->is_second;
	a->count = 0;
	snprintf(a->detail, sizeof(a->detail), "%s", err == 0 ? "" : detail);
	if (err == 0) {
		take_rows(a, rows, count);
		settle(r, ttl_of(rows, count));
		return;
	}
	if (err == EDGE_EUNKNOWN && r->owner->fallback) {
		if (r->is_second) {
			fall_back_to_host(a);
			settle(r, TTL_MIN_S);
			return;
		}
		if (ask_again(r) == 0)
			return;
	}
	settle(r, TTL_NOTHING_S);
}

const struct discover_answer *discover_find(struct discover *d,
	struct str domain)
{
	char name[DNS_NAME_LEN];
	struct record *r = dns_name_take(domain, name, sizeof(name)) == 0 ?
		find(d, name) : NULL;

	if (r == NULL)
		return NULL;
	list_remove(&r->by_use);
	list_push_back(&d->by_use, &r->by_use);
	if (r->until.ms == 0 || mono_is_past(r->until, loop_now(d->loop)))
		return NULL;
	return &r->answer;
}

int discover_ask(struct discover *d, struct str domain,
	struct discover_wait *w, discover_cb *cb)
{
	char name[DNS_NAME_LEN];
	struct record *r;
	int err = dns_name_take(domain, name, sizeof(name));

	if (err != 0)
		return err;
	r = record_get(d, name);
	if (r == NULL)
		return -ENOMEM;
	if (r->query == NULL) {
		r->is_second = false;
		err = ask(r, FEDERATION);
		if (err != 0)
			return err;
	}
	w->cb = cb;
	list_init(&w->node);
	list_push_back(&r->waiting, &w->node);
	return 0;
}

void discover_cancel(struct discover_wait *w)
{
	if (w->cb != NULL)
		list_remove(&w->node);
	w->cb = NULL;
}

void discover_forget(struct discover *d, struct str what)
{
	char pattern[PARTNER_PATTERN_LEN];
	struct list *it, *next;

	if (partner_pattern_take(what, pattern) != 0)
		return;
	list_for_each_safe(it, next, &d->by_use) {
		struct record *r = container_of(it, struct record, by_use);

		if (partner_matches(r->answer.domain, pattern) &&
			r->query == NULL)
			record_free(r);
	}
}
