/*
 * One daemon under the supervisor: start with its two bus sockets handed
 * over, wait for READY=1, look after the watchdog, start again when it ends
 * (backoff.h), stop. Knows nothing of configuration.
 */
#ifndef EDGECTL_CHILD_H
#define EDGECTL_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/loop.h"

struct child;

enum child_state {
	CHILD_IDLE,     /* not started, or stopped for good */
	CHILD_STARTING, /* runs, READY=1 is awaited */
	CHILD_READY,
	CHILD_WAITING,  /* ended; starts again when the timer fires */
	CHILD_STOPPING, /* told to end */
};

/* Something changed; ask child_state(). Called from the loop. */
typedef void(child_cb)(struct child *c, void *arg);

struct child_spec {
	const char *name;        /* borrowed: "av-edge" */
	const char *path;        /* of the program; copied */
	const char *conf_path;   /* handed over as -c; copied */
	const char *log_level;   /* or NULL */
	const char *notify_path; /* of the socket for sd_notify(3); copied */
	int bus_fd;              /* borrowed: they stay open over restarts */
	int admin_fd;
};

EDGE_MUST int child_new(struct child **out, struct loop *loop,
	const struct child_spec *spec, child_cb *cb, void *arg,
	struct why *why);
/* The process must have ended. Accepts NULL. */
void child_free(struct child *c);

/* Start now. On failure the back-off has been armed. */
void child_start(struct child *c);
/* SIGTERM, and SIGKILL after grace_ms. Idle ones stay idle. */
void child_stop(struct child *c, int64_t grace_ms);
/* SIGHUP to a running one. */
void child_reload(struct child *c);
/* The process pid has ended with this wait status. */
void child_ended(struct child *c, int status);

enum child_state child_state(const struct child *c);
const char *child_name(const struct child *c);
pid_t child_pid(const struct child *c); /* -1 = not running */
unsigned child_restarts(const struct child *c);
/* It ended before it was ready even once. */
bool child_is_stillborn(const struct child *c);

#endif
