/*
 * The watch list as a file in the daemon's state folder, so that a restart
 * forgives nothing. A sqlite database, written whole and swapped in by a
 * rename; losing it costs what it held and nothing else.
 */
#ifndef ACCESS_EDGE_WATCH_STORE_H
#define ACCESS_EDGE_WATCH_STORE_H

#include "access-edge/watch.h"
#include "common/base/why.h"

/* Fill an empty list. -ENOENT: there is no file yet. EDGE_EDATABASE: it is
 * none of ours; the list stays empty. */
EDGE_MUST int watch_load(struct watch *w, const char *path, struct why *why);
/* Write what changed since; nothing when nothing did. */
EDGE_MUST int watch_save(struct watch *w, const char *path, struct why *why);

#endif
