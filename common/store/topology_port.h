/*
 * The ports of an edge pool as one table (topology-model, ports of an
 * EdgeServer service): what a row of `endpoint` says, which listener it is
 * for us, where a person writes it, what administrators call it. The store,
 * topology.yaml, the checks and `edgectl topology show` read it.
 */
#ifndef STORE_TOPOLOGY_PORT_H
#define STORE_TOPOLOGY_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/topology.h"

/* Part of a pool that a port belongs to; a part left out is not run. */
enum topology_part {
	TOPOLOGY_PART_ACCESS,
	TOPOLOGY_PART_WEBCONF,
	TOPOLOGY_PART_AV,
	TOPOLOGY_PART_ALWAYS,
};

/* Parts with an external address, in the order of their interfaces. */
#define TOPOLOGY_PART_COUNT 3

struct topology_port {
	enum topology_usage usage;
	enum topology_side side;
	enum topology_part part;
	const char *key; /* external: of the part; internal: internal_ports */
	uint16_t port;   /* default */
	/* columns of endpoint */
	const char *role;
	const char *component;
	const char *usage_name;
	const char *transport;
	bool authorizes;
	const char *gruu_type; /* or NULL */
	/* who may connect, for check 7 */
	bool needs_grant;
	enum topology_grant grant;
	const char *admin_name; /* "AccessEdgeClientSipPort" */
};

/* The relay range: no listener, so no row of the table. */
#define TOPOLOGY_MEDIA_COMPONENT "MediaRelayEdge"
#define TOPOLOGY_MEDIA_USAGE     "MediaCommunication"
#define TOPOLOGY_MEDIA_PORT      50000
#define TOPOLOGY_MEDIA_COUNT     10000

size_t topology_port_count(void);
const struct topology_port *topology_port_at(size_t i);
/* The row for columns of the store, or NULL: kept, never bound. */
const struct topology_port *topology_port_find(const char *component,
	const char *usage, const char *side, const char *transport);

/* "access", "webconf", "av" */
const char *topology_part_name(enum topology_part part);
/* "sip", "av-auth", "webconf", "replication" */
const char *topology_grant_name(enum topology_grant grant);
bool topology_grant_parse(const char *name, enum topology_grant *out);

#endif
