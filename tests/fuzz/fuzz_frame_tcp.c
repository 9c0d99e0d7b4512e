/*
 * Any bytes as the beginning of a TCP connection: the dialect is decided
 * once and early, and a stream is cut the same way whole, byte by byte, and
 * at the end of its memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/stun/stun_ms.h"
#include "common/stun/frame_tcp.h"

#define PREFIXES_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (next_fn)(const uint8_t *bytes, size_t len, struct frame *out);

static void must(int ok)
{
	if (!ok)
		abort();
}

static uint8_t *copy_of(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		exit(0);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static void decide(const uint8_t *data, size_t size)
{
	enum frame_dialect whole = frame_dialect_of(data, size), part;
	enum frame_dialect seen = FRAME_UNDECIDED;
	uint8_t *copy;
	size_t n;

	for (n = 0; n <= size && n <= FRAME_HELLO_LEN; n++) {
		copy = copy_of(data, n);
		part = frame_dialect_of(copy, n);
		free(copy);
		must(part == FRAME_UNDECIDED || part == whole);
		must(seen == FRAME_UNDECIDED || part == seen);
		seen = part;
	}
	must(size < FRAME_HELLO_LEN || whole != FRAME_UNDECIDED);
}

/* Every prefix asks for more, or says what the whole says. */
static void take_prefixes(next_fn *next, const uint8_t *data, size_t size)
{
	struct frame whole, part;
	int err = next(data, size, &whole), got;
	uint8_t *copy;
	size_t n;

	for (n = 0; n < size && n < PREFIXES_MAX; n++) {
		copy = copy_of(data, n);
		got = next(copy, n, &part);
		free(copy);
		must(got == err || got == EDGE_ESHORT);
		if (got == EDGE_ESHORT)
			must(part.whole_len > n && part.whole_len <=
				FRAME_MAX);
		if (got == 0)
			must(part.len == whole.len && part.whole_len ==
				whole.whole_len && n >= whole.whole_len);
	}
}

static void cut(next_fn *next, const uint8_t *data, size_t size)
{
	struct stun_msg m;
	struct frame f;
	size_t at = 0;
	int err = 0;

	while (err == 0) {
		uint8_t *copy = copy_of(data + at, size - at);

		take_prefixes(next, copy, size - at);
		err = next(copy, size - at, &f);
		if (err == 0) {
			must(f.whole_len >= FRAME_PACKET_HEADER_LEN);
			must(f.whole_len <= size - at);
			must(f.data >= copy && f.len <= f.whole_len);
			must(f.data + f.len <= copy + f.whole_len);
			(void)!stun_ms_parse(&m, f.data, f.len);
			(void)!stun_parse(&m, &stun_rfc, f.data, f.len);
			at += f.whole_len;
		}
		free(copy);
	}
	must(err == EDGE_ESHORT || err == EDGE_EMALFORMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 2048)
		return 0;
	decide(data, size);
	cut(frame_ms_next, data, size);
	cut(frame_rfc_next, data, size);
	cut(frame_packet_next, data, size);
	return 0;
}
