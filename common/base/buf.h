/*
 * Bounded byte reader and writer with a sticky error: read or write as much
 * as you like, then ask once with rbuf_ok() / wbuf_ok(). The only place
 * that loads and stores wire integers (big-endian).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rbuf {
	const uint8_t *p;
	size_t len;
	size_t pos;
	bool bad; /* something was read past the end */
};

struct rbuf rbuf_of(const void *data, size_t len);
bool rbuf_ok(const struct rbuf *r);
size_t rbuf_left(const struct rbuf *r);
uint8_t rbuf_u8(struct rbuf *r); /* all return 0 when bad */
uint16_t rbuf_u16(struct rbuf *r);
uint32_t rbuf_u32(struct rbuf *r);
uint64_t rbuf_u64(struct rbuf *r);
/* Borrowed pointer to the next n bytes, NULL when there are not so many. */
const uint8_t *rbuf_take(struct rbuf *r, size_t n);
void rbuf_skip(struct rbuf *r, size_t n);
/* A reader over the next n bytes; bad from the start when too short. */
struct rbuf rbuf_sub(struct rbuf *r, size_t n);

struct wbuf {
	uint8_t *p;
	size_t cap;
	size_t len; /* written so far */
	bool bad;   /* something did not fit; len stays where it was */
};

struct wbuf wbuf_of(void *room, size_t cap);
bool wbuf_ok(const struct wbuf *w);
size_t wbuf_left(const struct wbuf *w);
void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u16(struct wbuf *w, uint16_t v);
void wbuf_u32(struct wbuf *w, uint32_t v);
void wbuf_u64(struct wbuf *w, uint64_t v);
void wbuf_bytes(struct wbuf *w, const void *data, size_t n);
void wbuf_zero(struct wbuf *w, size_t n);
/* Overwrite two bytes already written at offset at. */
void wbuf_patch_u16(struct wbuf *w, size_t at, uint16_t v);

/* Loads and stores for the data path, where the bound was checked once. */
uint16_t buf_load_u16(const uint8_t *p);
uint32_t buf_load_u32(const uint8_t *p);
uint64_t buf_load_u64(const uint8_t *p);
void buf_store_u16(uint8_t *p, uint16_t v);
void buf_store_u32(uint8_t *p, uint32_t v);
void buf_store_u64(uint8_t *p, uint64_t v);

#endif
