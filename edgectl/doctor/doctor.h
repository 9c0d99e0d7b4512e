/*
 * What `edgectl doctor` looks at: one room per kind of trouble (requirement
 * R31), each adds findings that say what is so, and what to do about it.
 */
#ifndef EDGECTL_DOCTOR_H
#define EDGECTL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/run/conf.h"
#include "common/store/topology.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

struct doctor {
	const char *conf_path;
	struct conf *conf;         /* owned; NULL when it can't be read */
	struct topology *topology; /* owned; NULL when there is none */
	const char *room;          /* the one being looked at */
	json_t *findings;          /* owned */
	unsigned count[3];         /* by level, the same ones again too */
};

/* Look at everything. {"ok", "failed", "warned", "findings": [...]}, the
 * caller's. NULL only when out of memory. */
json_t *doctor_examine(const char *conf_path);
/* The findings as a person reads them. */
void doctor_text(FILE *to, const json_t *report);

/* Reaching and greeting a next hop, from the listener inside. */
void doctor_hop(struct doctor *d, const struct topology_hop *hop,
	const struct topology_listener *inside);

/* what: the thing looked at; todo: what to do next, NULL when it is fine.
 * The text is the finding. What was found already is not told again. */
void doctor_add(struct doctor *d, enum doctor_level level, const char *what,
	const char *todo, const char *fmt, ...) EDGE_PRINTF(5, 6);

/* The rooms; each works with whatever d has. */
void doctor_config(struct doctor *d);
void doctor_certificates(struct doctor *d);
void doctor_names(struct doctor *d);
void doctor_routes(struct doctor *d);
void doctor_listeners(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_kernel(struct doctor *d);

#endif
