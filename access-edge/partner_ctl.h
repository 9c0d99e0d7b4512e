/*
 * Bus routes about other organisations: who they are, what was decided about
 * them last and why, what is held against them
 * (docs/protocol/control-bus.md).
 */
#ifndef ACCESS_EDGE_PARTNER_CTL_H
#define ACCESS_EDGE_PARTNER_CTL_H

#include "common/bus/bus_route.h"

/* state: struct access_edge */
void partner_ctl_list(struct bus_request *req, void *state);
void partner_ctl_show(struct bus_request *req, void *state);
void partner_ctl_forget(struct bus_request *req, void *state);
void partner_ctl_test(struct bus_request *req, void *state);

#endif
