/*
 * Life of the pool key file. The first key is made before rights are given
 * up, later ones by the daemon's own user, which the file and its folder
 * belong to; the group is the one that av-edge reads with.
 */
#include "av-auth/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"

static int make_first(struct keys *k, const struct keys_place *place,
	struct wall now, struct why *why)
{
	int err;

	av_key_ring_rotate(&k->ring, now);
	err = av_key_save(&k->ring, k->path, place->owner, place->group, why);
	if (err < 0)
		return err;
	log_notice("keys.created", "id=%u path=%s", k->ring.keys[0].id,
		log_qz(k->path));
	return 0;
}

int keys_open(struct keys *k, const struct keys_place *place, struct wall now,
	struct why *why)
{
	int n;
	int err;

	*k = (struct keys){.group = place->group};
	n = snprintf(k->path, sizeof(k->path), "%s/pool.key", place->folder);
	if (n < 0 || (size_t)n >= sizeof(k->path))
		return why_set(why, EDGE_ETOOBIG, "%s: path is too long",
			place->folder);
	err = av_key_load(&k->ring, k->path, why);
	if (err == -ENOENT)
		err = make_first(k, place, now, why);
	return err;
}

int keys_rotate(struct keys *k, struct wall now, bool drop_old,
	struct why *why)
{
	struct av_key_ring next = k->ring;
	int err = 0;

	av_key_ring_prune(&next, now, KEYS_OVERLAP_S);
	if (next.count == AV_KEYS_MAX && !drop_old) {
		err = why_set(why, EDGE_EBUSY,
			"all %d keys may still have credentials in use; wait, "
			"or drop the old keys (running calls go on, new ones "
			"need new credentials)", AV_KEYS_MAX);
		goto out;
	}
	av_key_ring_rotate(&next, now);
	if (drop_old)
		next.count = 1;
	err = av_key_save(&next, k->path, (uid_t)-1, k->group, why);
	if (err == 0)
		k->ring = next;
out:
	av_key_ring_wipe(&next);
	return err;
}

json_t *keys_json(const struct keys *k, struct wall now)
{
	json_t *list = json_array();
	char text[WALL_TEXT_LEN];

	for (size_t i = 0; i < k->ring.count; i++) {
		const struct av_key *key = &k->ring.keys[i];

		json_array_append_new(list,
			json_pack("{s:I, s:s, s:I, s:s}",
				"id", (json_int_t)key->id,
				"created", wall_text(key->created, text),
				"age_s", (json_int_t)(now.s - key->created.s),
				"use", i == 0 ? "issue" : "check"));
	}
	return list;
}

void keys_wipe(struct keys *k)
{
	av_key_ring_wipe(&k->ring);
}
