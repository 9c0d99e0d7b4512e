/*
 * The watch over a fresh generation: versions reported, restarts counted,
 * silence timed. Who asks the daemons, and what follows from a verdict, is
 * activate.c's affair. R29: a generation that makes a daemon crash is taken
 * back, not tried for ever.
 */
#include "replication-agent/watch.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"

void watch_start(struct watch *w, const bool watched[CONF_DAEMON_COUNT],
	struct mono now, int64_t confirm_ms)
{
	memset(w, 0, sizeof(*w));
	w->is_on = true;
	w->until = mono_after_ms(now, confirm_ms);
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		w->seats[i].is_watched = watched[i];
		w->seats[i].heard = now;
	}
}

void watch_hear(struct watch *w, enum conf_daemon daemon, pid_t pid,
	bool has_taken, struct mono now)
{
	struct watch_seat *seat = &w->seats[daemon];

	if (seat->pid != 0 && seat->pid != pid)
		seat->restarts++;
	seat->pid = pid;
	seat->has_taken = has_taken;
	seat->heard = now;
}

void watch_stop(struct watch *w)
{
	w->is_on = false;
}

static int judge_seat(const struct watch_seat *seat, const char *name,
	struct mono now, struct why *why)
{
	if (seat->restarts >= WATCH_RESTARTS)
		return why_set(why, EDGE_EPEER,
			"%s was restarted %u times since", name,
			seat->restarts);
	if (mono_since_ms(seat->heard, now) > WATCH_SILENCE_MS)
		return why_set(why, EDGE_EPEER,
			"%s has not answered for %d seconds", name,
			WATCH_SILENCE_MS / 1000);
	return 0;
}

enum watch_verdict watch_judge(const struct watch *w, struct mono now,
	struct why *why)
{
	const char *waiting = NULL;

	if (!w->is_on)
		return WATCH_OFF;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		const struct watch_seat *seat = &w->seats[i];
		const char *name = conf_daemon_name((enum conf_daemon)i);

		if (!seat->is_watched)
			continue;
		if (judge_seat(seat, name, now, why) < 0)
			return WATCH_FAILED;
		if (!seat->has_taken)
			waiting = name;
	}
	if (!mono_is_past(w->until, now))
		return waiting != NULL ? WATCH_WAITING : WATCH_CONFIRMED;
	if (waiting == NULL)
		return WATCH_OVER;
	why_set(why, -ETIMEDOUT, "%s does not report the new generation",
		waiting);
	return WATCH_FAILED;
}
