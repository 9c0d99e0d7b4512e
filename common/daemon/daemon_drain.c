/*
 * Taking no more work, for a while or for good. Drained over the bus a
 * daemon keeps what it has and can be resumed; stopped by a signal it ends
 * when the last session is gone or the short grace is over.
 */
#include "common/daemon/daemon_life.h"

#define TICK_MS 50

size_t daemon_busy(const struct daemon *d)
{
	return d->spec->busy != NULL && d->state != NULL
		? d->spec->busy(d->state)
		: 0;
}

int64_t daemon_drain_left_ms(const struct daemon *d)
{
	const int64_t left_ms = mono_since_ms(loop_now(d->loop),
		d->drain_deadline);

	return left_ms > 0 ? left_ms : 0;
}

static void set_phase(struct daemon *d, enum daemon_phase phase)
{
	const char *from = daemon_phase_name(d);

	if (d->phase == phase)
		return;
	d->phase = phase;
	daemon_event(d, "daemon.changed", "from=%s to=%s sessions=%zu", from,
		daemon_phase_name(d), daemon_busy(d));
}

void daemon_drain(struct daemon *d, enum daemon_phase phase,
	int64_t deadline_ms)
{
	d->drain_deadline = mono_after_ms(loop_now(d->loop), deadline_ms);
	if (d->phase == DAEMON_SERVING && d->spec->drain != NULL)
		d->spec->drain(d->state, true);
	set_phase(d, phase);
	loop_timer_start(d->drain_timer, 0);
}

void daemon_resume(struct daemon *d)
{
	if (d->phase != DAEMON_DRAINING)
		return;
	loop_timer_stop(d->drain_timer);
	if (d->spec->drain != NULL)
		d->spec->drain(d->state, false);
	set_phase(d, DAEMON_SERVING);
}

void daemon_drain_tick(struct daemon *d)
{
	const size_t left = daemon_busy(d);

	if (left > 0 && !mono_is_past(d->drain_deadline, loop_now(d->loop))) {
		loop_timer_start(d->drain_timer, TICK_MS);
		return;
	}
	daemon_event(d, "daemon.drained", "sessions=%zu", left);
	/* A topology that drains a machine sets no deadline: calls go on. */
	if (left > 0 && d->phase == DAEMON_DRAINING &&
		!d->is_drained_by_topology && d->spec->expire != NULL)
		d->spec->expire(d->state);
	if (d->phase == DAEMON_STOPPING)
		loop_stop(d->loop);
}

void daemon_follow_state(struct daemon *d)
{
	if (d->phase != DAEMON_SERVING && d->phase != DAEMON_DRAINING)
		return;
	/* Who brings topologies must hear when the rest is over. */
	if (d->spec->writes_topology)
		return;
	if (d->topology->state == TOPOLOGY_ACTIVE) {
		if (d->is_drained_by_topology)
			daemon_resume(d);
		d->is_drained_by_topology = false;
	} else if (!d->is_drained_by_topology) {
		d->is_drained_by_topology = true;
		daemon_drain(d, DAEMON_DRAINING, 0);
	}
}
