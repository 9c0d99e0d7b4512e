/*
 * The life of a daemon is one function called with one table:
 *
 *	int main(int argc, char **argv)
 *	{
 *		return daemon_run(&av_auth_spec, argc, argv);
 *	}
 *
 * parse options and edge.yaml -> open the store -> start() binds, with
 * rights -> drop rights -> ready() -> loop (bus, reload, certificates,
 * watchdog) -> drain -> stop() -> leak report.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/counter.h"
#include "common/base/why.h"
#include "common/bus/bus_route.h"
#include "common/daemon/recall.h"
#include "common/net/tls.h"
#include "common/run/conf.h"
#include "common/run/loop.h"
#include "common/run/sandbox.h"
#include "common/store/topology.h"

struct rights;

struct daemon;

/* One listener as status and `edgectl ports` show it. */
struct daemon_port {
	enum topology_usage usage;
	enum topology_side side;
	struct addr address;
	const char *protocol; /* "sip/tls", "turn/udp" */
	char device[16];      /* "" = not bound to one */
	bool is_open;
	uint64_t open_count;  /* connections or allocations */
};

struct daemon_spec {
	enum conf_daemon id;
	const char *summary; /* for --help */
	const struct counter_def *counters;
	size_t counter_count;
	const struct bus_route *routes; /* own nouns; common ones are added */
	size_t route_count;
	bool may_bind_low; /* ports below 1024 may be asked for later */
	const char *alpn;  /* told in TLS; NULL = none */
	unsigned needs;    /* system calls beyond the common ones */
	bool writes_topology; /* the agent: may change the store */

	/* With rights, before the store is opened: mend it. Who has this
	 * starts without a generation when there is none (topology_bare).
	 * May be NULL; not called for --check. */
	int (*prepare)(const struct conf *conf, struct why *why);

	/* With rights: make *state, bind every listener of the topology. A
	 * listener that can't open is fatal (requirement R8). */
	int (*start)(struct daemon *d, void **state, struct why *why);
	/* Rights are gone: start threads, accept, connect. */
	int (*ready)(void *state, struct why *why);
	/* Could this generation be taken? Changes nothing. state is NULL
	 * when `--check` asks. */
	int (*check)(void *state, const struct topology *next,
		struct why *why);
	/* Take it: next is borrowed, topology_ref() keeps it. On failure the
	 * old one is still in force, whole. */
	int (*apply)(void *state, struct topology *next, struct why *why);
	/* Certificates were swapped: new connections use the new ones. May
	 * be NULL. */
	void (*certs)(void *state);
	/* Fill in the listeners; returns how many (up to cap). */
	size_t (*ports)(void *state, struct daemon_port *out, size_t cap);
	/* Add own facts to the status object. May be NULL. */
	void (*status)(void *state, json_t *status);
	/* Bring counters up to date before they are printed (shards). May be
	 * NULL. */
	void (*counted)(void *state);
	/* Stop taking new work (on) or take it again (off). */
	void (*drain)(void *state, bool on);
	/* The deadline of a drain is over and sessions are left: end them
	 * in order. NULL: they go on. */
	void (*expire)(void *state);
	/* Sessions still alive; drain ends when 0. */
	size_t (*busy)(void *state);
	/* Undo everything; state may be half built. Accepts NULL. */
	void (*stop)(void *state);
};

/* Options: -c FILE (edge.yaml), --check, --log-level L, --version, --help.
 * Returns the process's exit status: 0, 1 failed, 2 usage or configuration. */
int daemon_run(const struct daemon_spec *spec, int argc, char **argv);

/* What a daemon may ask of its life, all borrowed. */
struct loop *daemon_loop(struct daemon *d);
const struct conf *daemon_conf(const struct daemon *d);
/* The snapshot in force; take a reference to keep it. */
struct topology *daemon_topology(struct daemon *d);
struct counters *daemon_counters(struct daemon *d);
/* What `edgectl explain` asks; for refusals and ends, from any thread. */
struct recall *daemon_recall(const struct daemon *d);
/* The watched context for a use and role, made on first call (in start or
 * apply) and watched from then on. EDGE_ETLS with the file in why. */
EDGE_MUST int daemon_tls(struct daemon *d, enum conf_use use,
	enum tls_role role, enum tls_verify verify, struct tls_watch **out,
	struct why *why);
/* Who we are and were at the start; is_root: root started us. */
const struct rights *daemon_rights(const struct daemon *d);
/* "<state_dir>/<daemon>" */
const char *daemon_state_dir(const struct daemon *d);
/* Until the deadline of the drain that is going on; 0 when there is none. */
int64_t daemon_drain_left_ms(const struct daemon *d);
/* An event for /v1/events and the log in one: as log_event at notice. */
void daemon_event(struct daemon *d, const char *event, const char *fmt, ...)
	EDGE_PRINTF(3, 4);

#endif
