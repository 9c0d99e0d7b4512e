/*
 * Any bytes as an [MS-TURN] message, on the heap in exactly their length:
 * what is read lies inside, what is written again is read back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/stun/stun_ms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stun_ms_key keys[] = {
	{.bytes = "key", .len = DIGEST_MD5_LEN},
	{.bytes = "key", .len = DIGEST_SHA256_LEN},
};

static void must(int ok)
{
	if (!ok)
		abort();
}

static bool is_readable(const struct stun_msg *m, enum stun_attr attr)
{
	struct str value = stun_bytes(m, attr);
	const uint8_t *p = (const uint8_t *)value.p;

	if (value.n == 0)
		return true;
	return p >= m->data && p + value.n <= m->data + m->end + 4 +
		DIGEST_SHA256_LEN && p + value.n <= m->data + m->len;
}

static void write_value(struct stun_writer *w, const struct stun_msg *m,
	enum stun_attr attr)
{
	struct stun_ms_number number;
	struct addr a;

	if (!stun_has(m, attr) || attr == STUN_MS_COOKIE ||
	    attr == STUN_INTEGRITY || attr == STUN_INTEGRITY_SHA256)
		return;
	if (attr == STUN_MS_SEQUENCE) {
		must(stun_ms_number(m, &number) == 0);
		stun_ms_write_number(w, &number);
	} else if (m->dialect->rows[attr].kind == STUN_KIND_ADDR ||
	    m->dialect->rows[attr].kind == STUN_KIND_XOR_ADDR) {
		must(stun_addr(m, attr, &a) == 0);
		stun_write_addr(w, attr, &a);
	} else {
		stun_write_text(w, attr, stun_bytes(m, attr));
	}
}

/* Copy what was understood into a new message: it must say the same. */
static void write_again(const struct stun_msg *m,
	const struct stun_ms_key *key)
{
	static uint8_t room[UINT16_MAX + 64];
	const uint64_t seals = UINT64_C(1) << STUN_INTEGRITY |
	    UINT64_C(1) << STUN_INTEGRITY_SHA256;
	struct stun_writer w;
	struct stun_msg again;
	size_t i;
	int len;

	stun_ms_write_begin(&w, room, sizeof(room), stun_ms_type(m), m->tid);
	for (i = 0; i < STUN_ATTR_COUNT; i++)
		write_value(&w, m, (enum stun_attr)i);
	stun_ms_write_integrity(&w, key);
	len = stun_write_end(&w);
	if (len < 0)
		return;
	must(stun_ms_parse(&again, room, (size_t)len) == 0);
	must(!again.is_malformed && again.unknown_count == 0);
	must(stun_ms_check(&again, key) == 0);
	must((again.present & ~seals) == (m->present & ~seals));
	for (i = 0; i < STUN_ATTR_COUNT; i++) {
		enum stun_attr attr = (enum stun_attr)i;

		if (m->dialect->rows[i].kind == STUN_KIND_BYTES &&
		    (seals >> i & 1) == 0)
			must(str_eq(stun_bytes(m, attr),
				stun_bytes(&again, attr)));
	}
}

static void look(const struct stun_msg *m)
{
	struct stun_ms_number number;
	struct str phrase;
	unsigned code;
	size_t i;

	must(m->end <= m->len && m->unknown_count <= STUN_UNKNOWN_MAX);
	must(stun_has(m, STUN_MS_COOKIE));
	for (i = 0; i < STUN_ATTR_COUNT; i++)
		must(is_readable(m, (enum stun_attr)i));
	must((stun_ms_number(m, &number) == 0) ==
		stun_has(m, STUN_MS_SEQUENCE));
	must(stun_ms_announced(stun_ms_version(m), true) >= 2);
	(void)stun_ms_bare_realm(stun_bytes(m, STUN_REALM));
	if (stun_error(m, &code, &phrase) == 0)
		must(code >= 300 && code < 700);
	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		(void)!stun_ms_check(m, &keys[i]);
		write_again(m, &keys[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t cookie[STUN_MS_COOKIE_LEN] = {
		0x00, 0x0f, 0x00, 0x04, 0x72, 0xc6, 0x4b, 0xc6,
	};
	struct stun_msg m;
	uint8_t *copy;

	copy = malloc(size > 0 ? size : 1);
	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	/* Most inputs would die of the length field or the cookie. */
	if (size >= STUN_HEADER_LEN + sizeof(cookie) && size <= UINT16_MAX) {
		buf_store_u16(copy + 2, (uint16_t)(size - STUN_HEADER_LEN));
		memcpy(copy + STUN_HEADER_LEN, cookie, sizeof(cookie));
	}
	if (stun_ms_parse(&m, copy, size) == 0)
		look(&m);
	free(copy);
	return 0;
}
