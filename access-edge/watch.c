/*
 * Limits of discovered partners, and the memory of all partners. The token
 * bucket makes a fast partner wait, which its own TCP feels; harvesting of
 * addresses is told by how many of its recipients do not exist, and by how
 * many there are ("How federated traffic is evaluated" in the original's
 * documentation; where it is silent, docs/protocol/access-edge.md says what
 * was chosen).
 */
#include "access-edge/watch.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/rand.h"

#define SUSPICIOUS_RATE       1
#define SUSPICIOUS_FAILURES   50 /* of the last WATCH_OUTCOMES */
#define SUSPICIOUS_RECIPIENTS 20
#define SUSPICIOUS_S          3600
#define CONTACTS_S            86400
#define EMPTY_MAX_MS          5000
#define APOLOGIES             10 /* a second */

const char *watch_mode_name(enum watch_mode mode)
{
	static const char *const names[] = {
		[WATCH_STANDARD] = "standard",
		[WATCH_SUSPICIOUS] = "suspicious",
		[WATCH_BLOCKED] = "blocked",
	};

	return names[mode];
}

/* ---- a set of addresses -------------------------------------------------- */

static bool has_contact(const struct watch_peer *p, uint64_t contact)
{
	size_t i = contact >> 1;

	if (p->contact_room == 0)
		return false;
	for (;; i++) {
		uint64_t have = p->contacts[i & (p->contact_room - 1)];

		if (have == 0 || have == contact)
			return have == contact;
	}
}

static void put_contact(uint64_t *table, size_t room, uint64_t contact)
{
	size_t i = contact >> 1;

	while (table[i & (room - 1)] != 0)
		i++;
	table[i & (room - 1)] = contact;
}

/* False without memory: then it does not count, and may be tried again. */
static bool add_contact(struct watch_peer *p, uint64_t contact)
{
	if (p->contact_count * 2 >= p->contact_room) {
		size_t room = p->contact_room != 0 ? p->contact_room * 2 : 16;
		uint64_t *table = calloc(room, sizeof(*table));

		if (table == NULL)
			return false;
		for (size_t i = 0; i < p->contact_room; i++) {
			if (p->contacts[i] != 0)
				put_contact(table, room, p->contacts[i]);
		}
		free(p->contacts);
		p->contacts = table;
		p->contact_room = room;
	}
	put_contact(p->contacts, p->contact_room, contact);
	p->contact_count++;
	return true;
}

/* ---- the list ------------------------------------------------------------ */

int watch_init(struct watch *w, const struct policy_federation *limits)
{
	memset(w, 0, sizeof(*w));
	list_init(&w->accepted);
	list_init(&w->rejected);
	rand_bytes(w->key, sizeof(w->key));
	w->limits = limits;
	return map_init(&w->by_id);
}

/* Last in its half. */
static void enter(struct watch *w, struct watch_peer *p, bool rejected)
{
	p->is_rejected = rejected;
	list_push_back(rejected ? &w->rejected : &w->accepted, &p->by_use);
	if (rejected)
		w->rejected_count++;
	else
		w->accepted_count++;
}

static void leave(struct watch *w, struct watch_peer *p)
{
	list_remove(&p->by_use);
	if (p->is_rejected)
		w->rejected_count--;
	else
		w->accepted_count--;
}

void watch_forget(struct watch *w, struct watch_peer *peer)
{
	map_remove(&w->by_id, &peer->node);
	leave(w, peer);
	w->is_changed = true;
	free(peer->contacts);
	free(peer);
}

void watch_fini(struct watch *w)
{
	struct list *it;

	if (w->limits == NULL)
		return;
	while ((it = list_first(&w->accepted)) != NULL)
		watch_forget(w, container_of(it, struct watch_peer, by_use));
	while ((it = list_first(&w->rejected)) != NULL)
		watch_forget(w, container_of(it, struct watch_peer, by_use));
	map_fini(&w->by_id);
}

void watch_set(struct watch *w, const struct policy_federation *limits)
{
	w->limits = limits;
}

void watch_id_of(const struct tls_names *names,
	uint8_t id[static WATCH_ID_LEN])
{
	const struct digest_part parts[] = {
		{names->issuer, strlen(names->issuer) + 1},
		{names->serial, strlen(names->serial) + 1},
	};
	uint8_t hash[DIGEST_SHA256_LEN];

	digest_sha256(parts, ARRAY_COUNT(parts), hash);
	memcpy(id, hash, WATCH_ID_LEN);
}

static bool has_id(const struct map_node *node, const void *key)
{
	const struct watch_peer *p = container_of(node, struct watch_peer,
		node);

	return memcmp(p->id, key, WATCH_ID_LEN) == 0;
}

struct watch_peer *watch_find(const struct watch *w,
	const uint8_t id[static WATCH_ID_LEN])
{
	struct map_node *node = map_find(&w->by_id, map_hash(&w->by_id, id,
		WATCH_ID_LEN), has_id, id);

	return node != NULL ? container_of(node, struct watch_peer, node) :
		NULL;
}

/* A share of a full half goes: first those that nothing is held against,
 * each in the order in which they were last heard of. */
static void drop_share(struct watch *w, struct list *half, size_t count,
	struct wall now)
{
	size_t left = count * w->limits->deleted_percent / 100 + 1;

	for (int pass = 0; pass < 2 && left > 0; pass++) {
		struct list *it, *next;

		list_for_each_safe(it, next, half) {
			struct watch_peer *p = container_of(it,
				struct watch_peer, by_use);

			if (left == 0)
				break;
			if (pass == 0 && watch_mode_of(w, p, now) !=
				WATCH_STANDARD)
				continue;
			watch_forget(w, p);
			left--;
		}
	}
}

static void make_room(struct watch *w, bool rejected, struct wall now)
{
	if (!rejected && w->accepted_count >= w->limits->accepted_max)
		drop_share(w, &w->accepted, w->accepted_count, now);
	if (rejected && w->rejected_count >= w->limits->rejected_max)
		drop_share(w, &w->rejected, w->rejected_count, now);
}

struct watch_peer *watch_restore(struct watch *w,
	const struct watch_peer *row, const uint64_t *contacts, size_t count)
{
	struct watch_peer *p = watch_find(w, row->id) == NULL ?
		calloc(1, sizeof(*p)) : NULL;

	if (p == NULL)
		return NULL;
	*p = *row;
	p->contacts = NULL;
	p->contact_count = 0;
	p->contact_room = 0;
	map_insert(&w->by_id, &p->node, map_hash(&w->by_id, p->id,
		WATCH_ID_LEN));
	enter(w, p, row->is_rejected);
	for (size_t i = 0; i < count; i++) {
		if (contacts[i] != 0 && !has_contact(p, contacts[i]) &&
			!add_contact(p, contacts[i]))
			break;
	}
	return p;
}

static struct watch_peer *peer_new(struct watch *w,
	const struct tls_names *names, bool rejected, struct wall now)
{
	struct watch_peer *p;

	make_room(w, rejected, now);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	watch_id_of(names, p->id);
	snprintf(p->issuer, sizeof(p->issuer), "%s", names->issuer);
	snprintf(p->serial, sizeof(p->serial), "%s", names->serial);
	snprintf(p->subject, sizeof(p->subject), "%s", names->subject);
	p->first_seen = now;
	p->contacts_since = now;
	map_insert(&w->by_id, &p->node, map_hash(&w->by_id, p->id,
		WATCH_ID_LEN));
	enter(w, p, rejected);
	return p;
}

/* The latest ones; the one that was there longest makes room. */
static void note_domain(struct watch_peer *p, const char *domain)
{
	if (domain[0] == '\0')
		return;
	for (size_t i = 0; i < p->domain_count; i++) {
		if (strcmp(p->domains[i], domain) == 0)
			return;
	}
	if (p->domain_count == WATCH_DOMAINS_MAX) {
		memmove(p->domains[0], p->domains[1],
			sizeof(p->domains[0]) * (WATCH_DOMAINS_MAX - 1));
		p->domain_count--;
	}
	snprintf(p->domains[p->domain_count++], sizeof(p->domains[0]), "%s",
		domain);
}

static struct watch_peer *note(struct watch *w,
	const struct tls_names *names, const char *domain, bool rejected,
	struct wall now)
{
	uint8_t id[WATCH_ID_LEN];
	struct watch_peer *p;

	watch_id_of(names, id);
	p = watch_find(w, id);
	if (p == NULL) {
		p = peer_new(w, names, rejected, now);
		if (p == NULL)
			return NULL;
	} else {
		/* What was accepted once stays among the accepted: there is
		 * more to lose there than a memory of refusals. */
		leave(w, p);
		if (p->is_rejected && !rejected)
			make_room(w, false, now);
		enter(w, p, rejected && p->is_rejected);
	}
	note_domain(p, domain);
	p->last_seen = now;
	w->is_changed = true;
	return p;
}

struct watch_peer *watch_accept(struct watch *w,
	const struct tls_names *names, const char *domain, bool is_limited,
	struct wall now)
{
	struct watch_peer *p = note(w, names, domain, false, now);

	if (p != NULL)
		p->is_limited = is_limited;
	return p;
}

void watch_reject(struct watch *w, const struct tls_names *names,
	const char *domain, const char *step, struct wall now)
{
	struct watch_peer *p = note(w, names, domain, true, now);

	if (p == NULL)
		return;
	p->refused++;
	snprintf(p->last_refusal, sizeof(p->last_refusal), "%s", step);
}

/* "alice@example.com" as a number that is never 0. */
static uint64_t recipient_of(const struct watch *w, struct str user,
	struct str host)
{
	char room[512];
	int n = snprintf(room, sizeof(room), "%.*s@%.*s",
		user.n < 256 ? (int)user.n : 255, user.p != NULL ? user.p :
		"", host.n < 250 ? (int)host.n : 250, host.p != NULL ? host.p
		: "");

	for (int i = 0; i < n; i++)
		room[i] = (char)tolower((unsigned char)room[i]);
	return siphash24(w->key, room, (size_t)n) | 1;
}

static void forget_contacts(struct watch_peer *p, struct wall now)
{
	free(p->contacts);
	p->contacts = NULL;
	p->contact_count = 0;
	p->contact_room = 0;
	p->contacts_since = now;
}

/* ---- limits -------------------------------------------------------------- */

static bool is_suspicious(const struct watch_peer *p, struct wall now)
{
	return p->suspicious_until.s > now.s;
}

static bool is_full(const struct watch *w, const struct watch_peer *p,
	struct wall now)
{
	return w->limits->contacts_limit &&
		p->contact_count >= w->limits->contacts &&
		now.s - p->contacts_since.s < CONTACTS_S;
}

enum watch_mode watch_mode_of(const struct watch *w,
	const struct watch_peer *p, struct wall now)
{
	if (!p->is_limited)
		return WATCH_STANDARD;
	if (is_full(w, p, now))
		return WATCH_BLOCKED;
	return is_suspicious(p, now) ? WATCH_SUSPICIOUS : WATCH_STANDARD;
}

unsigned watch_rate_of(const struct watch *w, const struct watch_peer *p,
	struct wall now)
{
	return is_suspicious(p, now) ? SUSPICIOUS_RATE : w->limits->rate;
}

/* The rate may be another one than with the last message. */
static void set_rate(const struct watch *w, struct watch_peer *p,
	struct mono now, struct wall wall)
{
	unsigned rate = watch_rate_of(w, p, wall);

	if (p->bucket.rate_per_s == rate)
		return;
	bucket_init(&p->bucket, rate, rate * 2, now);
	bucket_init(&p->apologies, APOLOGIES, APOLOGIES, now);
	p->empty_since.ms = 0;
}

/* Has the partner been asking for more than it may have for a while? It has
 * not, once a quarter of a second's worth is left over. */
static bool is_empty_too_long(const struct watch_peer *p, struct mono now)
{
	return p->empty_since.ms != 0 &&
		mono_since_ms(p->empty_since, now) > EMPTY_MAX_MS;
}

static enum watch_verdict take_token(struct watch_peer *p, bool is_new,
	struct mono now)
{
	bool has_token = bucket_take(&p->bucket, now);
	int64_t enough = (int64_t)p->bucket.rate_per_s * 250;

	if (has_token && p->bucket.milli >= (enough > 1000 ? enough : 1000))
		p->empty_since.ms = 0;
	else if (!has_token && p->empty_since.ms == 0)
		p->empty_since = now;
	if (is_new && is_empty_too_long(p, now) &&
		bucket_take(&p->apologies, now)) {
		if (has_token) /* for what goes on in dialogs */
			p->bucket.milli += 1000;
		return WATCH_BUSY;
	}
	return has_token ? WATCH_GO : WATCH_WAIT;
}

enum watch_verdict watch_take(struct watch *w, struct watch_peer *p,
	const struct watch_request *r, struct mono now, struct wall wall)
{
	uint64_t contact = recipient_of(w, r->user, r->host);
	enum watch_verdict v;

	w->is_changed = true;
	p->last_seen = wall;
	if (!p->is_limited) {
		p->messages++;
		return WATCH_GO;
	}
	if (wall.s - p->contacts_since.s >= CONTACTS_S ||
		wall.s < p->contacts_since.s)
		forget_contacts(p, wall);
	set_rate(w, p, now, wall);
	v = take_token(p, r->is_new, now);
	if (v == WATCH_WAIT)
		return v;
	p->messages++;
	if (v == WATCH_GO && r->is_new && w->limits->contacts_limit &&
		!has_contact(p, contact) && (is_full(w, p, wall) ||
			!add_contact(p, contact)))
		v = WATCH_FULL;
	if (v != WATCH_GO)
		p->refused++;
	return v;
}

/* ---- harvesting ---------------------------------------------------------- */

bool watch_is_failure(unsigned status, struct str diagnostics)
{
	if (status == 480)
		return str_starts(diagnostics, "1003");
	return status == 404 || status == 403 || status == 604;
}

static size_t recipients_tried(const struct watch_peer *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->outcome_count; i++) {
		size_t k = 0;

		while (k < i && p->outcomes[k].recipient !=
			p->outcomes[i].recipient)
			k++;
		n += k == i;
	}
	return n;
}

bool watch_answered(struct watch *w, struct watch_peer *p, struct str user,
	struct str host, bool is_failure, struct wall now)
{
	struct watch_outcome *o = &p->outcomes[p->outcome_next];
	bool was = is_suspicious(p, now);

	if (p->outcome_count == WATCH_OUTCOMES && o->is_failure)
		p->outcome_failures--;
	o->recipient = recipient_of(w, user, host);
	o->is_failure = is_failure;
	p->outcome_next = (p->outcome_next + 1) % WATCH_OUTCOMES;
	if (p->outcome_count < WATCH_OUTCOMES)
		p->outcome_count++;
	w->is_changed = true;
	if (!o->is_failure)
		return false;
	p->failures++;
	p->outcome_failures++;
	if (!p->is_limited || p->outcome_failures < SUSPICIOUS_FAILURES ||
		recipients_tried(p) < SUSPICIOUS_RECIPIENTS)
		return false;
	p->suspicious_until.s = now.s + SUSPICIOUS_S;
	return !was;
}
