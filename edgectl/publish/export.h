/* `edgectl publish export`. */
#ifndef EDGECTL_PUBLISH_EXPORT_H
#define EDGECTL_PUBLISH_EXPORT_H

#include "edgectl/cmd.h"

/* Its exit status. */
int export_command(struct cmd_call *call);

#endif
