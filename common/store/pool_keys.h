/*
 * The pool's keys out of a machine's snapshot: its envelopes opened with
 * the machine's own internal key.
 */
#ifndef STORE_POOL_KEYS_H
#define STORE_POOL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/seal/pool_key.h"
#include "common/store/topology.h"

#define POOL_KEYS_MAX 4u

struct pool_keys {
	struct pool_key keys[POOL_KEYS_MAX]; /* current first */
	size_t count;
};

/* Does the topology bring keys of this kind for this machine? If not, the
 * machine has keys of its own. No key is touched. */
bool pool_keys_are_shared(const struct topology *t,
	enum pool_key_purpose purpose);
/* Open them. Previous ones that can't be opened are left out with a line in
 * the log; without the current one it fails: EDGE_EFORGED (sealed to another
 * certificate), EDGE_EUNKNOWN (there is none). Wipe after use. */
EDGE_MUST int pool_keys_open(struct pool_keys *out, const struct topology *t,
	enum pool_key_purpose purpose, const char *chain_path,
	const char *key_path, struct why *why);
void pool_keys_wipe(struct pool_keys *keys);

#endif
