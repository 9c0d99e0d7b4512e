/*
 * Small files that must be whole at any moment: read at once under a bound,
 * replaced by rename. Folders may belong to another user than us: no link
 * is followed in them, and as root what is made becomes the folder's
 * owner's.
 */
#ifndef RUN_FILE_H
#define RUN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* All of it, whatever a signal interrupts. A negated errno. */
EDGE_MUST int file_write_all(int fd, const void *data, size_t len);

/* A regular file of at most max bytes, with a NUL behind it; the caller
 * frees *out. EDGE_ETOOBIG, EDGE_EMALFORMED (no regular file), or a negated
 * errno. */
EDGE_MUST int file_load(char **out, size_t *len, const char *path, size_t max,
	struct why *why);

/* The same for a file in another user's folder: a link in its place is
 * refused (-ELOOP). To open a device may be to start it. */
EDGE_MUST int file_load_foreign(char **out, size_t *len, const char *path,
	size_t max, struct why *why);

/* Make or replace dir/name, durable when it returns: after a death at any
 * point the old or the new content is there. */
EDGE_MUST int file_replace(const char *dir, const char *name,
	const void *data, size_t len, mode_t mode, struct why *why);
/* What root just made in a folder of somebody else, a file or a folder,
 * becomes his, as all that file_replace() makes: a service finds what its
 * administrator prepared. Nothing else is given away: no file that has two
 * names, nothing that has an owner already. */
EDGE_MUST int file_settle(const char *path, struct why *why);
/* Gone, and durably so; 0 also when it was not there. */
EDGE_MUST int file_remove(const char *dir, const char *name,
	struct why *why);

#endif
