/*
 * Who may be connected, and for how long: connections are let in, or ended,
 * here.
 */
#ifndef ACCESS_EDGE_DOORMAN_H
#define ACCESS_EDGE_DOORMAN_H

#include "access-edge/edge.h"
#include "access-edge/session.h"

/* It has shaken hands. */
void doorman_on_ready(struct edge *edge, struct session *s);
/* A revocation list came, or could not be had: who is here may be on it, who
 * waits may go on or has to go. */
void doorman_on_crl(struct edge *edge);
/* Who is here follows the new topology, or goes. */
void doorman_follow(struct edge *edge);
/* Certificates were swapped, and with them perhaps who is trusted: who is here
 * by an authority that is not any more goes. */
void doorman_review(struct edge *edge);

#endif
