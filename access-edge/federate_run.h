/*
 * One decision about what passes between organisations, while it is made.
 * For federate.c, which has the orders, and federate_kind.c.
 */
#ifndef ACCESS_EDGE_FEDERATE_RUN_H
#define ACCESS_EDGE_FEDERATE_RUN_H

#include "access-edge/federate.h"
#include "common/base/attr.h"

struct federate_run {
	const struct policy *policy;
	const struct federate_in *in;   /* inbound, or */
	const struct federate_out *out; /* outbound */
	const struct discover_answer *srv;
	const struct topology_partner *entry;
	struct federate_plan *plan;
	enum federate_step step;
	bool is_settled;
	bool is_last_chance; /* nothing but a provider can make it good */
};

/* The finding of the step that is being made; returns result. */
enum federate_result run_say(struct federate_run *r,
	enum federate_result result, const char *fmt, ...) EDGE_PRINTF(3, 4);
/* A refusal: what servers inside are told, and which line decided. Peers
 * outside get 504 and no word more. */
enum federate_result run_refuse(struct federate_run *r,
	unsigned status, enum diag_id diag, const char *setting,
	const char *cause, const char *fmt, ...) EDGE_PRINTF(6, 7);

/* Steps that settle which kind of partner it is (federate_kind.c). */
enum federate_result federate_kind_default_route(struct federate_run *r);
enum federate_result federate_kind_provider(struct federate_run *r);
enum federate_result federate_kind_direct(struct federate_run *r);
enum federate_result federate_kind_listed(struct federate_run *r);
enum federate_result federate_kind_could_name(struct federate_run *r);
enum federate_result federate_kind_srv(struct federate_run *r);
enum federate_result federate_kind_parent(struct federate_run *r);
enum federate_result federate_kind_name(struct federate_run *r);
enum federate_result federate_kind_plan(struct federate_run *r);

#endif
