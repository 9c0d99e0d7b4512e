/*
 * All shards together. Runs in the main thread; what changes inside a
 * running shard is posted to it.
 */
#include "av-edge/relay.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/device.h"
#include "common/net/udp.h"

#define LISTENER_BUFFER (4 * 1024 * 1024)
#define TIMER_SLACK_NS  1000

static unsigned cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static unsigned worker_count(unsigned asked)
{
	unsigned n = asked > 0 ? asked : cpu_count();

	return n > SHARD_MAX ? SHARD_MAX : n;
}

static int make_shards(struct relay *r, unsigned count)
{
	int err;

	for (; r->shard_count < count; r->shard_count++) {
		err = shard_new(&r->shards[r->shard_count], r->shard_count,
			&r->shared, r->rules);
		if (err < 0)
			return err;
	}
	return shard_introduce(r->shards, r->shard_count);
}

int relay_new(struct relay **out, struct rules *rules, unsigned workers)
{
	struct relay *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	/* Short rests must end in time; threads inherit it from here. */
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	err = turn_shared_init(&r->shared, rules->stranger_rate);
	if (err == 0) {
		r->rules = rules_ref(rules);
		err = turn_shared_apply(&r->shared, rules);
	}
	if (err == 0)
		err = make_shards(r, worker_count(workers));
	if (err < 0) {
		relay_free(r);
		return err;
	}
	*out = r;
	return 0;
}

int relay_start(struct relay *r)
{
	unsigned i;
	int err;

	r->is_running = true;
	for (i = 0; i < r->shard_count; i++) {
		err = shard_start(r->shards[i]);
		if (err < 0) {
			relay_stop(r);
			return err;
		}
	}
	return 0;
}

void relay_stop(struct relay *r)
{
	bool was_any;
	unsigned i;

	if (!r->is_running)
		return;
	for (i = 0; i < r->shard_count; i++)
		shard_stop(r->shards[i]);
	r->is_running = false;
	tcp_port_table_stop(&r->tcp_ports);
	/* What was posted and not seen any more owns memory, and what is done
	 * with it may be told to another shard. Nothing is read any more, so
	 * nothing begins that would keep this going. */
	do {
		was_any = false;
		for (i = 0; i < r->shard_count; i++)
			was_any |= shard_settle(r->shards[i]);
	} while (was_any);
}

void relay_free(struct relay *r)
{
	unsigned i;

	if (r == NULL)
		return;
	relay_stop(r);
	tcp_port_table_fini(&r->tcp_ports);
	for (i = 0; i < r->shard_count; i++)
		shard_free(r->shards[i]);
	turn_shared_fini(&r->shared);
	rules_unref(r->rules);
	free(r);
}

/* ---- ports ------------------------------------------------------------- */

struct new_port {
	int fd;
	struct addr address;
	enum topology_side side;
};

static void add_port(struct shard *s, void *arg)
{
	struct new_port *p = arg;

	if (shard_add_listener(s, p->fd, &p->address, p->side) < 0)
		log_error("listener.lost", "shard=%u", s->number);
	free(p);
}

static void close_port(struct shard *s, void *arg)
{
	struct addr *address = arg;

	shard_close_listener(s, address);
	free(address);
}

static int give_port(struct relay *r, struct shard *s, int fd,
	const struct addr *address, enum topology_side side)
{
	struct new_port *p;
	int err;

	if (!r->is_running)
		return shard_add_listener(s, fd, address, side);
	p = malloc(sizeof(*p));
	if (p != NULL) {
		*p = (struct new_port){fd, *address, side};
		err = shard_post(s, add_port, p);
		if (err == 0)
			return 0;
		free(p);
	}
	close(fd);
	return -ENOMEM;
}

static int open_sockets(const struct udp_spec *spec, int *fds, unsigned count,
	struct why *why)
{
	unsigned i;
	int err;

	for (i = 0; i < count; i++) {
		fds[i] = udp_open(spec, why);
		if (fds[i] >= 0)
			continue;
		err = fds[i];
		while (i > 0)
			close(fds[--i]);
		return err;
	}
	return 0;
}

/* The shards share a port by SO_REUSEPORT, and so could any process of our
 * user: another av-edge would take half of the packets in silence. Without
 * it the kernel tells (requirement R8). */
static int look_first(const struct udp_spec *spec, struct why *why)
{
	struct udp_spec alone = *spec;
	int fd;

	alone.reuse_port = false;
	fd = udp_open(&alone, why);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int too_many_ports(struct why *why)
{
	return why_set(why, -ENOSPC, "more than %d listening ports",
		RELAY_PORT_MAX);
}

/* Its place; port_count = none. */
static size_t find_port(const struct relay *r, const struct addr *address,
	bool is_tcp)
{
	size_t i;

	for (i = 0; i < r->port_count; i++)
		if ((r->ports[i].tcp != NULL) == is_tcp &&
		    addr_eq(&r->ports[i].address, address))
			break;
	return i;
}

static const struct relay_port *port_at(const struct relay *r, size_t i)
{
	return i < r->port_count ? &r->ports[i] : NULL;
}

static void forget_port(struct relay *r, size_t i)
{
	if (i < r->port_count)
		r->ports[i] = r->ports[--r->port_count];
}

int relay_open_port(struct relay *r, const struct addr *address,
	enum topology_side side, bool bind_device, struct why *why)
{
	const struct udp_spec spec = {
		.address = *address,
		.bind_device = bind_device,
		.reuse_port = true,
		.buffer_bytes = LISTENER_BUFFER,
		.gro = true,
	};
	struct relay_port *port = &r->ports[r->port_count];
	int fds[SHARD_MAX], err;
	unsigned i;

	memset(fds, 0xff, sizeof(fds));
	if (r->port_count == RELAY_PORT_MAX)
		return too_many_ports(why);
	err = look_first(&spec, why);
	if (err == 0)
		err = open_sockets(&spec, fds, r->shard_count, why);
	if (err < 0)
		return err;
	*port = (struct relay_port){.address = *address, .side = side};
	if (bind_device && net_device_of(address, port->device) < 0)
		port->device[0] = '\0';
	r->port_count++;
	for (i = 0; i < r->shard_count && err == 0; i++)
		err = give_port(r, r->shards[i], fds[i], address, side);
	for (; i < r->shard_count && err < 0; i++)
		close(fds[i]);
	if (err < 0)
		relay_close_port(r, address);
	return err;
}

void relay_close_port(struct relay *r, const struct addr *address)
{
	struct addr *copy;
	unsigned i;

	for (i = 0; i < r->shard_count; i++) {
		copy = malloc(sizeof(*copy));
		if (copy == NULL)
			continue;
		*copy = *address;
		if (!r->is_running)
			close_port(r->shards[i], copy);
		else if (shard_post(r->shards[i], close_port, copy) < 0)
			free(copy);
	}
	forget_port(r, find_port(r, address, false));
}

const struct relay_port *relay_find_port(const struct relay *r,
	const struct addr *address)
{
	return port_at(r, find_port(r, address, false));
}

static void start_tcp(struct shard *first, void *arg)
{
	struct tcp_port *p = arg;
	int err = tcp_port_start(p);

	(void)first;
	if (err < 0)
		log_error("listener.lost", "error=%s", err_name(err));
}

static void close_tcp(struct shard *first, void *arg)
{
	(void)first;
	tcp_port_close(arg);
}

/* In the thread of the first shard, once there is one. */
static int do_first(struct relay *r, shard_job *job, struct tcp_port *p)
{
	if (r->is_running)
		return shard_post(r->shards[0], job, p);
	job(r->shards[0], p);
	return 0;
}

int relay_open_tcp(struct relay *r, const struct tcp_port_spec *spec,
	struct why *why)
{
	struct relay_port *port = &r->ports[r->port_count];
	struct tcp_port *tcp = NULL;
	int err;

	if (r->port_count == RELAY_PORT_MAX)
		return too_many_ports(why);
	err = tcp_port_open(&tcp, &r->tcp_ports, spec, r->shards,
		r->shard_count, why);
	if (err < 0)
		return err;
	err = do_first(r, start_tcp, tcp);
	if (err < 0) {
		tcp_port_close(tcp); /* nobody else knows it yet */
		return err;
	}
	*port = (struct relay_port){.tcp = tcp, .address = spec->address,
		.side = spec->side};
	snprintf(port->device, sizeof(port->device), "%s",
		listener_device(tcp->listener));
	r->port_count++;
	return 0;
}

void relay_close_tcp(struct relay *r, const struct addr *address)
{
	size_t i = find_port(r, address, true);

	if (i == r->port_count)
		return;
	if (do_first(r, close_tcp, r->ports[i].tcp) < 0)
		log_error("listener.kept", "error=%s", err_name(-ENOMEM));
	else
		forget_port(r, i);
}

const struct relay_port *relay_find_tcp(const struct relay *r,
	const struct addr *address)
{
	return port_at(r, find_port(r, address, true));
}

/* ---- rules ------------------------------------------------------------- */

static void take_rules(struct shard *s, void *arg)
{
	turn_set_rules(&s->turn, arg);
}

int relay_set_rules(struct relay *r, struct rules *rules)
{
	unsigned i;
	int err;

	err = turn_shared_apply(&r->shared, rules);
	if (err < 0) {
		rules_unref(rules);
		return err;
	}
	for (i = 0; i < r->shard_count; i++) {
		if (!r->is_running) {
			take_rules(r->shards[i], rules_ref(rules));
			continue;
		}
		if (shard_post(r->shards[i], take_rules, rules_ref(rules)) < 0)
			rules_unref(rules);
	}
	rules_unref(r->rules);
	r->rules = rules;
	return 0;
}

/* ---- the end of a drain ------------------------------------------------ */

static void expire_shard(struct shard *s, void *arg)
{
	(void)arg;
	s->turn.now = loop_now(s->loop);
	turn_end_all(&s->turn, ALLOC_END_DRAINED);
}

void relay_expire(struct relay *r)
{
	unsigned i;

	for (i = 0; i < r->shard_count; i++)
		if (shard_post(r->shards[i], expire_shard, NULL) < 0)
			log_error("relay.unexpired", "shard=%u error=%s", i,
				err_name(-ENOMEM));
}

/* ---- figures ----------------------------------------------------------- */

uint64_t relay_counter(const struct relay *r, enum av_counter id)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < r->shard_count; i++)
		sum += stats_get(&r->shards[i]->turn.stats, id);
	return sum;
}

uint64_t relay_allocations(const struct relay *r)
{
	return relay_counter(r, AV_LIVE_INTERNAL) +
	    relay_counter(r, AV_LIVE_EXTERNAL);
}
