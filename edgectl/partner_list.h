/*
 * The current topology with one partner more, less or other than before.
 */
#ifndef EDGECTL_PARTNER_LIST_H
#define EDGECTL_PARTNER_LIST_H

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/store/topology_yaml.h"

enum partner_list_act {
	PARTNER_LIST_ALLOW,
	PARTNER_LIST_BLOCK,
	PARTNER_LIST_REMOVE,
};

struct partner_list_entry {
	const char *domain; /* or "*.domain" */
	const char *edge;   /* allow: "name" or "name:port", NULL = by DNS */
	const char *verification; /* allow: NULL = as the partner says */
	const char *note;         /* allow: or NULL */
};

/* -ENOENT: there is no topology yet. EDGE_ECONFIG: what is asked for is
 * none. The caller frees *out. */
EDGE_MUST int partner_list_edit(struct topology_yaml **out,
	const struct conf *conf, enum partner_list_act act,
	const struct partner_list_entry *entry, struct why *why);

#endif
