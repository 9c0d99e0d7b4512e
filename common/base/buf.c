/*
 * The only place that loads and stores wire integers. Readers and writers
 * keep a sticky error: after the first step past the end nothing moves any
 * more and every read gives 0.
 */
#include "common/base/buf.h"

#include <string.h>

uint16_t buf_load_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t buf_load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		(uint32_t)p[2] << 8 | p[3];
}

uint64_t buf_load_u64(const uint8_t *p)
{
	return (uint64_t)buf_load_u32(p) << 32 | buf_load_u32(p + 4);
}

void buf_store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void buf_store_u32(uint8_t *p, uint32_t v)
{
	buf_store_u16(p, (uint16_t)(v >> 16));
	buf_store_u16(p + 2, (uint16_t)v);
}

void buf_store_u64(uint8_t *p, uint64_t v)
{
	buf_store_u32(p, (uint32_t)(v >> 32));
	buf_store_u32(p + 4, (uint32_t)v);
}

struct rbuf rbuf_of(const void *data, size_t len)
{
	return (struct rbuf){.p = data, .len = len};
}

bool rbuf_ok(const struct rbuf *r)
{
	return !r->bad;
}

size_t rbuf_left(const struct rbuf *r)
{
	return r->bad ? 0 : r->len - r->pos;
}

const uint8_t *rbuf_take(struct rbuf *r, size_t n)
{
	static const uint8_t NOTHING[1];
	const uint8_t *at;

	if (r->bad || n > r->len - r->pos) {
		r->bad = true;
		return NULL;
	}
	if (r->p == NULL)
		return NOTHING; /* an empty reader, and n is 0 */
	at = r->p + r->pos;
	r->pos += n;
	return at;
}

uint8_t rbuf_u8(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 1);

	return p != NULL ? p[0] : 0;
}

uint16_t rbuf_u16(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 2);

	return p != NULL ? buf_load_u16(p) : 0;
}

uint32_t rbuf_u32(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 4);

	return p != NULL ? buf_load_u32(p) : 0;
}

uint64_t rbuf_u64(struct rbuf *r)
{
	const uint8_t *p = rbuf_take(r, 8);

	return p != NULL ? buf_load_u64(p) : 0;
}

void rbuf_skip(struct rbuf *r, size_t n)
{
	(void)rbuf_take(r, n);
}

struct rbuf rbuf_sub(struct rbuf *r, size_t n)
{
	const uint8_t *p = rbuf_take(r, n);

	if (p == NULL)
		return (struct rbuf){.bad = true};
	return rbuf_of(p, n);
}

struct wbuf wbuf_of(void *room, size_t cap)
{
	return (struct wbuf){.p = room, .cap = cap};
}

bool wbuf_ok(const struct wbuf *w)
{
	return !w->bad;
}

size_t wbuf_left(const struct wbuf *w)
{
	return w->bad ? 0 : w->cap - w->len;
}

/* Room for the next n bytes, or NULL and bad from now on. */
static uint8_t *claim(struct wbuf *w, size_t n)
{
	uint8_t *at;

	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	at = w->p + w->len;
	w->len += n;
	return at;
}

void wbuf_u8(struct wbuf *w, uint8_t v)
{
	uint8_t *p = claim(w, 1);

	if (p != NULL)
		p[0] = v;
}

void wbuf_u16(struct wbuf *w, uint16_t v)
{
	uint8_t *p = claim(w, 2);

	if (p != NULL)
		buf_store_u16(p, v);
}

void wbuf_u32(struct wbuf *w, uint32_t v)
{
	uint8_t *p = claim(w, 4);

	if (p != NULL)
		buf_store_u32(p, v);
}

void wbuf_u64(struct wbuf *w, uint64_t v)
{
	uint8_t *p = claim(w, 8);

	if (p != NULL)
		buf_store_u64(p, v);
}

void wbuf_bytes(struct wbuf *w, const void *data, size_t n)
{
	uint8_t *p;

	if (n == 0)
		return;
	p = claim(w, n);
	if (p != NULL)
		memcpy(p, data, n);
}

void wbuf_zero(struct wbuf *w, size_t n)
{
	uint8_t *p;

	if (n == 0)
		return;
	p = claim(w, n);
	if (p != NULL)
		memset(p, 0, n);
}

void wbuf_patch_u16(struct wbuf *w, size_t at, uint16_t v)
{
	if (w->bad)
		return;
	if (at > w->len || w->len - at < 2) {
		w->bad = true;
		return;
	}
	buf_store_u16(w->p + at, v);
}
