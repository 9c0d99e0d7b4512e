/*
 * A password that a command needs: from a file, the environment or the
 * terminal, never from the command line, which every user of the machine
 * can read.
 */
#ifndef EDGECTL_SECRET_H
#define EDGECTL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/cmd.h"

#define SECRET_LEN 128

struct secret_from {
	const char *file;    /* option: a file's first line, "-" = stdin */
	const char *ask;     /* option: ask on the terminal */
	const char *environ; /* variable; looked at when no option is there */
	const char *prompt;
};

/* *has_any false and 0 when none of them says one. */
EDGE_MUST int secret_take(char out[static SECRET_LEN], bool *has_any,
	const struct cmd_call *call, const struct secret_from *from,
	struct why *why);
/* The first line of a file: EDGE_ETOOBIG, EDGE_EMALFORMED (empty). */
EDGE_MUST int secret_read(char out[static SECRET_LEN], const char *path,
	struct why *why);

#endif
