/*
 * Answers given a moment ago, so that a repeated request gets the same one
 * (RFC 3261 section 17.2.2). Bounded in count, bytes and age; what goes is
 * wiped, because it holds passwords.
 */
#ifndef AV_AUTH_ANSWERS_H
#define AV_AUTH_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "common/sip/sip_msg.h"

#define ANSWERS_COUNT_MAX 4096
#define ANSWERS_BYTES_MAX (8u << 20)
#define ANSWERS_KEEP_MS   32000 /* 64 * T1 */
#define ANSWERS_KEY_LEN   32

struct answers {
	struct map map;
	struct list order; /* oldest first */
	size_t count;
	size_t bytes;
};

EDGE_MUST int answers_init(struct answers *a);
void answers_fini(struct answers *a);

/* What makes two requests the same: server, topmost Via with its branch,
 * Call-ID, CSeq, tag of From. */
void answers_key(const struct sip_msg *request, const char *server,
	uint8_t key[static ANSWERS_KEY_LEN]);
/* The answer given before, borrowed until the next put or fini; empty when
 * there is none. */
struct str answers_find(const struct answers *a,
	const uint8_t key[static ANSWERS_KEY_LEN], struct mono now);
/* text is on the heap and taken, also on failure. *out: the kept text,
 * borrowed likewise. -ENOMEM. */
EDGE_MUST int answers_put(struct answers *a,
	const uint8_t key[static ANSWERS_KEY_LEN], char *text, size_t len,
	struct mono now, struct str *out);

#endif
