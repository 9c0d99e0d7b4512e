/*
 * Watching the pool key file by looking once in a while: it changes a few
 * times a year.
 */
#include "av-edge/pool_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/why.h"

void pool_key_init(struct pool_key *key, const char *path)
{
	memset(key, 0, sizeof(*key));
	snprintf(key->path, sizeof(key->path), "%s", path);
}

void pool_key_fini(struct pool_key *key)
{
	av_key_ring_wipe(&key->ring);
}

static bool is_same_file(const struct pool_key *key, const struct stat *st)
{
	return key->has_file && key->inode == st->st_ino &&
	    key->size == st->st_size &&
	    key->modified.tv_sec == st->st_mtim.tv_sec &&
	    key->modified.tv_nsec == st->st_mtim.tv_nsec;
}

static bool on_missing(struct pool_key *key)
{
	bool had_keys = key->ring.count > 0;

	if (key->has_file)
		log_warning("key.gone", "path=%s text=\"nothing is granted "
			"until av-auth makes a new one\"", log_qz(key->path));
	key->has_file = false;
	av_key_ring_wipe(&key->ring);
	return had_keys;
}

bool pool_key_poll(struct pool_key *key)
{
	struct av_key_ring ring;
	struct why why = {""};
	struct stat st;
	int err;

	if (stat(key->path, &st) < 0)
		return errno == ENOENT && on_missing(key);
	if (is_same_file(key, &st))
		return false;
	key->has_file = true;
	key->inode = st.st_ino;
	key->size = st.st_size;
	key->modified = st.st_mtim;
	err = av_key_load(&ring, key->path, &why);
	if (err < 0) {
		log_error("key.unreadable", "path=%s text=%s",
			log_qz(key->path), log_qz(why_text(&why, err)));
		return false;
	}
	key->ring = ring;
	av_key_ring_wipe(&ring);
	return true;
}
