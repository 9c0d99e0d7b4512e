/*
 * The pool key of this edge: made on first start, loaded, rotated. av-auth
 * alone writes the file; av-edge watches it (common/cred/av_key.h).
 */
#ifndef AV_AUTH_KEYS_H
#define AV_AUTH_KEYS_H

#include <jansson.h>
#include <limits.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/cred/av_cred.h"
#include "common/cred/av_key.h"

/* A key is kept so long after its successor came: the longest life of a
 * credential and the largest skew that av-edge may allow. */
#define KEYS_OVERLAP_S (AV_CRED_LIFETIME_MAX_S + 600)

struct keys {
	struct av_key_ring ring;
	char path[PATH_MAX];
	gid_t group; /* that av-edge reads with; -1 = leave as it is */
};

struct keys_place {
	const char *folder; /* "<state_dir>/av-auth" */
	uid_t owner;        /* (uid_t)-1 = leave as it is (not root) */
	gid_t group;
};

/* Load the ring, or make the file with a first key when there is none. A
 * file that is there and can't be used is an error, never replaced. */
EDGE_MUST int keys_open(struct keys *k, const struct keys_place *place,
	struct wall now, struct why *why);
/* A new key on top, written before it is used. drop_old: forget all others
 * at once. EDGE_EBUSY when that would end credentials that are still good
 * and drop_old was not asked for. On failure nothing has changed. */
EDGE_MUST int keys_rotate(struct keys *k, struct wall now, bool drop_old,
	struct why *why);
/* Ids and ages, never bytes. NULL when out of memory. */
json_t *keys_json(const struct keys *k, struct wall now);
void keys_wipe(struct keys *k);

#endif
