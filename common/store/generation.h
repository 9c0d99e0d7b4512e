/*
 * Generations: immutable sqlite files below <state_dir>/topology, switched
 * by one rename of the link `current` (docs/decisions, D8). Readers take no
 * lock and need no write access; writers hold <topology>/lock.
 */
#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"

struct sqlite3;

struct generation_info {
	uint32_t epoch;
	uint64_t serial;
	struct wall created;
	char source[256]; /* who or what made it */
	char sha256[65];
	char manifest_sha256[65]; /* "" = made on this host */
	bool is_part; /* of a topology: what concerns this machine's pool */
	bool is_current;
	bool is_previous;
	char path[512];
};

#define GENERATION_SCHEMA 1

/* Make <state_dir>/topology and its folders where they are missing. As
 * root they become uid's and gid's, and so does every file made below
 * later; else the ids are not looked at. */
EDGE_MUST int generation_make_folders(const char *state_dir, uid_t uid,
	gid_t gid, struct why *why);

/* The file that `current` points to, resolved once, into out. -ENOENT. */
EDGE_MUST int generation_current_path(const char *state_dir, char *out,
	size_t cap, struct why *why);

/* The same for `previous`. */
EDGE_MUST int generation_previous_path(const char *state_dir, char *out,
	size_t cap, struct why *why);

/* Open a generation read-only (immutable, defensive pragmas) and see that
 * it is one, whole, of a schema we know. Close with sqlite3_close(). */
EDGE_MUST int generation_open(struct sqlite3 **out, const char *path,
	struct why *why);
/* Epoch, serial, moment, source from `meta`, and the file's hash. The
 * is_* members stay false. */
EDGE_MUST int generation_read_info(struct sqlite3 *db, const char *path,
	struct generation_info *out, struct why *why);
/* "00000000-0000000000000042": epoch and serial in hex. */
#define GENERATION_VERSION_LEN 26
const char *generation_version_text(uint32_t epoch, uint64_t serial,
	char out[static GENERATION_VERSION_LEN]);

/* Inserts rows into an empty schema, inside one transaction in which
 * references may come before what they refer to. */
typedef int(generation_fill_cb)(struct sqlite3 *db, void *arg,
	struct why *why);

/* An empty schema in memory, for plan and tests. */
EDGE_MUST int generation_scratch(struct sqlite3 **out, struct why *why);
/* Fill it, and see that foreign keys and integrity hold. */
EDGE_MUST int generation_fill(struct sqlite3 *db, generation_fill_cb *fill,
	void *arg, struct why *why);

/*
 * Make the next generation (epoch 0, serial + 1) in stage/, let `fill`
 * insert the rows, check them, make the file durable, and leave it staged.
 * Nothing that exists changes. Takes the lock; generation_activate, _park or
 * _discard ends it.
 */
struct generation_stage;
EDGE_MUST int generation_stage_new(struct generation_stage **out,
	const char *state_dir, const char *source, generation_fill_cb *fill,
	void *arg, struct why *why);

/* Where a generation of a publisher comes from: what `meta` says. */
struct generation_origin {
	const char *deployment;
	uint32_t epoch; /* 0 is for local ones */
	uint64_t serial;
	struct wall created;
	const char *source;
	const char *manifest_sha256; /* NULL = it has none */
	bool is_part;
};
/* The same for a version that somebody else has numbered. Whatever else was
 * parked goes. */
EDGE_MUST int generation_stage_make(struct generation_stage **out,
	const char *state_dir, const struct generation_origin *origin,
	generation_fill_cb *fill, void *arg, struct why *why);
/* Keep the staged file for later and let go of the lock. Frees the stage. */
void generation_park(struct generation_stage *stage);
/* Take up what was parked: the lock again, the file with that hash. -ENOENT
 * when it is not there any more, EDGE_EFORGED when it is another. */
EDGE_MUST int generation_stage_resume(struct generation_stage **out,
	const char *state_dir, uint32_t epoch, uint64_t serial,
	const char *sha256, struct why *why);
/* Remove all that was parked or left behind. */
EDGE_MUST int generation_stage_clear(const char *state_dir,
	struct why *why);

const struct generation_info *generation_stage_info(
	const struct generation_stage *stage);
/* Rename into gen/, repoint previous and current, fsync. Frees the stage,
 * also on failure; after a failure the old one is current. A file of that
 * version that is there and the same is used; another, unless current, is
 * replaced. */
EDGE_MUST int generation_activate(struct generation_stage *stage,
	struct why *why);
void generation_discard(struct generation_stage *stage); /* NULL is ok */

/* Newest first. *out on the heap, caller frees. */
EDGE_MUST int generation_list(const char *state_dir,
	struct generation_info **out, size_t *count, struct why *why);
/* Point current to previous (and previous to what was current). */
EDGE_MUST int generation_rollback(const char *state_dir,
	struct generation_info *now_current, struct why *why);
/* Undo an activation that somebody refused: current is what was current
 * before it, and previous is `previous` again (a path of generation_list,
 * NULL = there was none), so that a later rollback does not lead to it. */
EDGE_MUST int generation_retract(const char *state_dir,
	const char *previous, struct generation_info *now_current,
	struct why *why);

#endif
