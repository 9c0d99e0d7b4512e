/*
 * Connections that have proved nothing yet, when they become many (threat
 * S8). Who means it is done in a fraction of a second; who has been silent
 * the longest makes room. Pure.
 */
#ifndef WEBCONF_EDGE_CROWD_H
#define WEBCONF_EDGE_CROWD_H

#include <stddef.h>
#include <stdint.h>

/* For each that comes, so that their number falls; and so many are looked
 * at for it. */
#define CROWD_THIN_OUT 2
#define CROWD_LOOK     64u

/* With so many of most places taken: after this time one may be sent away.
 * -1: there is no crowd. */
int64_t crowd_time_ms(size_t taken, size_t most);

#endif
