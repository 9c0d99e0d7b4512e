/*
 * An order of a person to the publisher: put into the record, carried out
 * by whoever is in office, ourselves if nobody is; followed to its end with
 * progress.
 */
#ifndef EDGECTL_PUBLISH_ORDER_H
#define EDGECTL_PUBLISH_ORDER_H

#include "edgectl/cmd.h"
#include "edgectl/publish/publish_conf.h"

#include <jansson.h>

/* kind: see request.h. body is taken. Exit status of the command. */
int order_run(struct cmd_call *call, const struct publish_conf *conf,
	const char *kind, json_t *body);

/* "alice", by the environment of the call. */
const char *order_who(char out[static 256]);
/* --hold, --confirm, --canary of the call as the options of a publication;
 * NULL after telling the user. */
json_t *order_options(const struct cmd_call *call);
/* The configuration that --publisher names; NULL after telling the user. */
struct publish_conf *order_conf(const struct cmd_call *call);

#endif
