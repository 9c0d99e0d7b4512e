/*
 * The bandwidth an allocation has left: bounded for its port and for its
 * user (MaxBandwidthPerPortKb, MaxBandwidthPerUserKb), each direction by
 * itself. An allocation draws a few kilobytes at a time from both budgets
 * and spends them packet by packet, so that the data path compares two
 * numbers of its own and takes no lock. A packet costs what it is on the wire
 * of the relay port: without its headers, empty ones would be free.
 */
#ifndef AV_EDGE_ALLOWANCE_H
#define AV_EDGE_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "av-edge/turn.h"

#define ALLOWANCE_HEAD_V4 28 /* IP and UDP */
#define ALLOWANCE_HEAD_V6 48

/* Draw anew for so many bytes that what is left is too little for. */
bool allowance_draw(struct turn *t, struct alloc *a, enum quota_way way,
	size_t len);

/* What one packet with that much payload costs. Over TCP nobody sees the
 * packets: a frame counts as one, or a piece as it was read. */
static inline size_t allowance_price(const struct alloc *a, size_t payload_len)
{
	return payload_len + (a->family == 6 ? ALLOWANCE_HEAD_V6 :
					       ALLOWANCE_HEAD_V4);
}

/* May a carry so many bytes? Then they are spent. */
static inline bool allowance_spend(struct turn *t, struct alloc *a,
	enum quota_way way, size_t len)
{
	if (len > a->credit[way])
		return allowance_draw(t, a, way, len);
	a->credit[way] -= (uint32_t)len;
	return true;
}

/* May a carry a packet with that much payload? Then it is spent. */
static inline bool allowance_take(struct turn *t, struct alloc *a,
	enum quota_way way, size_t payload_len)
{
	return allowance_spend(t, a, way, allowance_price(a, payload_len));
}

#endif
