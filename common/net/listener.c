/*
 * A listening TCP socket: binding with rights, accepting with limits.
 * Lives here: who may open how many connections, and what happens when
 * descriptors run out. Does not live here: what is done with a connection
 * (stream.c). Threats S8, S19; architecture 9.
 */
#include "common/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/map.h"
#include "common/net/limit.h"
#include "common/net/port_owner.h"

/* New connections taken in one turn before others have theirs. */
#define ACCEPTS_MAX 64
#define BACKLOG     1024
/* How long nothing is accepted when descriptors have run out. */
#define PAUSE_MS 200
/* How long when the gate was shut. */
#define GATE_MS 20
/* Sources whose rate is told apart, about 40 bytes each. */
#define RATE_SLOTS 4096

/* One source prefix that has connections now. */
struct source {
	struct map_node node;
	struct addr prefix;
	unsigned open_count;
};

struct listener {
	struct listener_spec spec;
	char device[NET_DEVICE_LEN];
	int fd;         /* owned, -1 = closed */
	int reserve_fd; /* owned: given up to refuse when all are used */
	struct loop *loop;
	struct loop_fd *watch;    /* owned */
	struct loop_timer *timer; /* owned, ends a pause */
	listener_cb *cb;
	listener_gate_cb *gate; /* NULL = always open */
	void *arg;
	struct map sources;
	struct limit *rate; /* owned, NULL = none */
	unsigned open_count;
	uint64_t refused_count;
	bool is_starved; /* said so already */
};

/* ---- binding ------------------------------------------------------------- */

static int refuse_port(const struct listener_spec *spec, int err,
	struct why *why)
{
	char at[ADDR_TEXT_LEN];
	struct port_owner owner;
	char text[96];

	addr_text(&spec->address, at);
	if (err == -EADDRINUSE &&
		port_owner_find(&spec->address, false, &owner) == 0)
		return why_set(why, err, "port %s is in use by %s; stop it or "
			"give one of the two another port", at,
			port_owner_text(&owner, text, sizeof(text)));
	if (err == -EADDRNOTAVAIL)
		return why_set(why, err, "port %s: no device of this host has "
			"that address; see `ip address`", at);
	if (err == -EACCES)
		return why_set(why, err, "port %s: ports below 1024 need root "
			"or CAP_NET_BIND_SERVICE", at);
	return why_set(why, err, "port %s: %s", at, err_text(err));
}

static int bind_socket(struct listener *l, struct why *why)
{
	const struct addr *at = &l->spec.address;
	char text[ADDR_TEXT_LEN];
	struct sockaddr_storage ss;
	socklen_t len;
	int on = 1;
	int err;

	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return refuse_port(&l->spec, -errno, why);
	if (l->spec.reuse_port && setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT,
		    &on, sizeof(on)) < 0)
		return refuse_port(&l->spec, -errno, why);
	if (at->family == 6 && setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    &on, sizeof(on)) < 0)
		return refuse_port(&l->spec, -errno, why);
	if (l->spec.bind_device) {
		err = net_bind_device(l->fd, at, l->device);
		if (err < 0)
			return why_set(why, err, "port %s: can't be bound to "
				"the device of its address: %s",
				addr_text(at, text), net_device_error(err));
	}
	len = addr_to_sockaddr(at, &ss);
	if (bind(l->fd, (struct sockaddr *)&ss, len) < 0)
		return refuse_port(&l->spec, -errno, why);
	/* Port 0 was a wish for any: tell which. */
	len = sizeof(ss);
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) < 0)
		return refuse_port(&l->spec, -errno, why);
	return addr_from_sockaddr((struct sockaddr *)&ss, len,
		&l->spec.address);
}

static int rate_new(struct listener *l)
{
	struct limit_spec spec = {
		.rate_per_s = l->spec.new_per_s_per_source,
		.burst = l->spec.new_per_s_per_source,
		.slots = RATE_SLOTS,
	};

	return spec.rate_per_s > 0 ? limit_new(&l->rate, &spec) : 0;
}

int listener_new(struct listener **out, const struct listener_spec *spec,
	struct why *why)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	if (l == NULL)
		goto out;
	l->spec = *spec;
	l->reserve_fd = -1;
	l->fd = socket(spec->address.family == 6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		err = refuse_port(spec, -errno, why);
		goto out;
	}
	err = map_init(&l->sources);
	if (err < 0)
		goto out;
	err = rate_new(l);
	if (err < 0)
		goto out;
	err = bind_socket(l, why);
	if (err < 0)
		goto out;

	*out = l;
	l = NULL;
out:
	listener_free(l);
	return err;
}

/* ---- limits per source --------------------------------------------------- */

static bool source_is(const struct map_node *node, const void *key)
{
	const struct source *s = (const void *)node; /* its first field */

	return addr_eq(&s->prefix, key);
}

/* As limit.c counts: a host of IPv4, a /56 of IPv6. */
static struct addr prefix_of(const struct addr *remote)
{
	struct addr p = addr_canonical(remote);

	p.port = 0;
	if (p.family == 6)
		memset(p.ip + 7, 0, sizeof(p.ip) - 7);
	return p;
}

static struct source *source_find(struct listener *l,
	const struct addr *prefix)
{
	struct map_node *node = map_find(&l->sources,
		map_hash(&l->sources, prefix, sizeof(*prefix)), source_is,
		prefix);

	return node != NULL ? container_of(node, struct source, node) : NULL;
}

/* Count one connection in; false when the source has as many as it may. */
static bool source_enter(struct listener *l, const struct addr *remote)
{
	struct addr prefix = prefix_of(remote);
	struct source *s;

	if (l->spec.max_per_source == 0)
		return true;
	s = source_find(l, &prefix);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			return false;
		s->prefix = prefix;
		map_insert(&l->sources, &s->node,
			map_hash(&l->sources, &prefix, sizeof(prefix)));
	}
	if (s->open_count >= l->spec.max_per_source)
		return false;
	s->open_count++;
	return true;
}

void listener_gone(struct listener *l, const struct addr *remote)
{
	struct addr prefix = prefix_of(remote);
	struct source *s;

	if (l->open_count > 0)
		l->open_count--;
	s = source_find(l, &prefix);
	if (s == NULL)
		return;
	s->open_count--;
	if (s->open_count > 0)
		return;
	map_remove(&l->sources, &s->node);
	free(s);
}

/* ---- accepting ----------------------------------------------------------- */

/* Why this connection is not taken, or NULL. Counts it in when it is. */
static const char *verdict(struct listener *l, const struct addr *remote)
{
	if (l->spec.max_open > 0 && l->open_count >= l->spec.max_open)
		return "full";
	if (l->rate != NULL && !limit_take(l->rate, remote, loop_now(l->loop)))
		return "rate";
	if (!source_enter(l, remote))
		return "source";
	l->open_count++;
	return NULL;
}

static void take(struct listener *l, int fd, const struct addr *remote)
{
	char at[ADDR_TEXT_LEN];
	char from[ADDR_TEXT_LEN];
	const char *cause = verdict(l, remote);

	if (cause == NULL) {
		l->cb(fd, remote, l->arg);
		return;
	}
	close(fd);
	l->refused_count++;
	log_limited(LOG_LEVEL_WARNING, 6, "connection.refused",
		"listener=%s remote=%s reason=%s",
		addr_text(&l->spec.address, at), addr_ip_text(remote, from),
		cause);
}

static int accept_one(struct listener *l, struct addr *remote)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = accept4(l->fd, (struct sockaddr *)&ss, &len,
		SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (addr_from_sockaddr((struct sockaddr *)&ss, len, remote) < 0) {
		close(fd);
		return -ECONNABORTED;
	}
	return fd;
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void listener_set_gate(struct listener *l, listener_gate_cb *gate)
{
	l->gate = gate;
}

/* Accept nothing for so long. */
static void rest(struct listener *l, int64_t ms)
{
	if (loop_fd_want(l->watch, 0) == 0)
		loop_timer_start(l->timer, ms);
}

/* Out of descriptors: give up the one kept back, so that those who wait
 * learn at once that we are full, and rest. Level-triggered, the socket
 * would spin otherwise. */
static void starve(struct listener *l, int err)
{
	char at[ADDR_TEXT_LEN];
	struct addr remote;
	unsigned i;

	if (!l->is_starved)
		log_error("listener.paused", "listener=%s reason=\"%s\" "
			"advice=\"raise LimitNOFILE\"",
			addr_text(&l->spec.address, at), err_text(err));
	l->is_starved = true;
	if (l->reserve_fd >= 0)
		close(l->reserve_fd);
	for (i = 0; l->reserve_fd >= 0 && i < ACCEPTS_MAX; i++) {
		int fd = accept_one(l, &remote);

		if (fd < 0)
			break;
		close(fd);
		l->refused_count++;
	}
	l->reserve_fd = open_reserve();
	rest(l, PAUSE_MS);
}

static void on_acceptable(unsigned ready, void *arg)
{
	struct listener *l = arg;
	char at[ADDR_TEXT_LEN];
	unsigned i;

	(void)ready;
	for (i = 0; i < ACCEPTS_MAX && l->fd >= 0; i++) {
		struct addr remote;
		int fd;

		if (l->gate != NULL && !l->gate(l->arg)) {
			rest(l, GATE_MS);
			return;
		}
		fd = accept_one(l, &remote);
		if (fd == -EAGAIN)
			return;
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS ||
			fd == -ENOMEM) {
			starve(l, fd);
			return;
		}
		/* The others are the fate of that one connection. */
		if (fd < 0)
			continue;
		if (l->is_starved)
			log_notice("listener.resumed", "listener=%s",
				addr_text(&l->spec.address, at));
		l->is_starved = false;
		take(l, fd, &remote);
	}
}

static void on_pause_over(void *arg)
{
	struct listener *l = arg;

	if (l->reserve_fd < 0)
		l->reserve_fd = open_reserve();
	if (loop_fd_want(l->watch, LOOP_READ) < 0)
		loop_timer_start(l->timer, PAUSE_MS);
}

int listener_start(struct listener *l, struct loop *loop, listener_cb *cb,
	void *arg)
{
	int err;

	l->loop = loop;
	l->cb = cb;
	l->arg = arg;
	l->reserve_fd = open_reserve();
	if (listen(l->fd, BACKLOG) < 0)
		return -errno;
	err = loop_timer_new(&l->timer, loop, on_pause_over, l);
	if (err < 0)
		return err;
	return loop_fd_new(&l->watch, loop, l->fd, LOOP_READ, on_acceptable,
		l);
}

int listener_release(struct listener *l)
{
	int fd = l->fd;

	if (listen(fd, BACKLOG) < 0)
		return -errno;
	l->fd = -1;
	return fd;
}

void listener_stop(struct listener *l)
{
	loop_timer_free(l->timer);
	l->timer = NULL;
	loop_fd_free(l->watch);
	l->watch = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->reserve_fd >= 0)
		close(l->reserve_fd);
	l->reserve_fd = -1;
}

void listener_free(struct listener *l)
{
	struct map_node *node;

	if (l == NULL)
		return;
	listener_stop(l);
	if (l->sources.buckets != NULL) {
		while ((node = map_next(&l->sources, NULL)) != NULL) {
			map_remove(&l->sources, node);
			free(container_of(node, struct source, node));
		}
		map_fini(&l->sources);
	}
	limit_free(l->rate);
	free(l);
}

const struct addr *listener_address(const struct listener *l)
{
	return &l->spec.address;
}

const char *listener_device(const struct listener *l)
{
	return l->device;
}

unsigned listener_open_count(const struct listener *l)
{
	return l->open_count;
}

uint64_t listener_refused_count(const struct listener *l)
{
	return l->refused_count;
}
