/*
 * Hash table of nodes that live inside their owners' objects. It keeps no
 * keys, only hashes; comparing keys is the caller's function.
 */
#include "common/base/map.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"

#define FIRST_BUCKETS 16

static uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. */
uint64_t siphash24(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t last = (uint64_t)len << 56;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u,
		key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u,
	};
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t word;

		memcpy(&word, p + i, 8);
		sip_word(v, le64toh(word));
	}
	for (unsigned shift = 0; i < len; i++, shift += 8)
		last |= (uint64_t)p[i] << shift;
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int map_init(struct map *m)
{
	*m = (struct map){0};
	m->buckets = calloc(FIRST_BUCKETS, sizeof(struct map_node *));
	if (m->buckets == NULL)
		return -ENOMEM;
	m->bucket_count = FIRST_BUCKETS;
	rand_bytes(m->key, sizeof(m->key));
	return 0;
}

void map_fini(struct map *m)
{
	free(m->buckets);
	*m = (struct map){0};
}

uint64_t map_hash(const struct map *m, const void *key, size_t len)
{
	return siphash24(m->key, key, len);
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
	return &m->buckets[hash & (m->bucket_count - 1)];
}

static void grow(struct map *m)
{
	struct map bigger = *m;

	bigger.bucket_count = m->bucket_count * 2;
	bigger.buckets = calloc(bigger.bucket_count,
		sizeof(struct map_node *));
	if (bigger.buckets == NULL)
		return; /* longer chains, tried again at the next insert */
	for (size_t i = 0; i < m->bucket_count; i++) {
		struct map_node *node = m->buckets[i];

		while (node != NULL) {
			struct map_node *next = node->next;
			struct map_node **at = bucket_of(&bigger, node->hash);

			node->next = *at;
			*at = node;
			node = next;
		}
	}
	free(m->buckets);
	*m = bigger;
}

void map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
	struct map_node **at;

	if (m->count >= m->bucket_count)
		grow(m);
	at = bucket_of(m, hash);
	node->hash = hash;
	node->next = *at;
	*at = node;
	m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **at;

	if (m->bucket_count == 0)
		return;
	at = bucket_of(m, node->hash);
	while (*at != NULL && *at != node)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = node->next;
	node->next = NULL;
	m->count--;
}

struct map_node *map_find(const struct map *m, uint64_t hash, map_eq_fn *eq,
	const void *key)
{
	struct map_node *node;

	if (m->bucket_count == 0)
		return NULL;
	node = *bucket_of(m, hash);
	while (node != NULL && (node->hash != hash || !eq(node, key)))
		node = node->next;
	return node;
}

struct map_node *map_next(const struct map *m, const struct map_node *at)
{
	size_t i = 0;

	if (at != NULL) {
		if (at->next != NULL)
			return at->next;
		i = (at->hash & (m->bucket_count - 1)) + 1;
	}
	for (; i < m->bucket_count; i++) {
		if (m->buckets[i] != NULL)
			return m->buckets[i];
	}
	return NULL;
}
