/*
 * A daemon that the topology gives this machine nothing to do: it is there,
 * answers for itself and takes generations, without a port, a certificate or
 * work of its own. When a generation has something for it, it ends to be
 * started anew, with the rights that opening ports needs.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/daemon/daemon_life.h"
#include "common/run/ready.h"

/* Who brought the generation hears the answer before we go. */
#define ANSWER_MS 200

struct rest {
	struct daemon *daemon;            /* borrowed */
	const struct daemon_spec *worker; /* what it is when it works */
};

static bool has_work(const struct daemon_spec *spec,
	const struct topology *topology)
{
	return topology_needs(topology, conf_daemon_name(spec->id));
}

static int rest_start(struct daemon *d, void **state, struct why *why)
{
	struct rest *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	r->daemon = d;
	r->worker = d->worker;
	*state = r;
	return 0;
}

/* With all that it must find when it starts anew. */
static int rest_check(void *state, const struct topology *next,
	struct why *why)
{
	const struct rest *r = state;
	int err;

	if (r == NULL || !has_work(r->worker, next))
		return 0;
	err = r->worker->check(NULL, next, why);
	return err == 0 ? daemon_certs_check(r->daemon, why) : err;
}

static int rest_apply(void *state, struct topology *next, struct why *why)
{
	const struct rest *r = state;

	(void)why;
	if (!has_work(r->worker, next))
		return 0;
	log_notice("daemon.called", "hint=%s", ready_has_manager() ?
		"\"there is work now, started anew\"" :
		"\"there is work now; nobody manages it: start it again\"");
	daemon_drain(r->daemon, DAEMON_STOPPING, 0);
	loop_timer_start(r->daemon->drain_timer, ANSWER_MS);
	return 0;
}

static void rest_stop(void *state)
{
	free(state);
}

/* An agent without a generation waits for its first one: that is work. */
bool daemon_may_rest(const struct daemon *d)
{
	return d->spec->prepare == NULL && !has_work(d->spec, d->topology);
}

void daemon_rest(struct daemon *d)
{
	d->worker = d->spec;
	d->resting = (struct daemon_spec){
		.id = d->spec->id,
		.summary = d->spec->summary,
		.counters = d->spec->counters,
		.counter_count = d->spec->counter_count,
		/* A manager that gives us this right keeps us from dropping
		 * it. */
		.may_bind_low = d->spec->may_bind_low,
		.needs = d->spec->needs,
		.start = rest_start,
		.check = rest_check,
		.apply = rest_apply,
		.stop = rest_stop,
	};
	d->spec = &d->resting;
}
