/* Random bytes from getrandom(2) alone. Aborts when the kernel has none. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t len);
uint32_t rand_u32(void);
uint64_t rand_u64(void);
/* Unbiased, 0 <= result < bound; bound > 0. */
uint32_t rand_below(uint32_t bound);
/* base plus or minus percent, for back-off with jitter. */
int64_t rand_jitter_ms(int64_t base_ms, unsigned percent);
/* Lower-case letters and digits, NUL-terminated: out has len + 1 bytes. */
void rand_token(char *out, size_t len);

#endif
