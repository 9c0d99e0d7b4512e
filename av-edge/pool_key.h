/*
 * The pool key as av-edge sees it: read, watched, kept in memory. av-auth
 * writes the file by rename; while there is none, nothing is granted.
 */
#ifndef AV_EDGE_POOL_KEY_H
#define AV_EDGE_POOL_KEY_H

#include <stdbool.h>

#include "common/cred/av_key.h"
#include "av-edge/file_watch.h"

struct pool_key {
	struct file_watch file;
	struct av_key_ring ring; /* what was read last */
};

void pool_key_init(struct pool_key *key, const char *path);
void pool_key_fini(struct pool_key *key);
/* Look at the file. True when ring changed: new keys, or none any more. A
 * file that can't be read leaves the keys as they are, and says so once. */
bool pool_key_poll(struct pool_key *key);

#endif
