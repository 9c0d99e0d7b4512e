/*
 * Memory of one message. The first pieces come from a block that is part of
 * the arena, so that an ordinary message costs one malloc; what does not
 * fit gets blocks of its own. Sofia's allocator has a second such block.
 */
#include "common/sip/sip_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_alloc.h>

#define FIRST_LEN 6144
#define SOFIA_LEN 3072
#define BLOCK_LEN 4096

struct block {
	struct block *next;
	alignas(max_align_t) uint8_t room[];
};

struct sip_arena {
	struct block *blocks; /* owned */
	uint8_t *at;          /* free room: at .. end */
	uint8_t *end;
	su_home_t *home;      /* lies in sofia[] */
	alignas(max_align_t) uint8_t sofia[SOFIA_LEN];
	alignas(max_align_t) uint8_t first[FIRST_LEN];
};

struct sip_arena *sip_arena_new(void)
{
	struct sip_arena *a = malloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	a->blocks = NULL;
	a->at = a->first;
	a->end = a->first + sizeof(a->first);
	a->home = su_home_auto(a->sofia, sizeof(a->sofia));
	if (a->home == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void sip_arena_free(struct sip_arena *a)
{
	if (a == NULL)
		return;
	su_home_deinit(a->home);
	while (a->blocks != NULL) {
		struct block *gone = a->blocks;

		a->blocks = gone->next;
		free(gone);
	}
	free(a);
}

void *sip_arena_get(struct sip_arena *a, size_t len)
{
	const size_t align = alignof(max_align_t);
	struct block *b;
	size_t room;
	void *p;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + align - 1) & ~(align - 1);
	if (len > (size_t)(a->end - a->at)) {
		room = len > BLOCK_LEN ? len : BLOCK_LEN;
		b = malloc(sizeof(*b) + room);
		if (b == NULL)
			return NULL;
		b->next = a->blocks;
		a->blocks = b;
		a->at = b->room;
		a->end = b->room + room;
	}
	p = a->at;
	a->at += len;
	return p;
}

char *sip_arena_unfold(struct sip_arena *a, struct str s)
{
	char *copy = sip_arena_get(a, s.n + 1);

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		copy[i] = s.p[i] == '\r' || s.p[i] == '\n' ? ' ' : s.p[i];
	copy[s.n] = '\0';
	return copy;
}

struct su_home_s *sip_arena_home(struct sip_arena *a)
{
	return a->home;
}
