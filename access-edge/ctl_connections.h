/*
 * Bus routes over SIP connections: list, narrow, end.
 */
#ifndef ACCESS_EDGE_CTL_CONNECTIONS_H
#define ACCESS_EDGE_CTL_CONNECTIONS_H

#include "access-edge/ctl.h"

void ctl_get_connections(struct bus_request *req, void *state);
void ctl_close_connections(struct bus_request *req, void *state);
/* By its number as text; NULL when there is none. */
struct session *ctl_connection_find(const struct access_edge *a,
	const char *cid);

#endif
