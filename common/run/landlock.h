/*
 * Which files the process may still reach: Landlock rules (landlock(7)) by
 * raw system calls, as much as the running kernel knows of them.
 */
#ifndef RUN_LANDLOCK_H
#define RUN_LANDLOCK_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/sandbox.h"

/* Everything but these paths and what is open already becomes unreachable,
 * for this thread and what it starts. *abi is 0 when the kernel has no
 * Landlock: then nothing happens and the result is 0. Paths that do not
 * exist grant nothing. Needs no_new_privs. */
EDGE_MUST int landlock_enter(const struct sandbox_path *paths, size_t count,
	unsigned *abi, struct why *why);

#endif
