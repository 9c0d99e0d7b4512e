/*
 * Directories and files with the owner they belong to: one table for what
 * deploy/tmpfiles.d makes on an installed host, made here for `edgectl up`
 * and `edgectl init`.
 */
#ifndef EDGECTL_PLACE_H
#define EDGECTL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* run_dir, state_dir and what lies below, made or put right. */
EDGE_MUST int place_dirs(const struct conf *conf, struct why *why);

/* One directory with its parents (0755); uid and gid -1 = leave. */
EDGE_MUST int place_dir(const char *path, mode_t mode, uid_t uid, gid_t gid,
	struct why *why);

/* Write a whole file: beside, fsync, owner, rename. Unless may_replace an
 * existing file is -EEXIST. */
struct place_file {
	const char *path;
	const void *data;
	size_t len;
	mode_t mode;
	uid_t uid; /* -1 = leave */
	gid_t gid;
	bool may_replace;
};
EDGE_MUST int place_file(const struct place_file *file, struct why *why);

#endif
