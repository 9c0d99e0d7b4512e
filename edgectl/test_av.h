/* edgectl test av: every way to the relay, on both sides, tried. */
#ifndef EDGECTL_TEST_AV_H
#define EDGECTL_TEST_AV_H

#include "edgectl/cmd.h"

#define TEST_AV_OPTION_COUNT 12
extern const struct cmd_option TEST_AV_OPTIONS[TEST_AV_OPTION_COUNT];

/* Prints the report; returns the exit status. */
int test_av_run(struct cmd_call *call);

#endif
