/*
 * Failed sign-ins. A fixed number of records, the one touched longest ago
 * is used again, so that a flood of sources takes no memory. Names are kept
 * as keyed hashes only: nothing to leak, nothing of unbounded size.
 */
#include "access-edge/logon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/list.h"
#include "common/base/map.h"

#define RECORDS_MAX 16384
#define IPV6_KEEP   7 /* bytes: a /56 is one source */

struct record {
	struct map_node node; /* hash is the key */
	struct list age;      /* least recently failed first */
	struct mono since;
	struct mono blocked_until; /* 0 = not */
	unsigned count;
};

struct logon {
	struct map map;
	struct list age;
};

int logon_new(struct logon **out)
{
	struct logon *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	list_init(&l->age);
	if (map_init(&l->map) != 0) {
		free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

static void drop(struct logon *l, struct record *r)
{
	map_remove(&l->map, &r->node);
	list_remove(&r->age);
	free(r);
}

void logon_free(struct logon *l)
{
	struct list *it;

	if (l == NULL)
		return;
	while ((it = list_first(&l->age)) != NULL)
		drop(l, container_of(it, struct record, age));
	map_fini(&l->map);
	free(l);
}

static uint64_t source_key(const struct logon *l, const struct addr *source)
{
	uint8_t key[17] = {'a'};

	memcpy(key + 1, source->ip, 16);
	if (source->family == 6)
		memset(key + 1 + IPV6_KEEP, 0, 16 - IPV6_KEEP);
	return map_hash(&l->map, key, sizeof(key));
}

static uint64_t user_key(const struct logon *l, struct str user)
{
	char lower[257] = {'u'};
	size_t n = user.n < 256 ? user.n : 256;

	for (size_t i = 0; i < n; i++)
		lower[i + 1] = user.p[i] >= 'A' && user.p[i] <= 'Z' ?
			(char)(user.p[i] | 0x20) : user.p[i];
	return map_hash(&l->map, lower, n + 1);
}

static bool is_same(const struct map_node *node, const void *key)
{
	return node->hash == *(const uint64_t *)key;
}

static struct record *find(const struct logon *l, uint64_t key)
{
	struct map_node *node = map_find(&l->map, key, is_same, &key);

	return node == NULL ? NULL : container_of(node, struct record, node);
}

static bool is_blocked(const struct logon *l, uint64_t key,
	struct mono now)
{
	const struct record *r = find(l, key);

	return r != NULL && r->blocked_until.ms != 0 &&
		!mono_is_past(r->blocked_until, now);
}

bool logon_is_blocked(const struct logon *l, const struct addr *source,
	struct str user, struct mono now)
{
	return is_blocked(l, source_key(l, source), now) ||
		is_blocked(l, user_key(l, user), now);
}

static struct record *find_or_make(struct logon *l, uint64_t key,
	struct mono now)
{
	struct record *r = find(l, key);

	if (r != NULL) {
		list_remove(&r->age);
		list_push_back(&l->age, &r->age);
		return r;
	}
	if (l->map.count >= RECORDS_MAX)
		drop(l, container_of(l->age.next, struct record, age));
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->since = now;
	map_insert(&l->map, &r->node, key);
	list_push_back(&l->age, &r->age);
	return r;
}

static void failed(struct logon *l, uint64_t key, unsigned limit,
	uint32_t window_s, struct mono now)
{
	struct record *r = find_or_make(l, key, now);
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

void logon_failed(struct logon *l, const struct addr *source,
	struct str user, unsigned limit, uint32_t window_s, struct mono now)
{
	failed(l, source_key(l, source), limit, window_s, now);
	failed(l, user_key(l, user), limit, window_s, now);
}

size_t logon_count(const struct logon *l)
{
	return l->map.count;
}
