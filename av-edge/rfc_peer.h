/* The handlers of CreatePermission, ChannelBind and Send (RFC 8656 sections
 * 10.2, 12.2, 11.2). */
#ifndef AV_EDGE_RFC_PEER_H
#define AV_EDGE_RFC_PEER_H

#include "av-edge/rfc_ask.h"

void rfc_peer_on_permission(struct rfc_ask *ask);
void rfc_peer_on_channel(struct rfc_ask *ask);
/* An indication: never answered. */
void rfc_peer_on_send(struct rfc_ask *ask);

#endif
