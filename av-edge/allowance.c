/*
 * Drawing on the budgets of a port and of its user. What is drawn and not
 * spent stays with the allocation: a user is over its budget by CHUNK for
 * each of its allocations at most, and not for long.
 */
#include "av-edge/allowance.h"

#define CHUNK 8192

bool allowance_draw(struct turn *t, struct alloc *a, enum quota_way way,
	size_t len)
{
	size_t wanted = len - a->credit[way] + CHUNK;
	int64_t spent_us = a->spent_us[way];

	/* From both or from neither. */
	if (!quota_spend(&spent_us, wanted, t->rules->port_kbps, t->now) ||
	    !quota_may_carry(t->shared->quota, a->place, way, wanted,
		    t->rules->user_kbps, t->now))
		return false;
	a->spent_us[way] = spent_us;
	a->credit[way] = CHUNK;
	return true;
}
