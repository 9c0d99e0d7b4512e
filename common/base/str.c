/*
 * Text slices: compare, cut, convert. Nothing here looks beyond s.n bytes,
 * and nothing allocates but str_dup(). Case folding is ASCII only: protocol
 * words, never a locale.
 */
#include "common/base/str.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define DISTANCE_MAX_LEN 64
#define BEGINNING_MIN    3

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_of(const char *text)
{
	if (text == NULL)
		return (struct str){NULL, 0};
	return (struct str){text, strlen(text)};
}

bool str_is_empty(struct str s)
{
	return s.n == 0;
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_z(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	}
	return true;
}

bool str_ieq_z(struct str a, const char *b)
{
	return str_ieq(a, str_of(b));
}

bool str_starts(struct str s, const char *prefix)
{
	struct str p = str_of(prefix);

	return s.n >= p.n && str_eq((struct str){s.p, p.n}, p);
}

bool str_istarts(struct str s, const char *prefix)
{
	struct str p = str_of(prefix);

	return s.n >= p.n && str_ieq((struct str){s.p, p.n}, p);
}

bool str_ends(struct str s, const char *suffix)
{
	struct str x = str_of(suffix);

	return s.n >= x.n && str_eq(str_skip(s, s.n - x.n), x);
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_skip(struct str s, size_t n)
{
	if (s.p == NULL)
		return s;
	if (n > s.n)
		n = s.n;
	return (struct str){s.p + n, s.n - n};
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return at != NULL ? (size_t)(at - s.p) : s.n;
}

bool str_split(struct str *rest, char sep, struct str *part)
{
	size_t at;

	/* Used up is p == NULL; an empty slice is still one empty part. */
	if (rest->p == NULL)
		return false;
	at = str_find(*rest, sep);
	*part = (struct str){rest->p, at};
	if (at < rest->n)
		*rest = str_skip(*rest, at + 1);
	else
		*rest = (struct str){NULL, 0};
	return true;
}

static int to_number(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return EDGE_EMALFORMED;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return EDGE_EMALFORMED;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (v > (max - digit) / 10)
			return EDGE_ETOOBIG;
		v = v * 10 + digit;
	}
	*out = v;
	return 0;
}

int str_to_u32(struct str s, uint32_t *out)
{
	uint64_t v = 0;
	int err = to_number(s, UINT32_MAX, &v);

	if (err == 0)
		*out = (uint32_t)v;
	return err;
}

int str_to_u64(struct str s, uint64_t *out)
{
	return to_number(s, UINT64_MAX, out);
}

int str_copy(struct str s, char *out, size_t cap)
{
	if (s.n >= cap)
		return EDGE_ETOOBIG;
	if (s.n > 0) {
		if (memchr(s.p, '\0', s.n) != NULL)
			return EDGE_EMALFORMED;
		memcpy(out, s.p, s.n);
	}
	out[s.n] = '\0';
	return 0;
}

size_t str_utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;

	if (s.n == 0)
		return 0;
	n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
		p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) ||
		(p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void str_tidy(char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		const unsigned char c = (unsigned char)*text;
		size_t n = str_utf8_len((struct str){text, left});

		if (n == 0 || c < 0x20 || c == 0x7f) {
			*text = '?';
			n = 1;
		}
		text += n;
		left -= n;
	}
}

/* U+200E-F, U+202A-E, U+2066-9. */
static bool is_turning(unsigned code)
{
	return code == 0x200e || code == 0x200f ||
		(code >= 0x202a && code <= 0x202e) ||
		(code >= 0x2066 && code <= 0x2069);
}

size_t str_steering_len(const char *text, unsigned *code)
{
	const unsigned char *s = (const unsigned char *)text;

	*code = s[0];
	if (s[0] == '\0')
		return 0;
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	/* U+0080-9F: C1, where terminals have a second escape. */
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) {
		*code = s[1];
		return 2;
	}
	if (s[0] != 0xe2 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
		return 0;
	*code = 0x2000u | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return is_turning(*code) ? 3 : 0;
}

char *str_dup(struct str s)
{
	char *copy = malloc(s.n + 1);

	if (copy == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void str_hex(const void *data, size_t len, char *out)
{
	static const char DIGITS[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = DIGITS[p[i] >> 4];
		out[2 * i + 1] = DIGITS[p[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_value(char c)
{
	c = fold(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int str_unhex(struct str s, uint8_t *out, size_t cap, size_t *len)
{
	if (s.n % 2 != 0)
		return EDGE_EMALFORMED;
	if (s.n / 2 > cap)
		return EDGE_ETOOBIG;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = hex_value(s.p[i]);
		int low = hex_value(s.p[i + 1]);

		if (high < 0 || low < 0)
			return EDGE_EMALFORMED;
		out[i / 2] = (uint8_t)(high * 16 + low);
	}
	*len = s.n / 2;
	return 0;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

unsigned str_distance(const char *a, const char *b)
{
	unsigned row[DISTANCE_MAX_LEN + 1];
	size_t a_len = strnlen(a, DISTANCE_MAX_LEN);
	size_t b_len = strnlen(b, DISTANCE_MAX_LEN);

	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b_len; j++) {
			unsigned cost = fold(a[i]) != fold(b[j]);
			unsigned above = row[j + 1];

			row[j + 1] = min3(diagonal + cost, above + 1,
				row[j] + 1);
			diagonal = above;
		}
	}
	return row[b_len];
}

/* The one name that text is the beginning of, or NULL. */
static const char *only_longer(const char *text, const char *const *names,
	size_t count)
{
	const char *found = NULL;

	if (strlen(text) < BEGINNING_MIN)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!str_istarts(str_of(names[i]), text))
			continue;
		if (found != NULL)
			return NULL;
		found = names[i];
	}
	return found;
}

const char *str_nearest(const char *text, const char *const *names,
	size_t count)
{
	/* A third of the letters may differ; more is a different word. */
	unsigned best = (unsigned)strnlen(text, DISTANCE_MAX_LEN) / 3 + 2;
	const char *found = only_longer(text, names, count);

	if (found != NULL)
		return found;
	for (size_t i = 0; i < count; i++) {
		unsigned d = str_distance(text, names[i]);

		if (d < best && d < strnlen(names[i], DISTANCE_MAX_LEN)) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
