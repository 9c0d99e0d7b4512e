/*
 * The bandwidth an allocation has left: bounded for its port and for its
 * user (MaxBandwidthPerPortKb, MaxBandwidthPerUserKb), each direction by
 * itself. An allocation draws a few kilobytes at a time from both budgets
 * and spends them packet by packet, so that the data path compares two
 * numbers of its own and takes no lock.
 */
#ifndef AV_EDGE_ALLOWANCE_H
#define AV_EDGE_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "av-edge/turn.h"

/* Draw anew for a datagram that what is left is too little for. */
bool allowance_draw(struct turn *t, struct alloc *a, enum quota_way way,
	size_t len);

/* May a carry so many bytes of payload? Then they are spent. */
static inline bool allowance_take(struct turn *t, struct alloc *a,
	enum quota_way way, size_t len)
{
	if (len > a->credit[way])
		return allowance_draw(t, a, way, len);
	a->credit[way] -= (uint32_t)len;
	return true;
}

#endif
