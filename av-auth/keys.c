/*
 * Life of the pool key file. The first key is made before rights are given
 * up, later ones by the daemon's own user, which the file and its folder
 * belong to; the group is the one that av-edge reads with. A pool's keys
 * come out of the topology and are kept in the same file.
 */
#include "av-auth/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/store/pool_keys.h"

static int save(const struct keys *k, const struct av_key_ring *ring,
	struct why *why)
{
	return av_key_save(ring, k->path, k->owner, k->group, why);
}

/* ---- the pool's keys ---------------------------------------------------- */

struct shared {
	struct av_key keys[AV_KEYS_MAX];
	size_t count;
};

static void take_shared(struct shared *out, const struct pool_key *key)
{
	struct av_key *to = &out->keys[out->count++];

	to->id = key->id;
	to->is_shared = true;
	memcpy(to->sk0, key->secret, AV_KEY_LEN);
	memcpy(to->sk1, key->secret + AV_KEY_LEN, AV_KEY_LEN);
	memcpy(to->sk2, key->secret + 2 * (size_t)AV_KEY_LEN, AV_KEY_LEN);
}

/* The number that the topology wants to be used. */
static bool current_id(const struct topology *t, uint32_t *out)
{
	for (size_t i = 0; i < t->sealed_count; i++) {
		const struct topology_sealed *row = &t->sealed[i];

		if (!row->is_current || strcmp(row->purpose,
				pool_key_purpose_name(POOL_KEY_AV)) != 0)
			continue;
		*out = row->key_id;
		return true;
	}
	return false;
}

/* The certificate has a new key and the publisher has not sealed anew yet:
 * what we have under the same number is still right. */
static bool reuse_shared(struct shared *out, const struct keys *k,
	const struct topology *t)
{
	uint32_t id;

	if (k == NULL || k->ring.count == 0 || !current_id(t, &id) ||
		!k->ring.keys[0].is_shared || k->ring.keys[0].id != id)
		return false;
	for (size_t i = 0; i < k->ring.count; i++)
		if (k->ring.keys[i].is_shared)
			out->keys[out->count++] = k->ring.keys[i];
	return true;
}

static int read_shared(struct shared *out, const struct keys *k,
	const struct keys_source *source, struct why *why)
{
	struct pool_keys opened;
	int err;

	*out = (struct shared){.count = 0};
	if (!pool_keys_are_shared(source->topology, POOL_KEY_AV))
		return 0;
	err = pool_keys_open(&opened, source->topology, POOL_KEY_AV,
		source->chain_path, source->key_path, why);
	if (err == EDGE_EFORGED && reuse_shared(out, k, source->topology)) {
		log_warning("keys.kept", "id=%u reason=%s", out->keys[0].id,
			log_qz(why->text));
		return 0;
	}
	if (err < 0)
		return err;
	for (size_t i = 0; i < opened.count; i++)
		take_shared(out, &opened.keys[i]);
	pool_keys_wipe(&opened);
	return 0;
}

int keys_check(const struct keys *k, const struct keys_source *source,
	struct why *why)
{
	struct shared shared;
	int err = read_shared(&shared, k, source, why);

	digest_wipe(&shared, sizeof(shared));
	return err;
}

int keys_follow(struct keys *k, const struct keys_source *source,
	struct wall now, bool *is_changed, struct why *why)
{
	struct av_key_ring next = k->ring;
	struct shared shared;
	int err = read_shared(&shared, k, source, why);

	*is_changed = false;
	if (err == 0 && av_key_ring_follow(&next, shared.keys, shared.count,
				now, KEYS_OVERLAP_S)) {
		err = save(k, &next, why);
		*is_changed = err == 0;
	}
	if (err == 0)
		k->ring = next;
	av_key_ring_wipe(&next);
	digest_wipe(&shared, sizeof(shared));
	return err;
}

void keys_put_back(struct keys *k, const struct av_key_ring *before)
{
	struct why why = {""};
	int err = save(k, before, &why);

	if (err < 0)
		log_error("keys.unsaved", "text=%s",
			log_qz(why_text(&why, err)));
	k->ring = *before;
}

/* ---- life --------------------------------------------------------------- */

int keys_open(struct keys *k, const struct keys_place *place, struct wall now,
	struct why *why)
{
	bool is_changed;
	bool is_first;
	int n;
	int err;

	*k = (struct keys){.owner = place->owner, .group = place->group};
	n = snprintf(k->path, sizeof(k->path), "%s/pool.key", place->folder);
	if (n < 0 || (size_t)n >= sizeof(k->path))
		return why_set(why, EDGE_ETOOBIG, "%s: path is too long",
			place->folder);
	err = av_key_load(&k->ring, k->path, why);
	is_first = err == -ENOENT;
	if (err < 0 && !is_first)
		return err;
	err = keys_follow(k, place->source, now, &is_changed, why);
	/* From here on as that user, who can't give files away. */
	k->owner = (uid_t)-1;
	if (err == 0 && is_changed)
		log_notice("keys.created", "id=%u from=%s first=%d path=%s",
			k->ring.keys[0].id, keys_origin(k), is_first,
			log_qz(k->path));
	return err;
}

const char *keys_origin(const struct keys *k)
{
	return k->ring.keys[0].is_shared ? "pool" : "own";
}

int keys_rotate(struct keys *k, struct wall now, bool drop_old,
	struct why *why)
{
	struct av_key_ring next = k->ring;
	int err = 0;

	if (k->ring.keys[0].is_shared) {
		err = why_set(why, EDGE_EREFUSED,
			"the key is shared by the pool and comes with the "
			"topology: rotate it where that is published");
		goto out;
	}
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
	err = save(k, &next, why);
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
			json_pack("{s:I, s:s, s:s, s:I, s:s}",
				"id", (json_int_t)key->id,
				"from", key->is_shared ? "pool" : "own",
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
