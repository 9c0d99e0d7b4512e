/* All connections of conferencing servers. */
#ifndef WEBCONF_EDGE_LINKS_H
#define WEBCONF_EDGE_LINKS_H

#include "webconf-edge/webconf_edge.h"

/* Do all connections still have the right? Those without end, and with them
 * all of their server. */
void links_review(struct webconf_edge *e);
/* Threat S8: who has proved nothing makes room, when they are many. */
void links_thin_out(struct webconf_edge *e);
/* Those that came in by this port and are in no relay. */
size_t links_open(const struct webconf_edge *e, uint32_t port_id);
/* Channels of all links. */
size_t links_channels(const struct webconf_edge *e);
/* DRAIN over all control connections; grace_s 0 with on = false: resumed,
 * told by a new SRV_REGISTERED. */
void links_drain(struct webconf_edge *e, bool on, uint32_t grace_s);
/* A server's slots and control connections, at once; with them the server
 * itself, unless a session is left. */
void links_drop(struct webconf_edge *e, const struct server *server);

#endif
