/*
 * Envelopes of a snapshot to keys in memory. The current one must open: a
 * machine that can't read it would issue what no other member believes.
 */
#include "common/store/pool_keys.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/seal/seal.h"

bool pool_keys_are_shared(const struct topology *t,
	enum pool_key_purpose purpose)
{
	for (size_t i = 0; i < t->sealed_count; i++)
		if (strcmp(t->sealed[i].purpose,
			    pool_key_purpose_name(purpose)) == 0)
			return true;
	return false;
}

static int open_one(struct pool_key *out, const struct topology_sealed *row,
	enum pool_key_purpose purpose, const char *chain_path,
	const char *key_path, struct why *why)
{
	uint8_t bytes[SEAL_SECRET_MAX];
	size_t len = 0;
	int err = seal_open(bytes, &len, row->cms, row->cms_len, chain_path,
		key_path, why);

	if (err == 0)
		err = pool_key_read(out, purpose, row->key_id, bytes, len,
			why);
	digest_wipe(bytes, sizeof(bytes));
	return err;
}

/* The rows come current first. */
int pool_keys_open(struct pool_keys *out, const struct topology *t,
	enum pool_key_purpose purpose, const char *chain_path,
	const char *key_path, struct why *why)
{
	const char *name = pool_key_purpose_name(purpose);

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < t->sealed_count; i++) {
		const struct topology_sealed *row = &t->sealed[i];
		struct why cause = {""};
		int err;

		if (strcmp(row->purpose, name) != 0 ||
			out->count == POOL_KEYS_MAX)
			continue;
		err = open_one(&out->keys[out->count], row, purpose,
			chain_path, key_path, &cause);
		if (err == 0) {
			out->count++;
		} else if (row->is_current) {
			pool_keys_wipe(out);
			return why_set(why, err,
				"the pool's key %s/%u can't be opened with "
				"%s: %s; the publisher seals it anew when it "
				"sees this machine's certificate", name,
				row->key_id, key_path, cause.text);
		} else {
			log_warning("pool_key.unreadable",
				"purpose=%s key=%u text=%s", name,
				row->key_id, log_qz(cause.text));
		}
	}
	if (out->count == 0)
		return why_set(why, EDGE_EUNKNOWN,
			"the topology has no %s key for this machine", name);
	return 0;
}

void pool_keys_wipe(struct pool_keys *keys)
{
	digest_wipe(keys, sizeof(*keys));
}
