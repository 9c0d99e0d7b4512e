/*
 * The folder <state_dir>/topology as both halves of the generation store
 * see it: names, links, and the lock. For generation*.c only.
 */
#ifndef STORE_GENERATION_DIR_H
#define STORE_GENERATION_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/store/generation.h"

/* "gen/00000000-0000000000000042.db" */
#define GENERATION_TARGET_LEN 40

#define GENERATION_SERIAL_MAX INT64_MAX /* as in a bundle */
#define GENERATION_FILE_MAX (256u << 20) /* bytes */

/* Where a link of the folder dir_fd points, e.g. "current", as a checked
 * "gen/<version>.db". -ENOENT; EDGE_EMALFORMED when it points elsewhere. */
EDGE_MUST int generation_link(int dir_fd, const char *link,
	char out[static GENERATION_TARGET_LEN]);
/* Does that link point to gen/<name>? */
bool generation_is_linked(int dir_fd, const char *link, const char *name);
/* "00000000-0000000000000042.db" taken apart; false when it is none. */
bool generation_parse_name(const char *name, uint32_t *epoch,
	uint64_t *serial);
/* O_DIRECTORY descriptor of <state_dir>/topology, or a negative code. */
EDGE_MUST int generation_open_folder(const char *state_dir, struct why *why);
/* The same for a folder in it, where no link is followed. */
EDGE_MUST int generation_open_below(int dir_fd, const char *name);
/* SHA-256 of a whole file in hex. */
EDGE_MUST int generation_hash(const char *path, char out[static 65],
	struct why *why);

/* One file to be made: stage_fd/name. */
struct generation_build {
	int stage_fd;
	const char *name;
	uid_t uid; /* its owner, when we are root */
	gid_t gid;
	const struct generation_origin *origin;
	generation_fill_cb *fill;
	void *arg;
};
EDGE_MUST int generation_build(const struct generation_build *build,
	char sha256[static 65], struct why *why);

/* A change under way: the lock, and perhaps a file in stage/. */
struct generation_stage {
	struct generation_info info;
	char name[GENERATION_TARGET_LEN]; /* of the file in stage/ */
	char state_dir[400];
	int dir_fd;   /* <state_dir>/topology */
	int gen_fd;   /* and the two below it, for whom they are needed */
	int stage_fd;
	int lock_fd; /* held as long as this lives */
	uid_t uid;   /* owner of what is made, when root */
	gid_t gid;
};
struct generation_stage *generation_stage_alloc(void);
/* Open the folder and take its lock. */
EDGE_MUST int generation_stage_begin(struct generation_stage *s,
	const char *state_dir, struct why *why);
/* To read a folder from its beginning, without taking fd away; or NULL. */
DIR *generation_list_folder(int fd);

/* So many stay whatever they weigh, so many whatever their age, and no more
 * than so many, and so many bytes; but for those that links point to. */
#define GENERATION_KEEP_LEAST 6
#define GENERATION_KEEP_COUNT 16
#define GENERATION_KEEP_MOST  64
#define GENERATION_KEEP_BYTES (512ull << 20)
/* One that has so many newer ones of so many bytes beside it. */
bool generation_may_stay(size_t newer, uint64_t newer_bytes, uint64_t bytes,
	int64_t age_s);
/* Remove what may not stay. The lock is held. */
void generation_prune(const struct generation_stage *s);

#endif
