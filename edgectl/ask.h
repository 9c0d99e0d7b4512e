/* A command that is one question to one daemon. */
#ifndef EDGECTL_ASK_H
#define EDGECTL_ASK_H

#include <jansson.h>

#include "common/run/conf.h"
#include "edgectl/cmd.h"
#include "edgectl/output.h"

/* Ask the daemon of this machine, body NULL = GET, and print what it says,
 * or why it does not. Returns the command's exit status. */
int ask_daemon(struct cmd_call *call, enum conf_daemon daemon,
	const char *path, const json_t *body, output_text_fn *text);

#endif
