/*
 * Any bytes as a STUN message, on the heap in exactly their length: what is
 * read lies inside, what is written again is read back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/stun/stun_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	return p >= m->data && p + value.n <= m->data + m->len;
}

/* Copy what was understood into a new message: it must say the same. */
static void write_again(const struct stun_msg *m)
{
	static const enum stun_attr kept[] = {
		STUN_USERNAME, STUN_LIFETIME, STUN_REALM, STUN_NONCE,
		STUN_PAYLOAD, STUN_EVEN_PORT, STUN_CHANNEL_NUMBER,
	};
	static uint8_t room[UINT16_MAX + 64];
	struct stun_writer w;
	struct stun_msg again;
	struct addr a, b;
	size_t i;
	int len;

	stun_write_begin(&w, &stun_rfc, room, sizeof(room), m->class,
		m->method, m->tid);
	for (i = 0; i < ARRAY_COUNT(kept); i++)
		if (stun_has(m, kept[i]))
			stun_write_text(&w, kept[i], stun_bytes(m, kept[i]));
	for (i = 0; i < 4; i++)
		if (stun_addr_nth(m, STUN_PEER_ADDRESS, i, &a) == 0)
			stun_write_addr(&w, STUN_PEER_ADDRESS, &a);
	stun_write_integrity(&w, "key", 3);
	stun_write_fingerprint(&w);
	len = stun_write_end(&w);
	if (len < 0)
		return;
	must(stun_parse(&again, &stun_rfc, room, (size_t)len) == 0);
	must(!again.is_malformed && again.method == m->method);
	must(stun_check_integrity(&again, "key", 3) == 0);
	for (i = 0; i < ARRAY_COUNT(kept); i++)
		must(str_eq(stun_bytes(m, kept[i]),
			stun_bytes(&again, kept[i])));
	if (stun_addr(m, STUN_PEER_ADDRESS, &a) == 0) {
		must(stun_addr(&again, STUN_PEER_ADDRESS, &b) == 0);
		must(addr_eq(&a, &b));
	}
}

static void look(const struct stun_msg *m)
{
	struct str phrase;
	struct addr a;
	unsigned code;
	uint32_t n;
	size_t i;

	must(m->end <= m->len && m->unknown_count <= STUN_UNKNOWN_MAX);
	for (i = 0; i < STUN_ATTR_COUNT; i++) {
		enum stun_attr attr = (enum stun_attr)i;

		must(is_readable(m, attr));
		(void)!stun_number(m, attr, &n);
	}
	(void)!stun_addr(m, STUN_XOR_MAPPED_ADDRESS, &a);
	(void)!stun_addr_nth(m, STUN_PEER_ADDRESS, 5, &a);
	(void)!stun_check_integrity(m, "key", 3);
	if (stun_error(m, &code, &phrase) == 0)
		must(code >= 300 && code < 700);
	write_again(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_msg m;
	uint8_t *copy;

	copy = malloc(size > 0 ? size : 1);
	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	/* Most inputs would die of the length field. */
	if (size >= STUN_HEADER_LEN && size <= UINT16_MAX && size % 4 == 0)
		buf_store_u16(copy + 2, (uint16_t)(size - STUN_HEADER_LEN));
	if (stun_parse(&m, &stun_rfc, copy, size) == 0)
		look(&m);
	free(copy);
	return 0;
}
