/*
 * The output queue of a stream. Chunks hold what fits one TLS record, small
 * messages of one turn share a chunk, and so leave in one record and one
 * system call. Bounds are the stream's affair.
 */
#include "common/net/sendq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The most a TLS record carries; a smaller chunk saves copies of malloc. */
#define CHUNK_MAX 16384
#define CHUNK_MIN 4096

struct sendq_chunk {
	struct sendq_chunk *next;
	size_t cap;
	size_t from; /* first byte not yet dropped */
	size_t to;   /* one past the last byte */
	uint8_t data[];
};

static struct sendq_chunk *chunk_new(size_t len)
{
	struct sendq_chunk *c;
	size_t cap = len;

	if (cap < CHUNK_MIN)
		cap = CHUNK_MIN;
	if (cap > CHUNK_MAX)
		cap = CHUNK_MAX;
	c = malloc(sizeof(*c) + cap);
	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->cap = cap;
	c->from = 0;
	c->to = 0;
	return c;
}

static void chunks_free(struct sendq_chunk *c)
{
	while (c != NULL) {
		struct sendq_chunk *next = c->next;

		free(c);
		c = next;
	}
}

static size_t chunk_fill(struct sendq_chunk *c, const uint8_t *p, size_t len)
{
	size_t n = c->cap - c->to;

	if (n > len)
		n = len;
	memcpy(c->data + c->to, p, n);
	c->to += n;
	return n;
}

void sendq_init(struct sendq *q)
{
	q->first = NULL;
	q->last = NULL;
	q->len = 0;
}

void sendq_fini(struct sendq *q)
{
	chunks_free(q->first);
	sendq_init(q);
}

/* New chunks for these bytes, filled, as a list of their own. */
static int chunks_of(struct sendq_chunk **first, struct sendq_chunk **last,
	const uint8_t *p, size_t len)
{
	struct sendq_chunk *head = NULL;
	struct sendq_chunk *tail = NULL;

	while (len > 0) {
		struct sendq_chunk *c = chunk_new(len);
		size_t n;

		if (c == NULL) {
			chunks_free(head);
			return -ENOMEM;
		}
		n = chunk_fill(c, p, len);
		p += n;
		len -= n;
		if (tail != NULL)
			tail->next = c;
		else
			head = c;
		tail = c;
	}
	*first = head;
	*last = tail;
	return 0;
}

int sendq_push(struct sendq *q, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct sendq_chunk *first = NULL;
	struct sendq_chunk *last = NULL;
	size_t shared = 0; /* goes into the last chunk's free room */
	int err;

	if (len == 0)
		return 0;
	if (q->last != NULL)
		shared = q->last->cap - q->last->to;
	if (shared > len)
		shared = len;
	err = chunks_of(&first, &last, p + shared, len - shared);
	if (err < 0)
		return err;
	if (shared > 0)
		chunk_fill(q->last, p, shared);
	if (first != NULL) {
		if (q->last != NULL)
			q->last->next = first;
		else
			q->first = first;
		q->last = last;
	}
	q->len += len;
	return 0;
}

const uint8_t *sendq_peek(const struct sendq *q, size_t *len)
{
	const struct sendq_chunk *c = q->first;

	if (c == NULL) {
		*len = 0;
		return NULL;
	}
	*len = c->to - c->from;
	return c->data + c->from;
}

void sendq_drop(struct sendq *q, size_t n)
{
	struct sendq_chunk *c = q->first;

	if (c == NULL)
		return;
	if (n > c->to - c->from)
		n = c->to - c->from;
	c->from += n;
	q->len -= n;
	if (c->from < c->to)
		return;
	q->first = c->next;
	if (q->first == NULL)
		q->last = NULL;
	free(c);
}
