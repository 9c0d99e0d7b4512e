/*
 * What the daemons of this machine say of themselves over the control bus:
 * asked one after the other, each with a deadline.
 */
#ifndef EDGECTL_DAEMONS_H
#define EDGECTL_DAEMONS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

#define DAEMONS_TIMEOUT_MS 3000

struct daemons {
	json_t *status[CONF_DAEMON_COUNT]; /* owned; NULL = no answer */
	int err[CONF_DAEMON_COUNT];        /* then: why not */
	struct why why[CONF_DAEMON_COUNT];
	bool is_installed[CONF_DAEMON_COUNT]; /* its program is there */
};

/* Ask all of them for /v1/status, and look for their programs. */
void daemons_ask(struct daemons *d, const struct conf *conf);
void daemons_fini(struct daemons *d);

/* One question to one daemon; body NULL = GET. Answers that are not 2xx
 * come back as errors with the daemon's own text in why. *reply is the
 * caller's. */
EDGE_MUST int daemons_call(const struct conf *conf, enum conf_daemon daemon,
	const char *path, const json_t *body, json_t **reply, struct why *why);

/* The same for what takes its time. */
EDGE_MUST int daemons_call_within(const struct conf *conf,
	enum conf_daemon daemon, const char *path, const json_t *body,
	int timeout_ms, json_t **reply, struct why *why);

/* Path of a daemon's program: beside our own, in PATH, in the usual places.
 * -ENOENT. */
EDGE_MUST int daemons_find_program(enum conf_daemon daemon, char *out,
	size_t cap);

#endif
