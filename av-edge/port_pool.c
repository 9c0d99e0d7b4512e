/*
 * The free ports as a ring, shuffled once: drawing at random from a range
 * that is nearly full would need ever more tries, and a port that was just
 * given back should rest as long as possible. Threats T10, T17;
 * requirement R4.
 */
#include "av-edge/port_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"

#define PORTS 65536u

struct port_pool {
	pthread_mutex_t lock;
	uint16_t *ring; /* owned, range of them, free_count filled */
	uint32_t head;
	uint32_t free_count;
	uint32_t first;
	uint32_t range;
	uint32_t owned;
	/* All ports, so that those of an earlier range keep their owner. */
	_Atomic uint64_t owner[PORTS];
};

int port_pool_new(struct port_pool **out)
{
	struct port_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	*out = pool;
	return 0;
}

void port_pool_free(struct port_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_destroy(&pool->lock);
	free(pool->ring);
	free(pool);
}

static bool is_in_range(const struct port_pool *pool, uint32_t port)
{
	return port >= pool->first && port < pool->first + pool->range;
}

static void push(struct port_pool *pool, uint16_t port)
{
	uint32_t tail = (pool->head + pool->free_count) % pool->range;

	pool->ring[tail] = port;
	pool->free_count++;
}

static uint16_t pop(struct port_pool *pool)
{
	uint16_t port = pool->ring[pool->head];

	pool->head = (pool->head + 1) % pool->range;
	pool->free_count--;
	return port;
}

static void shuffle(uint16_t *ports, uint32_t count)
{
	uint32_t i, other;
	uint16_t kept;

	for (i = count; i > 1; i--) {
		other = rand_below(i);
		kept = ports[i - 1];
		ports[i - 1] = ports[other];
		ports[other] = kept;
	}
}

int port_pool_set_range(struct port_pool *pool, uint16_t first,
	uint32_t count)
{
	uint16_t *ring;
	uint32_t port;

	if (first == 0 || count == 0 || first + count > PORTS)
		return -EINVAL;
	ring = calloc(count, sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&pool->lock);
	free(pool->ring);
	pool->ring = ring;
	pool->first = first;
	pool->range = count;
	pool->head = 0;
	pool->free_count = 0;
	for (port = first; port < first + count; port++)
		if (atomic_load(&pool->owner[port]) == 0)
			push(pool, (uint16_t)port);
	shuffle(pool->ring, pool->free_count);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

static uint16_t take_locked(struct port_pool *pool, bool even)
{
	uint32_t tries = pool->free_count;
	uint16_t port;

	while (tries-- > 0) {
		port = pop(pool);
		if (!even || port % 2 == 0)
			return port;
		push(pool, port);
	}
	return 0;
}

uint16_t port_pool_take(struct port_pool *pool, uint64_t owner, bool even)
{
	uint16_t port;

	pthread_mutex_lock(&pool->lock);
	port = take_locked(pool, even);
	if (port != 0) {
		atomic_store(&pool->owner[port], owner);
		pool->owned++;
	}
	pthread_mutex_unlock(&pool->lock);
	return port;
}

/* Out of the middle of the ring: what is at its head fills the gap. */
static void pull(struct port_pool *pool, uint16_t port)
{
	uint32_t i = pool->head;

	while (pool->ring[i] != port)
		i = (i + 1) % pool->range;
	pool->ring[i] = pool->ring[pool->head];
	(void)pop(pool);
}

static bool is_free(const struct port_pool *pool, uint32_t port)
{
	return is_in_range(pool, port) &&
	    atomic_load(&pool->owner[port]) == 0;
}

static uint16_t take_pair_locked(struct port_pool *pool)
{
	uint32_t tries = pool->free_count;
	uint16_t port;

	while (tries-- > 0) {
		port = pop(pool);
		if (port % 2 == 0 && is_free(pool, port + 1u)) {
			pull(pool, (uint16_t)(port + 1));
			return port;
		}
		push(pool, port);
	}
	return 0;
}

uint16_t port_pool_take_pair(struct port_pool *pool, uint64_t owner)
{
	uint16_t port;

	pthread_mutex_lock(&pool->lock);
	port = take_pair_locked(pool);
	if (port != 0) {
		atomic_store(&pool->owner[port], owner);
		atomic_store(&pool->owner[port + 1], PORT_POOL_ASIDE);
		pool->owned += 2;
	}
	pthread_mutex_unlock(&pool->lock);
	return port;
}

void port_pool_pass(struct port_pool *pool, uint16_t port, uint64_t owner)
{
	atomic_store(&pool->owner[port], owner);
}

void port_pool_give(struct port_pool *pool, uint16_t port)
{
	pthread_mutex_lock(&pool->lock);
	if (atomic_exchange(&pool->owner[port], 0) != 0) {
		pool->owned--;
		if (is_in_range(pool, port))
			push(pool, port);
	}
	pthread_mutex_unlock(&pool->lock);
}

uint64_t port_pool_owner(const struct port_pool *pool, uint16_t port)
{
	return atomic_load_explicit(&pool->owner[port], memory_order_acquire);
}

static struct port_count count_locked(const struct port_pool *pool)
{
	struct port_count c = {
		.first = pool->first,
		.range = pool->range,
		.free = pool->free_count,
		.used = pool->range - pool->free_count,
	};

	c.outside = pool->owned - c.used;
	return c;
}

struct port_count port_pool_count(struct port_pool *pool)
{
	struct port_count c;

	pthread_mutex_lock(&pool->lock);
	c = count_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	return c;
}

static bool is_sound_locked(const struct port_pool *pool)
{
	uint32_t i, used = 0, owned = 0;

	for (i = 0; i < PORTS; i++) {
		if (atomic_load(&pool->owner[i]) == 0)
			continue;
		owned++;
		used += is_in_range(pool, i);
	}
	for (i = 0; i < pool->free_count; i++) {
		uint16_t port = pool->ring[(pool->head + i) % pool->range];

		if (!is_in_range(pool, port) ||
		    atomic_load(&pool->owner[port]) != 0)
			return false;
	}
	return owned == pool->owned && used + pool->free_count == pool->range;
}

bool port_pool_is_sound(struct port_pool *pool)
{
	bool is_sound;

	pthread_mutex_lock(&pool->lock);
	is_sound = is_sound_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	return is_sound;
}
