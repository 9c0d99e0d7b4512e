/* edgectl test federated-partner: the way of a request to another
 * organisation, walked by access-edge, told step by step. */
#ifndef EDGECTL_TEST_PARTNER_H
#define EDGECTL_TEST_PARTNER_H

#include "edgectl/cmd.h"

/* Prints the report; returns the exit status. */
int test_partner_run(struct cmd_call *call);

#endif
