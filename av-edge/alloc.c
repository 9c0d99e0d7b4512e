/*
 * The table of allocations: records in a pool, an index by 5-tuple (client
 * address and the listener it came to), and a wheel of one-second slots for
 * expiry. A refresh does not move a record on the wheel: when its slot
 * comes and it still has time, it is put where it now belongs.
 */
#include "av-edge/alloc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/rand.h"

static const char *const END_NAMES[ALLOC_END_COUNT] = {
	[ALLOC_END_REFRESH] = "refresh",
	[ALLOC_END_EXPIRED] = "expired",
	[ALLOC_END_TOO_OLD] = "too-old",
	[ALLOC_END_CLOSED] = "closed",
	[ALLOC_END_STOPPED] = "stopped",
	[ALLOC_END_CONNECTION] = "connection",
	[ALLOC_END_DRAINED] = "drained",
};

static const char *const DIALECT_NAMES[ALLOC_DIALECT_COUNT] = {
	[ALLOC_RFC] = "rfc",
	[ALLOC_MS] = "ms-turn",
};

static const char *const DROP_NAMES[ALLOC_DROP_COUNT] = {
	[ALLOC_DROP_SEQUENCE] = "sequence",
	[ALLOC_DROP_MALFORMED] = "malformed",
	[ALLOC_DROP_NO_CHANNEL] = "no-channel",
	[ALLOC_DROP_NO_DESTINATION] = "no-destination",
	[ALLOC_DROP_NO_PERMISSION] = "no-permission",
	[ALLOC_DROP_NO_RELAY] = "no-relay",
	[ALLOC_DROP_SPOOFED] = "spoofed",
	[ALLOC_DROP_QUEUE] = "queue",
	[ALLOC_DROP_CLIENT] = "slow-client",
	[ALLOC_DROP_BANDWIDTH] = "bandwidth",
	[ALLOC_DROP_PEER] = "no-connection",
};

static_assert(offsetof(struct alloc, up_packets) == 64,
	"the data path reads one cache line");
static_assert(sizeof(struct alloc) == 384, "six lines, no more by chance");

const char *alloc_end_name(enum alloc_end why)
{
	return END_NAMES[why];
}

const char *alloc_dialect_name(enum alloc_dialect dialect)
{
	return DIALECT_NAMES[dialect];
}

const char *alloc_drop_name(enum alloc_drop reason)
{
	return DROP_NAMES[reason];
}

const char *alloc_drops_text(const struct alloc *a,
	char out[static ALLOC_DROPS_TEXT_LEN])
{
	struct wbuf w = wbuf_of(out, ALLOC_DROPS_TEXT_LEN - 1);
	char figure[16];
	size_t i;

	for (i = 0; i < ALLOC_DROP_COUNT; i++) {
		const char *name = alloc_drop_name((enum alloc_drop)i);

		if (a->dropped[i] == 0)
			continue;
		if (w.len > 0)
			wbuf_u8(&w, ',');
		wbuf_bytes(&w, name, strlen(name));
		snprintf(figure, sizeof(figure), ":%" PRIu32, a->dropped[i]);
		wbuf_bytes(&w, figure, strlen(figure));
	}
	if (w.len == 0)
		wbuf_bytes(&w, "none", 4);
	out[w.len] = '\0';
	return out;
}

int alloc_table_init(struct alloc_table *t, unsigned shard, struct mono now)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = flat_pool_init(&t->pool, sizeof(struct alloc), ALLOC_MAX);
	if (err == 0)
		err = flat_index_init(&t->by_client);
	if (err < 0) {
		alloc_table_fini(t);
		return err;
	}
	t->seed = rand_u64();
	t->shard = shard;
	t->wheel_s = now.ms / 1000;
	memset(t->wheel, 0xff, sizeof(t->wheel));
	return 0;
}

void alloc_table_fini(struct alloc_table *t)
{
	flat_index_fini(&t->by_client);
	flat_pool_fini(&t->pool);
}

uint32_t alloc_table_count(const struct alloc_table *t)
{
	return t->pool.live;
}

uint32_t alloc_table_end(const struct alloc_table *t)
{
	return t->pool.fresh;
}

struct alloc *alloc_at(const struct alloc_table *t, uint32_t number)
{
	struct alloc *a = flat_pool_at(&t->pool, number);

	return addr_is_set(&a->client) ? a : NULL;
}

struct alloc *alloc_by_id(const struct alloc_table *t, uint64_t id)
{
	uint32_t number = alloc_number_of_id(id);
	struct alloc *a;

	if (alloc_shard_of_id(id) != t->shard || number >= t->pool.fresh)
		return NULL;
	a = alloc_at(t, number);
	return a != NULL && a->id == id ? a : NULL;
}

static uint32_t hash_of(const struct alloc_table *t, uint8_t listener,
	const struct addr *client)
{
	return (uint32_t)addr_hash(client, t->seed + listener);
}

struct alloc *alloc_find(const struct alloc_table *t, uint8_t listener,
	const struct addr *client)
{
	uint32_t hash = hash_of(t, listener, client), at, n;
	struct alloc *a;

	for (n = flat_index_first(&t->by_client, hash, &at); n != FLAT_NONE;
	     n = flat_index_next(&t->by_client, hash, &at)) {
		a = flat_pool_at(&t->pool, n);
		if (a->listener == listener && addr_eq(&a->client, client))
			return a;
	}
	return NULL;
}

static uint64_t next_id(struct alloc_table *t, uint32_t number)
{
	if (++t->serial == 0)
		t->serial = 1;
	return (uint64_t)t->shard << 56 | (uint64_t)number << 32 | t->serial;
}

static struct alloc *new_record(struct alloc_table *t, uint8_t listener,
	const struct addr *client)
{
	uint32_t number = flat_pool_take(&t->pool);
	struct alloc *a;

	if (number == FLAT_NONE)
		return NULL;
	a = flat_pool_at(&t->pool, number);
	a->id = next_id(t, number);
	a->client = *client;
	a->listener = listener;
	a->relay_fd = -1;
	a->first_hot = FLAT_NONE;
	a->first_perm = FLAT_NONE;
	a->ms = FLAT_NONE;
	a->twin = FLAT_NONE;
	a->wheel_slot = FLAT_NONE;
	return a;
}

static int put_in_index(struct alloc_table *t, const struct alloc *a)
{
	return flat_index_put(&t->by_client,
		hash_of(t, a->listener, &a->client),
		alloc_number_of_id(a->id));
}

int alloc_new(struct alloc **out, struct alloc_table *t, uint8_t listener,
	const struct addr *client)
{
	struct alloc *a = new_record(t, listener, client);
	int err;

	if (a == NULL)
		return -ENOMEM;
	err = put_in_index(t, a);
	if (err < 0) {
		flat_pool_give(&t->pool, alloc_number_of_id(a->id));
		return err;
	}
	*out = a;
	return 0;
}

int alloc_new_twin(struct alloc **out, struct alloc_table *t,
	struct alloc *first)
{
	struct alloc *a = new_record(t, first->listener, &first->client);

	if (a == NULL)
		return -ENOMEM;
	a->is_second = true;
	a->twin = alloc_number_of_id(first->id);
	first->twin = alloc_number_of_id(a->id);
	*out = a;
	return 0;
}

struct alloc *alloc_twin(const struct alloc_table *t, const struct alloc *a)
{
	return a->twin == FLAT_NONE ? NULL : flat_pool_at(&t->pool, a->twin);
}

struct alloc *alloc_of_family(const struct alloc_table *t, struct alloc *a,
	uint8_t family)
{
	if (a->family == family)
		return a;
	a = alloc_twin(t, a);
	return a != NULL && a->family == family ? a : NULL;
}

/* ---- the wheel --------------------------------------------------------- */

static void wheel_remove(struct alloc_table *t, struct alloc *a)
{
	struct alloc *other;

	if (a->wheel_slot == FLAT_NONE)
		return;
	if (a->wheel_prev != FLAT_NONE) {
		other = flat_pool_at(&t->pool, a->wheel_prev);
		other->wheel_next = a->wheel_next;
	} else {
		t->wheel[a->wheel_slot] = a->wheel_next;
	}
	if (a->wheel_next != FLAT_NONE) {
		other = flat_pool_at(&t->pool, a->wheel_next);
		other->wheel_prev = a->wheel_prev;
	}
	a->wheel_slot = FLAT_NONE;
}

static int64_t end_ms(const struct alloc *a)
{
	return a->expires_ms < a->deadline_ms ? a->expires_ms :
						a->deadline_ms;
}

/* The slot of the second after its end, or the farthest there is. */
static void wheel_insert(struct alloc_table *t, struct alloc *a)
{
	uint32_t number = alloc_number_of_id(a->id);
	int64_t due_s = end_ms(a) / 1000 + 1;
	struct alloc *next;
	uint32_t *head;

	if (due_s < t->wheel_s)
		due_s = t->wheel_s;
	if (due_s >= t->wheel_s + ALLOC_WHEEL)
		due_s = t->wheel_s + ALLOC_WHEEL - 1;
	a->wheel_slot = (uint32_t)(due_s % ALLOC_WHEEL);
	head = &t->wheel[a->wheel_slot];
	a->wheel_prev = FLAT_NONE;
	a->wheel_next = *head;
	if (*head != FLAT_NONE) {
		next = flat_pool_at(&t->pool, *head);
		next->wheel_prev = number;
	}
	*head = number;
}

void alloc_set_expiry(struct alloc_table *t, struct alloc *a, struct mono at)
{
	bool is_earlier = at.ms < a->expires_ms;

	a->expires_ms = at.ms;
	if (a->wheel_slot != FLAT_NONE && !is_earlier)
		return;
	wheel_remove(t, a);
	wheel_insert(t, a);
}

struct alloc *alloc_next_due(struct alloc_table *t, struct mono now)
{
	int64_t now_s = now.ms / 1000;
	struct alloc *a;
	uint32_t number;

	while (t->wheel_s <= now_s) {
		number = t->wheel[t->wheel_s % ALLOC_WHEEL];
		if (number == FLAT_NONE) {
			t->wheel_s++;
			continue;
		}
		a = flat_pool_at(&t->pool, number);
		if (end_ms(a) <= now.ms)
			return a;
		wheel_remove(t, a);
		wheel_insert(t, a);
	}
	return NULL;
}

/* The first one goes: its place in the index is free for the other. */
static void leave_to_twin(struct alloc_table *t, struct alloc *twin)
{
	int err;

	twin->twin = FLAT_NONE;
	if (!twin->is_second)
		return;
	twin->is_second = false;
	err = put_in_index(t, twin);
	assert(err == 0);
	(void)err;
}

void alloc_free(struct alloc_table *t, struct alloc *a)
{
	uint32_t number = alloc_number_of_id(a->id);
	struct alloc *twin = alloc_twin(t, a);

	wheel_remove(t, a);
	if (!a->is_second)
		flat_index_remove(&t->by_client,
			hash_of(t, a->listener, &a->client), number);
	if (twin != NULL)
		leave_to_twin(t, twin);
	flat_pool_give(&t->pool, number);
}
