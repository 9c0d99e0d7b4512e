/* One line for each command; each lives in its cmd_<noun>.c. */
#ifndef EDGECTL_COMMANDS_H
#define EDGECTL_COMMANDS_H

#include "edgectl/cmd.h"

extern const struct cmd cmd_init;
extern const struct cmd cmd_up;
extern const struct cmd cmd_status;
extern const struct cmd cmd_ports;
extern const struct cmd cmd_topology;
extern const struct cmd cmd_publish;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_connections;
extern const struct cmd cmd_allocations;
extern const struct cmd cmd_credentials;
extern const struct cmd cmd_webconf;
extern const struct cmd cmd_partners;
extern const struct cmd cmd_explain;
extern const struct cmd cmd_test;
extern const struct cmd cmd_drain;
extern const struct cmd cmd_reload;
extern const struct cmd cmd_replication;
extern const struct cmd cmd_resume;
extern const struct cmd cmd_completion;
extern const struct cmd cmd_help;
extern const struct cmd cmd_version;

#endif
