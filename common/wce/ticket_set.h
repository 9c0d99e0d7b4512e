/*
 * Ids of tickets that were used or revoked, each kept until its ticket is
 * over anyway. Bounded: when full it says so, and forgets no live id.
 */
#ifndef WCE_TICKET_SET_H
#define WCE_TICKET_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/wce/ticket.h"

struct ticket_set;

EDGE_MUST int ticket_set_new(struct ticket_set **out, size_t max);
void ticket_set_free(struct ticket_set *set); /* accepts NULL */
/* As many from now on. Where there are more already, none is forgotten, and
 * none comes in until enough of them are over. */
void ticket_set_limit(struct ticket_set *set, size_t max);
/* 0 = is in now, -EEXIST = was in already, EDGE_EBUSY = full, -ENOMEM. An
 * id with an `until` in the past is gone at some later moment. */
EDGE_MUST int ticket_set_add(struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN], struct wall until,
	struct wall now);
/* As if it had never been added. */
void ticket_set_remove(struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN]);
bool ticket_set_has(const struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN]);
/* Ids kept now, those that are over but not yet swept included. */
size_t ticket_set_count(const struct ticket_set *set);

#endif
