/*
 * Flow tokens (RFC 5626 section 5.2): which connection a Route, Record-Route
 * or Path of ours stands for. Signed, so that a stranger can't make one up;
 * without addresses, so that nothing is told to anyone.
 */
#ifndef ACCESS_EDGE_FLOW_H
#define ACCESS_EDGE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define FLOW_KEY_LEN   32
#define FLOW_TOKEN_LEN 38 /* characters, without NUL */
#define FLOW_OWN_MAX   2  /* in the file */
#define FLOW_KEYS_MAX  5  /* a pool's, and our own newest */

enum flow_flag {
	FLOW_FEDERATION = 1, /* else a client's connection */
	FLOW_OUTBOUND = 2,   /* RFC 5626 took part */
};

struct flow_key {
	uint8_t number; /* 0-15 */
	uint8_t secret[FLOW_KEY_LEN];
	struct wall made;
	bool is_shared; /* by the pool: believed as long as it is here */
};

struct flow_keys {
	struct flow_key keys[FLOW_KEYS_MAX]; /* newest first */
	size_t count;
	uint8_t edge_id[2];
};

struct flow {
	uint8_t flags;
	uint64_t cid;
	bool is_other_edge; /* a pool member's: counts as gone */
};

enum flow_verdict {
	FLOW_NONE,   /* not shaped like a token */
	FLOW_FORGED, /* shaped like one, signature wrong */
	FLOW_GOOD,
};

/* Read path, or make it (0600) with a new key when it does not exist. */
EDGE_MUST int flow_keys_load(struct flow_keys *keys, const char *path,
	const char *machine, struct why *why);
/* Put a new key in front and write path anew; tokens of the one before
 * stay good for a day. */
EDGE_MUST int flow_keys_rotate(struct flow_keys *keys, const char *path,
	struct why *why);
void flow_keys_wipe(struct flow_keys *keys);
/* The keys in use when the pool has its own: those, the one to use first,
 * then our own newest, whose tokens are about for a day. shared NULL: our
 * own alone. */
struct pool_keys;
void flow_keys_share(struct flow_keys *keys, const struct flow_keys *own,
	const struct pool_keys *shared);

/* NUL-terminated. Returns out. */
const char *flow_token(const struct flow_keys *keys, uint8_t flags,
	uint64_t cid, char out[static FLOW_TOKEN_LEN + 1]);
/* now: an old key counts for one day after the newer one was made. */
enum flow_verdict flow_check(const struct flow_keys *keys, struct str token,
	struct wall now, struct flow *out);

/*
 * Text that travels with strangers and comes back: sealed with the flow key,
 * as base64url for the user part of a URI. "" when it does not fit or can't
 * be done. Returns out.
 */
#define FLOW_SEALED_LEN 1025 /* with NUL */
#define FLOW_PLAIN_LEN  720
const char *flow_seal(const struct flow_keys *keys, struct str plain,
	char out[static FLOW_SEALED_LEN]);
/* False: not ours, changed, or too old. *out lies in room. */
bool flow_open(const struct flow_keys *keys, struct str sealed,
	struct wall now, char room[static FLOW_SEALED_LEN], struct str *out);

#endif
