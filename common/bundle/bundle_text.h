/*
 * Text that grows, up to a ceiling, with a sticky error; and a JSON string
 * in its one canonical spelling. For this room only.
 */
#ifndef BUNDLE_BUNDLE_TEXT_H
#define BUNDLE_BUNDLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct bundle_text {
	char *p; /* owned; NUL behind len when anything was added */
	size_t len;
	size_t cap;
	size_t max; /* bytes it may reach */
	int err;    /* 0, -ENOMEM, EDGE_ETOOBIG */
};

void bundle_text_add(struct bundle_text *t, const char *p, size_t n);
void bundle_text_add_char(struct bundle_text *t, char c);
void bundle_text_add_number(struct bundle_text *t, int64_t v);
/* With its quotes: RFC 8785 section 3.2.2.2. */
void bundle_text_add_string(struct bundle_text *t, const char *p, size_t n);
void bundle_text_reset(struct bundle_text *t); /* empty, room kept */
void bundle_text_fini(struct bundle_text *t);

#endif
