/*
 * What a client may begin with. An opener knows one kind of first bytes:
 * whether they are its own, what they ask for, and how to say yes or no. The
 * list holds WCE/1; a row for the original's bytes goes beside it on the day
 * someone has seen them (docs/protocol/webconf.md 8). Pure.
 */
#ifndef WEBCONF_EDGE_OPENER_H
#define WEBCONF_EDGE_OPENER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/wce/wce_frame.h"

/* The longest opening; what follows it belongs to the inside. */
#define OPENER_BYTES_MAX (WCE_HEAD_LEN + WCE_HELLO_MAX)
#define OPENER_REPLY_MAX 1200u

enum opener_verdict {
	OPENER_MORE, /* too few bytes to tell */
	OPENER_NO,
	OPENER_YES,
};

/* What every opening must lead to: nothing is relayed without a ticket. */
struct opening {
	struct str ticket; /* borrowed from the bytes, as conference */
	struct str conference;
	size_t consumed;
};

struct opening_ok {
	const uint8_t *session; /* WCE_ID_LEN bytes */
	uint32_t idle_s;
};

struct opening_no {
	enum wce_code code;
	uint32_t retry_s;       /* 0 = not told */
	const char *alternates; /* "" = none */
};

struct opener {
	const char *name;
	enum opener_verdict (*probe)(struct str bytes);
	/* 1 = out is filled in, 0 = more is needed, < 0 = malformed; then
	 * wce_code_of() tells how. */
	int (*parse)(struct str bytes, struct opening *out);
	/* Reply into out; its length. */
	size_t (*accept)(const struct opening_ok *ok,
		uint8_t out[static OPENER_REPLY_MAX]);
	size_t (*reject)(const struct opening_no *no,
		uint8_t out[static OPENER_REPLY_MAX]);
};

extern const struct opener OPENER_WCE;

/* The opener whose bytes these are, NULL while that is open (verdict
 * OPENER_MORE) or when there is none (OPENER_NO). */
const struct opener *opener_find(struct str bytes,
	enum opener_verdict *verdict);
/* The same over any list: for tests. */
const struct opener *opener_find_in(const struct opener *const *list,
	size_t count, struct str bytes, enum opener_verdict *verdict);

#endif
