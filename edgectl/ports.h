/*
 * The port table of the five services: what the topology expects, what the
 * daemons say, what the kernel shows. The three are given.
 */
#ifndef EDGECTL_PORTS_H
#define EDGECTL_PORTS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/net/port_owner.h"
#include "common/store/topology.h"
#include "edgectl/daemons.h"

/* Service names as the administrator of the original knows them. */
struct ports_service {
	enum conf_daemon daemon;
	const char *service;  /* "Access Edge" */
	const char *original; /* "RTCSRV" */
};
extern const struct ports_service PORTS_SERVICES[CONF_DAEMON_COUNT];
const char *ports_service_name(enum conf_daemon daemon);

/* Looks up who holds a port; port_owner_find() but in tests. */
typedef int(ports_owner_fn)(const struct addr *address, bool is_udp,
	struct port_owner *out);

/*
 * {"ok", "ports": [{service, daemon, side, address, port, transport,
 * protocol, device, expected, state, pid, process, connections, note}]}.
 * state: open, on-demand, closed, down (the daemon does not run), taken
 * (somebody else has it), absent (no service of this version behind it),
 * unset (the topology has no such service). ok: none is closed, down or
 * taken. topology may be NULL.
 */
json_t *ports_table(const struct topology *topology,
	const struct daemons *daemons, ports_owner_fn *owner);

/* "SIP/TLS" of a usage, and whether it is UDP. */
const char *ports_protocol(enum topology_usage usage);
bool ports_is_udp(enum topology_usage usage);

#endif
