/*
 * The last decision about each domain, either way, with every step: what
 * `edgectl partners show` prints. Bounded; the domain heard of least lately
 * makes room.
 */
#ifndef ACCESS_EDGE_DECISIONS_H
#define ACCESS_EDGE_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "access-edge/federate.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/map.h"

enum decision_way {
	DECISION_IN,
	DECISION_OUT,
	DECISION_WAYS,
};
const char *decision_way_name(enum decision_way way);

/* One way of one domain. */
struct decision {
	struct wall at; /* 0 = there was none */
	bool passed;
	enum partner_kind kind;
	enum partner_level level;
	char server[DNS_NAME_LEN];
	char call_id[128];
	unsigned status; /* what the asker got; 0 = it went on */
	struct federate_report report;
	uint64_t passed_count;
	uint64_t refused_count;
};

struct decision_domain {
	struct map_node node;
	struct list by_use; /* heard of least lately first */
	char name[DNS_NAME_LEN];
	struct decision ways[DECISION_WAYS];
};

struct decisions {
	struct map by_name;
	struct list by_use;
};

EDGE_MUST int decisions_init(struct decisions *d);
void decisions_fini(struct decisions *d);

/* status: what the asker got, 0 when the request went on. */
void decisions_note(struct decisions *d, enum decision_way way,
	const struct federate_plan *plan, unsigned status, struct str call_id,
	struct wall now);
const struct decision_domain *decisions_find(const struct decisions *d,
	struct str domain);
/* Of a domain, or of all below one (partner_pattern_take). */
void decisions_forget(struct decisions *d, struct str what);

#endif
