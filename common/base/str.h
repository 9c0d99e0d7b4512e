/*
 * A slice of text inside somebody else's buffer: pointer and length, not
 * NUL-terminated, never owning.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct str {
	const char *p;
	size_t n;
};

#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})
/* For printf("%.*s", STR_ARG(x)) */
#define STR_ARG(s) (int)(s).n, ((s).p != NULL ? (s).p : "")

struct str str_of(const char *text); /* NULL gives an empty slice */
bool str_is_empty(struct str s);
bool str_eq(struct str a, struct str b);
bool str_eq_z(struct str a, const char *b);
bool str_ieq(struct str a, struct str b); /* ASCII case folded */
bool str_ieq_z(struct str a, const char *b);
bool str_starts(struct str s, const char *prefix);
bool str_istarts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
/* < 0, 0, > 0: by their bytes, the shorter one first. */
int str_compare(struct str a, struct str b);
struct str str_trim(struct str s); /* blanks, tabs, CR, LF at both ends */
struct str str_skip(struct str s, size_t n);

/* Position of c, or s.n when absent. */
size_t str_find(struct str s, char c);

/* Take the part before the first sep off *rest. False when *rest is used up
 * (an empty last part after a trailing separator counts as one part). */
bool str_split(struct str *rest, char sep, struct str *part);

/* Digits only, whole slice, in range. EDGE_EMALFORMED or EDGE_ETOOBIG. */
EDGE_MUST int str_to_u32(struct str s, uint32_t *out);
EDGE_MUST int str_to_u64(struct str s, uint64_t *out);

/* Copy with NUL into out[cap]; EDGE_ETOOBIG when it does not fit,
 * EDGE_EMALFORMED when it contains a NUL. */
EDGE_MUST int str_copy(struct str s, char *out, size_t cap);

/* Length of the UTF-8 character at the start of s, 0 when it begins with none
 * (RFC 3629). */
size_t str_utf8_len(struct str s);
/* One line of UTF-8, in place: '?' for control characters and for bytes that
 * are no whole character, as a cut leaves them. */
void str_tidy(char *text);
/* Bytes of the character at the start of text if it would steer a terminal,
 * else 0: control characters, C1 too, and what turns the direction of what
 * follows. *code is its number, e.g. 0x9b. */
size_t str_steering_len(const char *text, unsigned *code);

/* Heap copy with NUL, NULL when out of memory. Caller frees. */
char *str_dup(struct str s);

/* Lower-case hex. out has 2 * len + 1 bytes. */
void str_hex(const void *data, size_t len, char *out);
/* Even number of hex digits into out[cap]; *len is the number of bytes. */
EDGE_MUST int str_unhex(struct str s, uint8_t *out, size_t cap, size_t *len);

/* Distance for "nearest valid name" suggestions (Levenshtein, case folded,
 * both sides bounded to 64 characters). */
unsigned str_distance(const char *a, const char *b);

/* The name in names[count] nearest to text, or NULL when none is near. */
const char *str_nearest(const char *text, const char *const *names,
	size_t count);

#endif
