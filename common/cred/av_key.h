/*
 * The pool key file <state_dir>/av-auth/pool.key: newest key first, 0640.
 * av-auth alone writes it, by rename; av-edge reads and watches it.
 */
#ifndef CRED_AV_KEY_H
#define CRED_AV_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"

/* HMAC fills a key up with zeros, so a shorter one can be kept in here
 * zero-filled and is the same key. */
#define AV_KEY_LEN  32
#define AV_KEYS_MAX 4

struct av_key {
	uint32_t id;
	bool is_shared; /* the pool's; else made here */
	struct wall created;
	uint8_t sk0[AV_KEY_LEN]; /* client id */
	uint8_t sk1[AV_KEY_LEN]; /* user name */
	uint8_t sk2[AV_KEY_LEN]; /* password */
};

struct av_key_ring {
	struct av_key keys[AV_KEYS_MAX]; /* newest first */
	size_t count;
};

/* A fresh own key on top; the oldest drops out when the ring is full. */
void av_key_ring_rotate(struct av_key_ring *ring, struct wall now);
/* Forget keys whose successor is older than overlap_s: nothing they made is
 * still good. Returns how many went. */
size_t av_key_ring_prune(struct av_key_ring *ring, struct wall now,
	int64_t overlap_s);
/* The pool's keys, current first, take the place of those it had; own keys
 * stay behind them as long as their credentials may be in use. None: the
 * machine is on its own, and gets a key of its own if it has none on top.
 * True when anything changed. */
bool av_key_ring_follow(struct av_key_ring *ring, const struct av_key *shared,
	size_t count, struct wall now, int64_t overlap_s);
void av_key_ring_wipe(struct av_key_ring *ring);

/* -ENOENT, -EACCES, EDGE_ECONFIG (others may read it), EDGE_EMALFORMED (with
 * file and line in why). *out is set on success only. */
EDGE_MUST int av_key_load(struct av_key_ring *out, const char *path,
	struct why *why);
/* Write beside, give to owner and group (-1 = keep), chmod 0640, fsync,
 * rename. */
EDGE_MUST int av_key_save(const struct av_key_ring *ring, const char *path,
	uid_t owner, gid_t group, struct why *why);

#endif
