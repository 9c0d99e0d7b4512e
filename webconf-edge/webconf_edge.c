/*
 * The daemon's life between its parts: what happens at start, when a new
 * topology comes, each second, at the end. Called by common/daemon through
 * the table in main.c.
 */
#include "webconf-edge/webconf_edge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/front.h"
#include "webconf-edge/link.h"
#include "webconf-edge/links.h"
#include "webconf-edge/pair.h"

#define TICK_MS        1000
#define SWEEP_TICKS    5
#define MEMORY_PERCENT 80
#define TRIM_BYTES     (4 << 20)
/* Beside two for each relay: listeners, bus, files, clients that wait. */
#define DESCRIPTORS_MORE 1024

/* ---- what follows from a snapshot ---------------------------------------- */

static void name_alternates(struct webconf_edge *e, const struct topology *t)
{
	const struct setting_set *set = topology_settings(t, "webconf-edge");
	const size_t count = setting_list_count(set, "drain_alternates");
	size_t len = 0;

	e->alternates[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		int n = snprintf(e->alternates + len,
			sizeof(e->alternates) - len, "%s%s:%u",
			len > 0 ? "," : "",
			setting_list_item(set, "drain_alternates", i),
			e->public_port);

		if (n < 0 || (size_t)n >= sizeof(e->alternates) - len) {
			e->alternates[len] = '\0'; /* whole names only */
			return;
		}
		len += (size_t)n;
	}
}

static void take_snapshot(struct webconf_edge *e, struct topology *t)
{
	const struct topology_listener *l = topology_listener(t,
		TOPOLOGY_WEBCONF_CLIENT, TOPOLOGY_EXTERNAL);
	const struct digest_part machine = {t->machine, strlen(t->machine)};
	struct topology *before = e->topology;
	uint8_t sum[DIGEST_SHA256_LEN];

	e->topology = topology_ref(t);
	topology_unref(before);
	limits_from(&e->limits, t);
	e->audience[0] = '\0';
	e->public_port = 0;
	if (l != NULL) {
		memcpy(e->audience, l->public_fqdn, sizeof(e->audience));
		e->public_port = l->public_port;
	}
	digest_sha256(&machine, 1, sum);
	memcpy(e->id, sum, sizeof(e->id));
	name_alternates(e, t);
	e->new_connections.rate_per_s = e->limits.new_per_s;
	e->new_connections.burst = e->limits.new_per_s;
}

static void warn_if_idle(const struct topology *t)
{
	size_t servers = 0;

	for (size_t i = 0; i < t->trusted_count; i++)
		servers += t->trusted[i].grant == TOPOLOGY_GRANT_WEBCONF;
	if (servers == 0)
		log_warning("topology.warned",
			"text=\"no inside server has the right webconf; "
			"nobody can register\"");
	if (topology_listener(t, TOPOLOGY_WEBCONF_CLIENT,
		    TOPOLOGY_EXTERNAL) == NULL)
		log_warning("topology.warned",
			"text=\"the topology gives webconf-edge no port\"");
}

/* ---- memory -------------------------------------------------------------- */

static uint64_t machine_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

static void measure(struct webconf_edge *e)
{
	char text[128];
	ssize_t n = -1;
	unsigned long long resident = 0;

	if (e->statm_fd >= 0)
		n = pread(e->statm_fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%*u %llu", &resident) == 1)
		e->used_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	e->memory_bytes = e->limits.memory_bytes > 0 ?
		e->limits.memory_bytes : machine_bytes() / 2;
}

bool webconf_edge_has_room(const struct webconf_edge *e)
{
	if (e->pair_count >= e->limits.relays_max ||
		(e->relays_cap > 0 && e->pair_count >= e->relays_cap))
		return false;
	return e->memory_bytes == 0 ||
		e->used_bytes < e->memory_bytes / 100 * MEMORY_PERCENT;
}

static void on_tick(void *arg)
{
	struct webconf_edge *e = arg;

	e->ticks++;
	measure(e);
	if (e->ticks % SWEEP_TICKS == 0)
		pairs_sweep(e);
	loop_timer_start(e->tick, TICK_MS);
}

/* ---- accepting ----------------------------------------------------------- */

/* The places of those who have proved nothing are all taken, also after the
 * slow ones made room: their number is ours to bound and not the listener's,
 * which would not ask. */
static bool is_full(struct webconf_edge *e, enum webconf_edge_counter pending,
	size_t most, enum webconf_edge_counter refused)
{
	if (counter_get(e->counters, pending) < most)
		return false;
	counter_add(e->counters, refused, 1);
	return true;
}

static bool may_server_come(struct webconf_edge *e)
{
	links_thin_out(e);
	return !is_full(e, COUNT_SERVERS_PENDING, e->limits.fresh_max,
		COUNT_SERVER_REFUSED);
}

static bool may_client_come(struct webconf_edge *e, const struct addr *remote)
{
	const struct mono now = loop_now(e->loop);

	/* Banned: not a word, not even a handshake. */
	if (penalty_is_banned(e->penalty, remote, now)) {
		counter_add(e->counters, COUNT_REFUSED_BANNED, 1);
		return false;
	}
	if (!bucket_take(&e->new_connections, now)) {
		counter_add(e->counters, COUNT_REFUSED_RATE, 1);
		return false;
	}
	fronts_thin_out(e);
	return !is_full(e, COUNT_PENDING, e->limits.pending_max,
		COUNT_REFUSED_CROWDED);
}

static void on_accept(void *arg, const struct port *port, int fd,
	const struct addr *remote)
{
	struct webconf_edge *e = arg;
	bool is_server = port->usage == TOPOLOGY_WEBCONF_SERVER;
	int err;

	if (!(is_server ? may_server_come(e) : may_client_come(e, remote))) {
		close(fd);
		listener_gone(port->listener, remote);
		return;
	}
	err = is_server ? link_new(e, port, fd, remote) :
		front_new(e, port, fd, remote);
	if (err == 0)
		return;
	listener_gone(port->listener, remote);
	log_limited(LOG_LEVEL_WARNING, 6, "client.failed", "reason=\"%s\"",
		err_text(err));
}

/* ---- the table ----------------------------------------------------------- */

/* The limit that holds for the life of the process. */
static uint64_t descriptors_max(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? RLIM_INFINITY :
		(uint64_t)limit.rlim_max;
}

/* Half a relay is no use: rather refuse a topology than run out later. Where
 * nobody asked for so many, fewer will do. cap: what there is room for, 0 =
 * for all. */
static int check_descriptors(const struct webconf_edge *e,
	const struct topology *t, size_t *cap, struct why *why)
{
	const struct setting_set *set = topology_settings(t, "webconf-edge");
	const uint64_t relays = setting_number(set, "max_relays");
	const uint64_t wanted = 2 * relays + DESCRIPTORS_MORE;

	*cap = 0;
	if (e->descriptors_max >= wanted)
		return 0;
	if (!setting_is_default(set, "max_relays") ||
		e->descriptors_max < 2 * DESCRIPTORS_MORE)
		return why_set(why, EDGE_ECONFIG,
			"max_relays %" PRIu64 " needs %" PRIu64 " descriptors,"
			" the limit is %" PRIu64 "; raise LimitNOFILE or lower"
			" max_relays", relays, wanted, e->descriptors_max);
	*cap = (size_t)(e->descriptors_max - DESCRIPTORS_MORE) / 2;
	return 0;
}

static void take_cap(struct webconf_edge *e, size_t cap)
{
	if (cap > 0 && cap != e->relays_cap)
		log_warning("limits.lowered", "setting=max_relays from=%zu "
			"to=%zu descriptors=%" PRIu64, e->limits.relays_max,
			cap, e->descriptors_max);
	e->relays_cap = cap;
}

static int open_tls(struct webconf_edge *e, struct why *why)
{
	int err = daemon_tls(e->daemon, CONF_USE_EXTERNAL_WEBCONF,
		TLS_ROLE_SERVER, TLS_VERIFY_NONE, &e->tls_outside, why);

	if (err == 0)
		err = daemon_tls(e->daemon, CONF_USE_INTERNAL,
			TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE, &e->tls_server,
			why);
	if (err == 0)
		err = daemon_tls(e->daemon, CONF_USE_INTERNAL,
			TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, &e->tls_client,
			why);
	return err;
}

static int open_parts(struct webconf_edge *e, struct why *why)
{
	int err = servers_init(&e->servers, e->limits.servers_max);

	if (err == 0)
		err = penalty_new(&e->penalty);
	if (err == 0)
		err = ticket_set_new(&e->used, e->limits.tickets_max);
	if (err == 0)
		err = loop_timer_new(&e->tick, e->loop, on_tick, e);
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	return 0;
}

int webconf_edge_start(struct daemon *d, void **state, struct why *why)
{
	struct webconf_edge *e = calloc(1, sizeof(*e));
	struct topology *t = daemon_topology(d);
	size_t cap;
	int err;

	if (e == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	*state = e;
	e->daemon = d;
	e->loop = daemon_loop(d);
	e->counters = daemon_counters(d);
	list_init(&e->fronts);
	list_init(&e->links);
	list_init(&e->fresh);
	list_init(&e->pairs);
	e->ports.loop = e->loop;
	e->ports.limits = &e->limits;
	e->ports.on_accept = on_accept;
	e->ports.arg = e;
	/* Read buffers come and go with each read of a busy relay: the top
	 * of the heap must not be given back and fetched each time. */
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	/* Opened with rights, read for ever: the sandbox hides /proc. */
	e->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	take_snapshot(e, t);
	bucket_init(&e->new_connections, e->limits.new_per_s,
		e->limits.new_per_s, mono_now());
	e->descriptors_max = descriptors_max();
	err = check_descriptors(e, t, &cap, why);
	if (err == 0)
		take_cap(e, cap);
	if (err == 0)
		err = open_parts(e, why);
	if (err == 0)
		err = open_tls(e, why);
	if (err == 0)
		err = ports_listen(&e->ports, t, why);
	if (err == 0)
		warn_if_idle(t);
	return err;
}

int webconf_edge_ready(void *state, struct why *why)
{
	struct webconf_edge *e = state;

	measure(e);
	loop_timer_start(e->tick, TICK_MS);
	return ports_start(&e->ports, why);
}

int webconf_edge_check(void *state, const struct topology *next,
	struct why *why)
{
	size_t count = 0, cap;

	for (size_t i = 0; i < next->listener_count; i++)
		count += port_is_ours(next->listeners[i].usage);
	if (count > PORTS_MAX / 2)
		return why_set(why, EDGE_ETOOBIG, "webconf-edge can have %d "
			"ports, the topology gives it %zu", PORTS_MAX / 2,
			count);
	/* Who asks with --check has other limits than the daemon. */
	return state == NULL ? 0 : check_descriptors(state, next, &cap, why);
}

int webconf_edge_apply(void *state, struct topology *next, struct why *why)
{
	struct webconf_edge *e = state;
	size_t cap;
	int err = check_descriptors(e, next, &cap, why);

	if (err == 0)
		err = ports_listen(&e->ports, next, why);
	if (err < 0)
		return err;
	take_snapshot(e, next);
	take_cap(e, cap);
	e->servers.max = e->limits.servers_max;
	ticket_set_limit(e->used, e->limits.tickets_max);
	links_review(e);
	warn_if_idle(next);
	return 0;
}

size_t webconf_edge_ports(void *state, struct daemon_port *out, size_t cap)
{
	struct webconf_edge *e = state;
	size_t count = 0;

	for (size_t i = 0; i < PORTS_MAX && count < cap; i++) {
		const struct port *port = &e->ports.rows[i];
		bool is_outside = port->usage == TOPOLOGY_WEBCONF_CLIENT;

		if (port->listener == NULL)
			continue;
		out[count] = (struct daemon_port){
			.usage = port->usage,
			.side = is_outside ? TOPOLOGY_EXTERNAL :
				TOPOLOGY_INTERNAL,
			.address = *listener_address(port->listener),
			.protocol = "wce/tls",
			.is_open = true,
			.open_count = e->relay_count + (is_outside ?
				listener_open_count(port->listener) :
				links_open(e, port->id)),
		};
		/* both are IFNAMSIZ */
		strncpy(out[count].device, listener_device(port->listener),
			sizeof(out[count].device) - 1);
		count++;
	}
	return count;
}

static size_t ready_slots(const struct webconf_edge *e)
{
	const struct server *s = NULL;
	size_t ready = 0;

	while ((s = servers_next(&e->servers, s)) != NULL)
		ready += s->ready_count;
	return ready;
}

void webconf_edge_status(void *state, json_t *status)
{
	const struct webconf_edge *e = state;

	json_object_set_new(status, "servers",
		json_integer((json_int_t)e->servers.count));
	json_object_set_new(status, "slots_ready",
		json_integer((json_int_t)ready_slots(e)));
	json_object_set_new(status, "relays",
		json_integer((json_int_t)e->relay_count));
	json_object_set_new(status, "memory_used_bytes",
		json_integer((json_int_t)e->used_bytes));
	json_object_set_new(status, "memory_budget_bytes",
		json_integer((json_int_t)e->memory_bytes));
}

void webconf_edge_counted(void *state)
{
	struct webconf_edge *e = state;

	counter_set(e->counters, COUNT_SERVERS, e->servers.count);
	counter_set(e->counters, COUNT_SLOTS_READY, ready_slots(e));
	counter_set(e->counters, COUNT_CHANNELS_OPEN, links_channels(e));
	counter_set(e->counters, COUNT_BANNED,
		penalty_count(e->penalty, loop_now(e->loop)));
	counter_set(e->counters, COUNT_TICKETS_USED,
		ticket_set_count(e->used));
	counter_set(e->counters, COUNT_MEMORY, e->used_bytes);
}

/* The port stays open: who comes is told at once where to go instead. */
void webconf_edge_drain(void *state, bool on)
{
	struct webconf_edge *e = state;
	struct list *at, *next;

	e->is_draining = on;
	links_drain(e, on, (uint32_t)(daemon_drain_left_ms(e->daemon) / 1000));
	if (!on)
		return;
	list_for_each_safe(at, next, &e->fronts)
		front_drain(front_of(at));
}

/* Who was told how long it may stay is not surprised. */
void webconf_edge_expire(void *state)
{
	pairs_expire(state);
}

size_t webconf_edge_busy(void *state)
{
	const struct webconf_edge *e = state;

	return e->pair_count;
}

void webconf_edge_stop(void *state)
{
	struct webconf_edge *e = state;
	struct list *at;

	if (e == NULL)
		return;
	while ((at = list_first(&e->fronts)) != NULL)
		front_free(front_of(at));
	/* A channel that waits for an answer would tell its pair. */
	pairs_free(e);
	while ((at = list_first(&e->links)) != NULL)
		link_free(link_of(at));
	ports_close(&e->ports);
	servers_fini(&e->servers);
	loop_timer_free(e->tick);
	ticket_set_free(e->used);
	penalty_free(e->penalty);
	topology_unref(e->topology);
	if (e->statm_fd >= 0)
		close(e->statm_fd);
	free(e);
}
