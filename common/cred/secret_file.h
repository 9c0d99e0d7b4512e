/* Reading a small file that holds a secret: whole, or not at all. */
#ifndef CRED_SECRET_FILE_H
#define CRED_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"

struct secret_file_spec {
	const char *path;
	mode_t forbidden;   /* bits that let others at it */
	const char *advice; /* what to do when one is set */
};

/* Into text, the caller's to wipe. -ENOENT and other errors of open(2),
 * EDGE_ECONFIG (no regular file, or others can get at it), EDGE_ETOOBIG
 * (cap bytes or more); told in why. */
EDGE_MUST int secret_file_read(const struct secret_file_spec *spec,
	char *text, size_t cap, size_t *len, struct why *why);

#endif
