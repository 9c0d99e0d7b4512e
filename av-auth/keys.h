/*
 * The pool key of this edge: made on first start, loaded, rotated, or opened
 * from what the topology has sealed for this machine. av-auth alone writes
 * the file; av-edge watches it (common/cred/av_key.h).
 */
#ifndef AV_AUTH_KEYS_H
#define AV_AUTH_KEYS_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/cred/av_cred.h"
#include "common/cred/av_key.h"
#include "common/store/topology.h"

/* A key is kept so long after its successor came: the longest life of a
 * credential and the largest skew that av-edge may allow. */
#define KEYS_OVERLAP_S (AV_CRED_LIFETIME_MAX_S + 600)

struct keys {
	struct av_key_ring ring;
	char path[PATH_MAX];
	uid_t owner; /* of the file; -1 = leave as it is */
	gid_t group; /* that av-edge reads with; likewise */
};

/* Where a pool's keys come from: a topology has them sealed to the
 * machine's internal certificate (common/store/pool_keys.h). */
struct keys_source {
	const struct topology *topology;
	const char *chain_path;
	const char *key_path;
};

struct keys_place {
	const char *folder; /* "<state_dir>/av-auth" */
	uid_t owner;        /* (uid_t)-1 = leave as it is (not root) */
	gid_t group;
	const struct keys_source *source;
};

/* Load the ring and take the pool's keys, if there are any; or make the file
 * with a first key of our own. A file that is there and can't be used is an
 * error, never replaced. */
EDGE_MUST int keys_open(struct keys *k, const struct keys_place *place,
	struct wall now, struct why *why);
/* Could these keys be taken? k NULL = nothing is known yet. EDGE_EFORGED:
 * they are sealed to another certificate. Changes nothing. */
EDGE_MUST int keys_check(const struct keys *k,
	const struct keys_source *source, struct why *why);
/* Have what the source says: the pool's keys, or, without them, our own;
 * the file is written before they are used. *is_changed tells whether it
 * was. On failure nothing has changed. */
EDGE_MUST int keys_follow(struct keys *k, const struct keys_source *source,
	struct wall now, bool *is_changed, struct why *why);
/* Back to what was in force before keys_follow(). */
void keys_put_back(struct keys *k, const struct av_key_ring *before);
/* A new key on top, written before it is used. drop_old: forget all others
 * at once. EDGE_EBUSY when that would end credentials that are still good
 * and drop_old was not asked for, EDGE_EREFUSED when the key is the pool's.
 * On failure nothing has changed. */
EDGE_MUST int keys_rotate(struct keys *k, struct wall now, bool drop_old,
	struct why *why);
/* "own" or "pool". */
const char *keys_origin(const struct keys *k);
/* Ids and ages, never bytes. NULL when out of memory. */
json_t *keys_json(const struct keys *k, struct wall now);
void keys_wipe(struct keys *k);

#endif
