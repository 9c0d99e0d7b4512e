/*
 * Who may read the keys of pools: the publishers that are registered in the
 * record with a certificate of our CA, and machines by the certificate they
 * showed on 4443.
 */
#ifndef EDGECTL_PUBLISH_POOL_READER_H
#define EDGECTL_PUBLISH_POOL_READER_H

#include "common/base/str.h"
#include "common/seal/seal.h"
#include "edgectl/publish/pool_ring.h"

struct pool_readers {
	struct str pems[SEAL_READERS_MAX]; /* into owned */
	char *owned[SEAL_READERS_MAX];
	size_t count;
	char ids[SEAL_READERS_MAX * 65]; /* of their keys, sorted */
};

/* Ourselves first; EDGE_ETLS when our own certificate can't be used. */
EDGE_MUST int pool_readers_load(struct pool_readers *out, struct record *r,
	const struct publish_conf *conf, struct why *why);
void pool_readers_fini(struct pool_readers *readers);
/* Keys that were sealed to other publishers are sealed again, where ours
 * opens them. */
EDGE_MUST int pool_readers_reseal(const struct pool_readers *readers,
	struct record *r, const struct publish_conf *conf, struct why *why);

/* A machine's certificate, heap, and the id of its key; both "" when it has
 * never been reached. */
EDGE_MUST int pool_reader_machine(struct record *r, const char *fqdn,
	char **certificate, char id[static 65], struct why *why);
/* Is the newest publication on every machine? */
EDGE_MUST int pool_reader_is_everywhere(struct record *r, bool *out,
	struct why *why);

#endif
