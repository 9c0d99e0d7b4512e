/*
 * Are the daemons well with the generation they were given? A pure state
 * machine, fed with what each says of itself (replication protocol B5.7).
 */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* No answer for so long, and it counts as crashed. */
#define WATCH_SILENCE_MS 10000
/* Restarts in the time of watching that are one too many. */
#define WATCH_RESTARTS 2u

struct watch_seat {
	bool is_watched; /* it ran when the generation came */
	bool has_taken;  /* reports the new version */
	pid_t pid;       /* 0 = not heard yet */
	unsigned restarts;
	struct mono heard;
};

struct watch {
	bool is_on;
	struct mono until;
	struct watch_seat seats[CONF_DAEMON_COUNT];
};

enum watch_verdict {
	WATCH_OFF,
	WATCH_WAITING,   /* somebody does not report the version yet */
	WATCH_CONFIRMED, /* all do; still looked at until the time is over */
	WATCH_OVER,      /* the time is over, and all is well */
	WATCH_FAILED,
};

void watch_start(struct watch *w, const bool watched[CONF_DAEMON_COUNT],
	struct mono now, int64_t confirm_ms);
/* A daemon answered; pid is its own. */
void watch_hear(struct watch *w, enum conf_daemon daemon, pid_t pid,
	bool has_taken, struct mono now);
void watch_stop(struct watch *w);
/* why: who, and what is wrong, when it failed. */
enum watch_verdict watch_judge(const struct watch *w, struct mono now,
	struct why *why);

#endif
