/* A growing text with a ceiling; what is written is the caller's affair. */
#include "common/bundle/bundle_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static int make_room(struct bundle_text *t, size_t n)
{
	size_t cap = t->cap > 0 ? t->cap : 256;
	char *p;

	if (n > t->max - t->len)
		return EDGE_ETOOBIG;
	while (cap < t->len + n + 1)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	p = realloc(t->p, cap);
	if (p == NULL)
		return -ENOMEM;
	t->p = p;
	t->cap = cap;
	return 0;
}

void bundle_text_add(struct bundle_text *t, const char *p, size_t n)
{
	if (t->err == 0)
		t->err = make_room(t, n);
	if (t->err < 0)
		return;
	if (n > 0)
		memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
}

void bundle_text_add_char(struct bundle_text *t, char c)
{
	bundle_text_add(t, &c, 1);
}

void bundle_text_add_number(struct bundle_text *t, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	bundle_text_add(t, text, (size_t)n);
}

/* The escape of a character, "" when it stands for itself. */
static const char *escape_of(unsigned char c, char room[static 8])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		break;
	}
	if (c >= 0x20)
		return "";
	snprintf(room, 8, "\\u%04x", c);
	return room;
}

void bundle_text_add_string(struct bundle_text *t, const char *p, size_t n)
{
	size_t start = 0;

	bundle_text_add_char(t, '"');
	for (size_t i = 0; i < n; i++) {
		char room[8];
		const char *escape = escape_of((unsigned char)p[i], room);

		if (escape[0] == '\0')
			continue;
		bundle_text_add(t, p + start, i - start);
		bundle_text_add(t, escape, strlen(escape));
		start = i + 1;
	}
	bundle_text_add(t, p + start, n - start);
	bundle_text_add_char(t, '"');
}

void bundle_text_reset(struct bundle_text *t)
{
	t->len = 0;
	t->err = 0;
}

void bundle_text_fini(struct bundle_text *t)
{
	free(t->p);
	*t = (struct bundle_text){.max = t->max};
}
