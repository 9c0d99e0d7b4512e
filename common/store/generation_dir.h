/*
 * The folder <state_dir>/topology as both halves of the generation store
 * see it: names, links, and the lock. For generation.c and
 * generation_write.c only.
 */
#ifndef STORE_GENERATION_DIR_H
#define STORE_GENERATION_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/store/generation.h"

/* "gen/00000000-0000000000000042.db" */
#define GENERATION_TARGET_LEN 40

/* Where a link of the folder dir_fd points, e.g. "current", as a checked
 * "gen/<version>.db". -ENOENT; EDGE_EMALFORMED when it points elsewhere. */
EDGE_MUST int generation_link(int dir_fd, const char *link,
	char out[static GENERATION_TARGET_LEN]);
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

#endif
