/*
 * Following the pool key file.
 */
#include "av-edge/pool_key.h"

#include "common/base/log.h"
#include "common/base/why.h"

void pool_key_init(struct pool_key *key, const char *path)
{
	file_watch_init(&key->file, path);
	key->ring.count = 0;
}

void pool_key_fini(struct pool_key *key)
{
	av_key_ring_wipe(&key->ring);
}

static bool on_missing(struct pool_key *key)
{
	bool had_keys = key->ring.count > 0;

	if (had_keys)
		log_warning("key.gone", "path=%s text=\"nothing is granted "
			"until av-auth makes a new one\"",
			log_qz(key->file.path));
	av_key_ring_wipe(&key->ring);
	return had_keys;
}

static bool on_new(struct pool_key *key)
{
	struct av_key_ring ring;
	struct why why = {""};
	int err;

	err = av_key_load(&ring, key->file.path, &why);
	if (err < 0) {
		log_error("key.unreadable", "path=%s text=%s",
			log_qz(key->file.path), log_qz(why_text(&why, err)));
		return false;
	}
	key->ring = ring;
	av_key_ring_wipe(&ring);
	return true;
}

bool pool_key_poll(struct pool_key *key)
{
	switch (file_watch_look(&key->file)) {
	case FILE_SAME:
		break;
	case FILE_NEW:
		return on_new(key);
	case FILE_GONE:
		return on_missing(key);
	}
	return false;
}
