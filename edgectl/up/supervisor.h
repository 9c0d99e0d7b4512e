/*
 * The foreground supervisor behind `edgectl up` (decision D13): the daemons
 * of this machine as children, their bus sockets held open over restarts,
 * one readiness for all of them, one orderly stop. For the demo, tests and
 * containers; systemd does the same job in production.
 */
#ifndef EDGECTL_SUPERVISOR_H
#define EDGECTL_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

struct supervisor;

struct supervisor_spec {
	const struct conf *conf;     /* borrowed */
	const bool *wanted;          /* by enum conf_daemon */
	const char *log_level;       /* for the daemons, or NULL */
	void (*on_ready)(void *arg); /* every daemon is ready, once */
	void *arg;
};

/* Takes the lock of the run directory and binds the bus sockets. */
EDGE_MUST int supervisor_new(struct supervisor **out,
	const struct supervisor_spec *spec, struct why *why);
/* Until SIGTERM or SIGINT. 0, or the error when a daemon can't be started
 * at all (then the others were stopped again). */
EDGE_MUST int supervisor_run(struct supervisor *s, struct why *why);
void supervisor_free(struct supervisor *s); /* accepts NULL */

#endif
