/*
 * Which files a process in its sandbox may reach: a list that is put
 * together from what a configuration names.
 */
#ifndef RUN_SANDBOX_PATHS_H
#define RUN_SANDBOX_PATHS_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/run/sandbox.h"

struct sandbox_paths;

EDGE_MUST int sandbox_paths_new(struct sandbox_paths **out);
void sandbox_paths_free(struct sandbox_paths *p); /* accepts NULL */

/* NULL adds nothing; what the list has no room for is not granted. */
void sandbox_paths_add(struct sandbox_paths *p, enum sandbox_access access,
	const char *path);
/* The folder, not the file: it is replaced by rename when it changes. A link
 * (Let's Encrypt's live/) is followed to where the files really lie. */
void sandbox_paths_add_folder(struct sandbox_paths *p,
	enum sandbox_access access, const char *file);
/* Read by libraries on the way: names, certificates, zones. */
void sandbox_paths_add_system(struct sandbox_paths *p);

const struct sandbox_path *sandbox_paths_rows(const struct sandbox_paths *p,
	size_t *count);

#endif
