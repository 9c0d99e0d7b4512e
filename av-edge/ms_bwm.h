/*
 * [MS-TURNBWM]: clients under call admission control ask, inside Allocate,
 * whether their bandwidth is granted. A relay that takes no part in it
 * leaves these attributes alone; one that is told to says yes to all of it.
 */
#ifndef AV_EDGE_MS_BWM_H
#define AV_EDGE_MS_BWM_H

#include "common/stun/stun_msg.h"

/* Into the answer of this Allocate, if it is a Reservation Check: what was
 * asked for is granted, at every site that the request names. */
void ms_bwm_grant(struct stun_writer *w, const struct stun_msg *m);

#endif
