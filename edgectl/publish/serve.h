/* `edgectl publish serve`: a publisher that stays, as a service. */
#ifndef EDGECTL_PUBLISH_SERVE_H
#define EDGECTL_PUBLISH_SERVE_H

#include "edgectl/cmd.h"
#include "edgectl/publish/publish_conf.h"

/* Until SIGTERM or SIGINT. Exit status of the command. */
int serve_run(struct cmd_call *call, const struct publish_conf *conf);

#endif
