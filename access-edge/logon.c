/*
 * Failed sign-ins. A fixed number of records, the one touched longest ago
 * is used again, so that a flood of sources takes no memory. Names are kept
 * as keyed hashes only: nothing to leak, nothing of unbounded size.
 *
 * A stranger who fails as alice on purpose must not keep alice out: whoever
 * has signed in from a source is known there, and then only what fails as
 * the very same one from the very same source counts against it. The known
 * have a table of their own, which takes a password to get into.
 */
#include "access-edge/logon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/list.h"
#include "common/base/map.h"

#define RECORDS_MAX 16384
#define IPV6_KEEP   7 /* bytes: a /56 is one source */
#define KNOWN_MS    (7 * 86400 * INT64_C(1000))

struct record {
	struct map_node node; /* hash is the key */
	struct list age;      /* least recently failed first */
	struct mono since;
	struct mono blocked_until; /* 0 = not */
	unsigned count;
};

struct records {
	struct map map;
	struct list age;
};

struct logon {
	struct records failed;
	struct records known; /* since: the last success */
};

static void drop(struct records *rs, struct record *r)
{
	map_remove(&rs->map, &r->node);
	list_remove(&r->age);
	free(r);
}

static void drop_all(struct records *rs)
{
	struct list *it;

	while ((it = list_first(&rs->age)) != NULL)
		drop(rs, container_of(it, struct record, age));
	map_fini(&rs->map);
}

int logon_new(struct logon **out)
{
	struct logon *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	list_init(&l->failed.age);
	list_init(&l->known.age);
	if (map_init(&l->failed.map) != 0) {
		free(l);
		return -ENOMEM;
	}
	if (map_init(&l->known.map) != 0) {
		map_fini(&l->failed.map);
		free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void logon_free(struct logon *l)
{
	if (l == NULL)
		return;
	drop_all(&l->failed);
	drop_all(&l->known);
	free(l);
}

/* ---- who ----------------------------------------------------------------- */

static uint64_t source_key(const struct map *m, const struct addr *source)
{
	uint8_t key[17] = {'a'};

	memcpy(key + 1, source->ip, 16);
	if (source->family == 6)
		memset(key + 1 + IPV6_KEEP, 0, 16 - IPV6_KEEP);
	return map_hash(m, key, sizeof(key));
}

static uint64_t name_key(const struct map *m, char kind, struct str name)
{
	char lower[257] = {kind};
	size_t n = name.n < 256 ? name.n : 256;

	for (size_t i = 0; i < n; i++)
		lower[i + 1] = name.p[i] >= 'A' && name.p[i] <= 'Z' ?
			(char)(name.p[i] | 0x20) : name.p[i];
	return map_hash(m, lower, n + 1);
}

struct logon_id logon_id_of(const struct logon *l, const struct addr *source,
	struct str user, struct str login)
{
	const struct map *m = &l->failed.map;
	struct logon_id id = {
		.source = source_key(m, source),
		.user = name_key(m, 'u', user),
		.login = login.n > 0 ? name_key(m, 'l', login) : 0,
	};
	const uint64_t all[] = {id.source, id.user, id.login};

	id.whole = map_hash(m, all, sizeof(all));
	return id;
}

/* ---- records ------------------------------------------------------------- */

static bool is_same(const struct map_node *node, const void *key)
{
	return node->hash == *(const uint64_t *)key;
}

static struct record *find(const struct records *rs, uint64_t key)
{
	struct map_node *node = map_find(&rs->map, key, is_same, &key);

	return node == NULL ? NULL : container_of(node, struct record, node);
}

static struct record *find_or_make(struct records *rs, uint64_t key,
	struct mono now)
{
	struct record *r = find(rs, key);

	if (r != NULL) {
		list_remove(&r->age);
		list_push_back(&rs->age, &r->age);
		return r;
	}
	if (rs->map.count >= RECORDS_MAX)
		drop(rs, container_of(rs->age.next, struct record, age));
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->since = now;
	map_insert(&rs->map, &r->node, key);
	list_push_back(&rs->age, &r->age);
	return r;
}

static bool is_blocked(const struct logon *l, uint64_t key,
	struct mono now)
{
	const struct record *r = find(&l->failed, key);

	return r != NULL && r->blocked_until.ms != 0 &&
		!mono_is_past(r->blocked_until, now);
}

static bool is_known(const struct logon *l, uint64_t key, struct mono now)
{
	const struct record *r = find(&l->known, key);

	return r != NULL && mono_since_ms(r->since, now) < KNOWN_MS;
}

bool logon_is_blocked(const struct logon *l, const struct logon_id *id,
	struct mono now)
{
	if (is_blocked(l, id->whole, now))
		return true;
	if (is_known(l, id->whole, now))
		return false;
	return is_blocked(l, id->source, now) ||
		is_blocked(l, id->user, now) ||
		(id->login != 0 && is_blocked(l, id->login, now));
}

static void failed(struct logon *l, uint64_t key, unsigned limit,
	uint32_t window_s, struct mono now)
{
	struct record *r = find_or_make(&l->failed, key, now);
	int64_t window_ms = (int64_t)window_s * 1000;

	if (r == NULL)
		return;
	if (mono_since_ms(r->since, now) > window_ms) {
		r->since = now;
		r->count = 0;
		r->blocked_until.ms = 0;
	}
	r->count++;
	if (r->count >= limit)
		r->blocked_until = mono_after_ms(now, window_ms);
}

void logon_failed(struct logon *l, const struct logon_id *id,
	unsigned limit, uint32_t window_s, struct mono now)
{
	failed(l, id->source, limit, window_s, now);
	failed(l, id->user, limit, window_s, now);
	if (id->login != 0)
		failed(l, id->login, limit, window_s, now);
	/* Only where it decides something: others would fill the table. */
	if (is_known(l, id->whole, now))
		failed(l, id->whole, limit, window_s, now);
}

void logon_succeeded(struct logon *l, const struct logon_id *id,
	struct mono now)
{
	struct record *r = find(&l->failed, id->whole);

	if (r != NULL)
		drop(&l->failed, r);
	r = find_or_make(&l->known, id->whole, now);
	if (r != NULL)
		r->since = now;
}

size_t logon_count(const struct logon *l)
{
	return l->failed.map.count;
}
