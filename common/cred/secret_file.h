/* Reading a small file of secrets, one in a line: whole, or not at all. */
#ifndef CRED_SECRET_FILE_H
#define CRED_SECRET_FILE_H

#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define SECRET_FILE_MAX 4096

struct secret_file_spec {
	const char *path;
	mode_t forbidden;     /* bits that let others at it */
	const char *tighten;  /* what to do when one is set */
	/* Take one line, without blanks at its ends; comments and empty ones
	 * are left out. NULL, or what is wrong: a literal, never the text,
	 * which may hold half a secret. */
	const char *(*take)(void *arg, struct str line);
	void *arg;
	const char *none;   /* what is wrong when there is no line */
	const char *repair; /* what to do when anything is wrong */
};

/* -ENOENT and other errors of open(2), EDGE_ECONFIG (no regular file, or
 * others can get at it), EDGE_ETOOBIG (SECRET_FILE_MAX bytes or more),
 * EDGE_EMALFORMED; told in why. What was taken before is then worth nothing.
 */
EDGE_MUST int secret_file_load(const struct secret_file_spec *spec,
	struct why *why);

#endif
