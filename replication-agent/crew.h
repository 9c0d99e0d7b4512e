/*
 * The daemons of this machine, asked over their control buses: blocking, so
 * for the worker only.
 */
#ifndef AGENT_CREW_H
#define AGENT_CREW_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

struct crew_report {
	bool has_answered;
	bool has_refused; /* then text says why */
	pid_t pid;        /* of crew_look */
	char version[64]; /* generation it runs, of crew_look; "" = unknown */
	char state[16];   /* "serving" ... */
	char text[WHY_LEN];
};

struct crew {
	struct crew_report rows[CONF_DAEMON_COUNT];
};

/* May each take the generation file at path? timeout_ms each. A daemon that
 * does not run is not asked and has not answered. */
void crew_check(struct crew *out, const struct conf *conf, const char *path,
	int timeout_ms);
/* Take what is current now. */
void crew_reload(struct crew *out, const struct conf *conf, int timeout_ms);
/* Who runs, with what? */
void crew_look(struct crew *out, const struct conf *conf, int timeout_ms);

/* The first refusal into why: EDGE_EREFUSED. */
EDGE_MUST int crew_judge(const struct crew *crew, struct why *why);
/* [{"name", "state", "version_running", "text"}], the caller's. */
json_t *crew_json(const struct crew *crew);

#endif
