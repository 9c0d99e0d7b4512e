/*
 * The memory of decisions: one pool of records for each share, found and
 * replaced by a walk over their small slots. What a record is about and how
 * it is asked for is in recall_find.c; what is worth remembering is decided
 * where the log line is written.
 */
#include "common/daemon/recall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/rand.h"
#include "common/daemon/recall_store.h"

#define SOURCE_PART 8 /* one source holds an eighth of a share at most */
#define KEY_MAX     96 /* bytes of one key; the text gets the rest */
#define BURST_S     2

static const struct {
	size_t cap;
	unsigned per_s;
} SHARES[RECALL_SHARES] = {
	[RECALL_STRANGER] = {256, 20},
	[RECALL_REFUSED] = {512, 200},
	[RECALL_ENDED] = {1024, 500},
	[RECALL_ADMITTED] = {512, 200},
};

struct recall *recall_new(void)
{
	struct recall *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	rand_bytes(r->key, sizeof(r->key));
	r->started_ms = wall_now_ms();
	for (size_t i = 0; i < RECALL_SHARES; i++) {
		struct recall_pool *pool = &r->pools[i];

		pool->cap = SHARES[i].cap;
		pool->per_s = SHARES[i].per_s;
		pool->tokens_milli = (int64_t)pool->per_s * BURST_S * 1000;
		pool->filled = mono_now();
		/* Not touched before it is used. */
		pool->slots = calloc(pool->cap, sizeof(*pool->slots));
		pool->records = calloc(pool->cap, sizeof(*pool->records));
		if (pool->slots == NULL || pool->records == NULL) {
			recall_free(r);
			return NULL;
		}
	}
	return r;
}

void recall_free(struct recall *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RECALL_SHARES; i++) {
		free(r->pools[i].slots);
		free(r->pools[i].records);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- who caused it ------------------------------------------------------ */

/* An IPv4 address or an IPv6 /56 is one source: more addresses cost nothing
 * there. Without an address the user or the domain counts. */
static uint32_t source_of(const struct recall *r,
	const struct recall_note *note)
{
	const struct str name =
		str_is_empty(note->user) ? note->domain : note->user;
	const bool has_address =
		note->address != NULL && addr_is_set(note->address);
	uint64_t hash;

	if (has_address && !(note->speaks_for_many && !str_is_empty(name)))
		hash = siphash24(r->key, note->address->ip,
			note->address->family == 4 ? 16 : 7);
	else if (!str_is_empty(name))
		hash = siphash24(r->key, name.p, name.n);
	else
		return 0;
	return (uint32_t)hash | 1;
}

/* More than per_s: left out and counted, so that a flood costs little. */
static bool may_keep(struct recall_pool *pool)
{
	const int64_t full = (int64_t)pool->per_s * BURST_S * 1000;
	const struct mono now = mono_now();

	pool->tokens_milli += mono_since_ms(pool->filled, now) * pool->per_s;
	if (pool->tokens_milli > full)
		pool->tokens_milli = full;
	pool->filled = now;
	if (pool->tokens_milli < 1000) {
		pool->left_out++;
		return false;
	}
	pool->tokens_milli -= 1000;
	return true;
}

/* ---- one record --------------------------------------------------------- */

static void put_word(struct recall_record *rec, enum recall_word word,
	struct str text, size_t *used)
{
	const size_t n = text.n < KEY_MAX ? text.n : KEY_MAX - 1;

	if (n == 0)
		return; /* at[] is 0, and words[0] is the empty text */
	rec->at[word] = (uint16_t)*used;
	memcpy(rec->words + *used, text.p, n);
	rec->words[*used + n] = '\0';
	/* What comes from the network is shown to a person (threat S16). */
	str_tidy(rec->words + *used);
	*used += n + 1;
}

static void EDGE_PRINTF(3, 0)
	fill(struct recall_record *rec, const struct recall_note *note,
		const char *fmt, va_list ap)
{
	const struct addr none = {{0}, 0, 0, 0};
	size_t used = 1;

	memset(rec, 0, sizeof(*rec));
	rec->first_ms = wall_now_ms();
	rec->last_ms = rec->first_ms;
	rec->count = 1;
	rec->kind = note->kind;
	rec->advice = note->advice;
	rec->address = note->address != NULL ? *note->address : none;
	rec->other = note->other != NULL ? *note->other : none;
	put_word(rec, RECALL_ID, note->id, &used);
	put_word(rec, RECALL_CREDENTIAL, note->credential, &used);
	put_word(rec, RECALL_USER, recall_bare_uri(note->user), &used);
	put_word(rec, RECALL_CALL_ID, note->call_id, &used);
	/* Of three long names the last gives way to the text. */
	if (used + KEY_MAX < sizeof(rec->words) - KEY_MAX / 2)
		put_word(rec, RECALL_DOMAIN, note->domain, &used);
	rec->at[RECALL_TEXT] = (uint16_t)used;
	vsnprintf(rec->words + used, sizeof(rec->words) - used, fmt, ap);
	/* A stray byte of a peer must not cost us the cause. */
	str_tidy(rec->words + used);
}

static bool is_same(const struct recall_record *a,
	const struct recall_record *b)
{
	return a->kind == b->kind &&
	       memcmp(a->words, b->words, sizeof(a->words)) == 0 &&
	       addr_ip_eq(&a->address, &b->address) &&
	       addr_eq(&a->other, &b->other);
}

/* ---- which one gives way ------------------------------------------------ */

struct place {
	size_t own_count;
	size_t own_oldest; /* of this source */
	size_t own_newest;
	size_t oldest; /* of all, free ones first */
};

static struct place look(const struct recall_pool *pool, uint32_t source)
{
	struct place p = {0, 0, 0, 0};

	for (size_t i = 0; i < pool->cap; i++) {
		const struct recall_slot *slot = &pool->slots[i];

		if (slot->number < pool->slots[p.oldest].number)
			p.oldest = i;
		if (slot->number == 0 || slot->source != source)
			continue;
		if (p.own_count == 0 ||
			slot->number < pool->slots[p.own_oldest].number)
			p.own_oldest = i;
		if (p.own_count == 0 ||
			slot->number > pool->slots[p.own_newest].number)
			p.own_newest = i;
		p.own_count++;
	}
	return p;
}

static void keep(struct recall *r, struct recall_pool *pool, uint32_t source,
	const struct recall_record *rec)
{
	const struct place p = look(pool, source);
	const bool is_greedy =
		source != 0 && p.own_count >= pool->cap / SOURCE_PART;
	const size_t at = is_greedy ? p.own_oldest : p.oldest;
	struct recall_record *newest = &pool->records[p.own_newest];

	if (p.own_count > 0 && is_same(newest, rec)) {
		newest->last_ms = rec->first_ms;
		newest->count++;
		return;
	}
	pool->records[at] = *rec;
	pool->slots[at].number = ++r->number;
	pool->slots[at].source = source;
}

void recall_add(struct recall *r, const struct recall_note *note,
	const char *fmt, ...)
{
	struct recall_pool *pool;
	struct recall_record rec;
	va_list ap;

	if (r == NULL)
		return;
	pool = &r->pools[note->share];
	pthread_mutex_lock(&r->lock);
	if (may_keep(pool)) {
		va_start(ap, fmt);
		fill(&rec, note, fmt, ap);
		va_end(ap);
		keep(r, pool, source_of(r, note), &rec);
	}
	pthread_mutex_unlock(&r->lock);
}
