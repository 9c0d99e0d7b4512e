/* `edgectl publish key`: the keys whose signatures edges believe. */
#ifndef EDGECTL_PUBLISH_KEY_COMMAND_H
#define EDGECTL_PUBLISH_KEY_COMMAND_H

#include "edgectl/cmd.h"

int key_command(struct cmd_call *call);

#endif
