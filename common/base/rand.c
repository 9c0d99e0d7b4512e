/*
 * Random numbers. All come from getrandom(2), unbuffered: no state of ours
 * to seed, to leak, or to copy in a fork (threat T17).
 */
#include "common/base/rand.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort(); /* guessable secrets are worse than none */
		p += n;
		len -= (size_t)n;
	}
}

uint32_t rand_u32(void)
{
	uint32_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

uint64_t rand_u64(void)
{
	uint64_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

uint32_t rand_below(uint32_t bound)
{
	/* Values under 2^32 mod bound would come once too often. */
	uint32_t first = -bound % bound;
	uint32_t v;

	do {
		v = rand_u32();
	} while (v < first);
	return v % bound;
}

int64_t rand_jitter_ms(int64_t base_ms, unsigned percent)
{
	int64_t most = base_ms / 100 * percent + base_ms % 100 * percent / 100;

	if (most <= 0)
		return base_ms;
	if (most > INT32_MAX / 2)
		most = INT32_MAX / 2;
	return base_ms - most + rand_below((uint32_t)most * 2 + 1);
}

void rand_token(char *out, size_t len)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned fair = 256 / 36 * 36;
	uint8_t bytes[32];
	size_t have = 0;

	for (size_t i = 0; i < len;) {
		if (have == 0) {
			rand_bytes(bytes, sizeof(bytes));
			have = sizeof(bytes);
		}
		have--;
		if (bytes[have] < fair)
			out[i++] = LETTERS[bytes[have] % 36];
	}
	out[len] = '\0';
}
