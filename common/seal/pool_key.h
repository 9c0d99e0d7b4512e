/*
 * A key that the machines of a pool share, as it lies inside its envelope
 * (docs/protocol/replication.md, Pools): what it is for and its number are
 * sealed with it, so that an envelope can't be passed off as another one.
 */
#ifndef SEAL_POOL_KEY_H
#define SEAL_POOL_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"

enum pool_key_purpose {
	POOL_KEY_AV,   /* SK0, SK1, SK2 of the A/V credential, 32 bytes each */
	POOL_KEY_FLOW, /* the secret of flow tokens, 32 bytes */
	POOL_KEY_PURPOSES,
};

#define POOL_KEY_MAX      96u /* bytes of a secret */
#define POOL_KEY_TEXT_MAX 128u /* bytes as sealed */

struct pool_key {
	enum pool_key_purpose purpose;
	uint32_t id;
	struct wall created;
	uint8_t secret[POOL_KEY_MAX];
};

/* "av", "flow": as in the table sealed_key. */
const char *pool_key_purpose_name(enum pool_key_purpose purpose);
/* EDGE_EUNKNOWN */
EDGE_MUST int pool_key_purpose_parse(const char *name,
	enum pool_key_purpose *out);
size_t pool_key_secret_len(enum pool_key_purpose purpose);

/* A fresh one. */
void pool_key_make(struct pool_key *out, enum pool_key_purpose purpose,
	uint32_t id, struct wall now);
void pool_key_wipe(struct pool_key *key);
/* Bytes to seal; returns how many. */
size_t pool_key_print(const struct pool_key *key,
	uint8_t out[static POOL_KEY_TEXT_MAX]);
/* What was sealed, which must be this purpose and number. EDGE_EMALFORMED,
 * EDGE_EFORGED. */
EDGE_MUST int pool_key_read(struct pool_key *out,
	enum pool_key_purpose purpose, uint32_t id, const void *bytes,
	size_t len, struct why *why);

#endif
