/* One line for each cmd_<noun>.c. */
#ifndef EDGECTL_COMMANDS_H
#define EDGECTL_COMMANDS_H

#include "edgectl/cmd.h"

extern const struct cmd cmd_version;

#endif
