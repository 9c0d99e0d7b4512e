/*
 * c-ares on the loop. Lives here: what c-ares wants watched and when it
 * wants to be called, and the options that keep it from reading what an
 * edge must not obey (resolv.conf, search domains). Does not live here:
 * what is asked and what answers mean (resolve.c).
 */
#include "common/net/dns_channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "common/base/err.h"
#include "common/base/list.h"

#define TRY_MS  1500
#define TRIES   2
#define UDP_LEN 1232 /* dnsflagday.net/2020: no fragments */

struct watch {
	struct list node;
	struct dns_channel *channel;
	int fd; /* c-ares's */
	struct loop_fd *loop_fd; /* owned */
};

struct dns_channel {
	struct loop *loop;
	ares_channel ares; /* owned */
	struct loop_timer *timer; /* owned */
	struct list watches;
};

ares_channel dns_channel_ares(struct dns_channel *c)
{
	return c->ares;
}

void dns_channel_arm(struct dns_channel *c)
{
	struct timeval room;
	const struct timeval *next = ares_timeout(c->ares, NULL, &room);

	if (next == NULL) {
		loop_timer_stop(c->timer);
		return;
	}
	/* Rounded up: c-ares would find nothing to do a moment too early. */
	loop_timer_start(c->timer,
		next->tv_sec * 1000 + next->tv_usec / 1000 + 1);
}

static void on_ready(unsigned ready, void *arg)
{
	struct watch *w = arg;
	struct dns_channel *c = w->channel;
	int fd = w->fd;

	/* w may be gone after this */
	ares_process_fd(c->ares, ready & LOOP_READ ? fd : ARES_SOCKET_BAD,
		ready & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	dns_channel_arm(c);
}

static void on_timer(void *arg)
{
	struct dns_channel *c = arg;

	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	dns_channel_arm(c);
}

static void watch_free(struct watch *w)
{
	list_remove(&w->node);
	loop_fd_free(w->loop_fd);
	free(w);
}

static struct watch *watch_find(struct dns_channel *c, int fd)
{
	struct list *it;

	list_for_each(it, &c->watches) {
		struct watch *w = container_of(it, struct watch, node);

		if (w->fd == fd)
			return w;
	}
	return NULL;
}

/* A descriptor that can't be watched for want of memory makes its queries
 * run into their deadlines. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *c = arg;
	struct watch *w = watch_find(c, fd);
	unsigned want = (readable ? LOOP_READ : 0u) |
		(writable ? LOOP_WRITE : 0u);

	if (w == NULL && want != 0) {
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return;
		w->channel = c;
		w->fd = fd;
		list_push_back(&c->watches, &w->node);
		if (loop_fd_new(&w->loop_fd, c->loop, fd, want, on_ready,
			    w) < 0)
			watch_free(w);
	} else if (w != NULL &&
		(want == 0 || loop_fd_want(w->loop_fd, want) < 0)) {
		watch_free(w);
	}
}

/* Lookups "f" = hosts file, "b" = servers. Without servers c-ares would ask
 * whoever sits on port 53 of this host. */
static int open_channel(struct dns_channel *c,
	const struct dns_channel_spec *spec)
{
	static char both[] = "fb";
	static char file[] = "f";
	static char servers[] = "b";
	static char no_file[] = "/dev/null";
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
			ARES_FLAG_EDNS,
		.timeout = TRY_MS,
		.tries = TRIES,
		.ednspsz = UDP_LEN,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = c,
		.resolvconf_path = no_file,
	};

	o.lookups = spec->use_hosts_file ?
		(spec->server_count > 0 ? both : file) : servers;
	return ares_init_options(&c->ares, &o,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB |
			ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS |
			ARES_OPT_LOOKUPS);
}

static int set_servers(ares_channel ares, const struct addr *servers,
	size_t count)
{
	struct ares_addr_port_node *nodes;
	int status;
	size_t i;

	if (count == 0)
		return ARES_SUCCESS;
	nodes = calloc(count, sizeof(*nodes));
	if (nodes == NULL)
		return ARES_ENOMEM;
	for (i = 0; i < count; i++) {
		nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
		nodes[i].udp_port = servers[i].port;
		nodes[i].tcp_port = servers[i].port;
		if (servers[i].family == 6) {
			nodes[i].family = AF_INET6;
			memcpy(&nodes[i].addr.addr6, servers[i].ip, 16);
		} else {
			nodes[i].family = AF_INET;
			memcpy(&nodes[i].addr.addr4, servers[i].ip + 12, 4);
		}
	}
	status = ares_set_servers_ports(ares, nodes);
	free(nodes);
	return status;
}

static void leave_from(ares_channel ares, const struct addr *local)
{
	uint32_t ip4;

	if (local == NULL || !addr_is_set(local))
		return;
	if (local->family == 6) {
		ares_set_local_ip6(ares, local->ip);
		return;
	}
	memcpy(&ip4, local->ip + 12, sizeof(ip4));
	ares_set_local_ip4(ares, ntohl(ip4));
}

int dns_channel_new(struct dns_channel **out, struct loop *loop,
	const struct dns_channel_spec *spec, struct why *why)
{
	struct dns_channel *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;
	int status;

	if (c == NULL)
		return -ENOMEM;
	c->loop = loop;
	list_init(&c->watches);
	if (loop_timer_new(&c->timer, loop, on_timer, c) < 0)
		goto out;
	status = open_channel(c, spec);
	if (status == ARES_SUCCESS)
		status = set_servers(c->ares, spec->servers,
			spec->server_count);
	if (status != ARES_SUCCESS) {
		err = why_set(why, EDGE_ECONFIG, "name servers: %s",
			ares_strerror(status));
		goto out;
	}
	leave_from(c->ares, spec->local);

	*out = c;
	c = NULL;
	err = 0;
out:
	dns_channel_free(c);
	return err;
}

void dns_channel_free(struct dns_channel *c)
{
	struct list *it;
	struct list *tmp;

	if (c == NULL)
		return;
	if (c->ares != NULL)
		ares_destroy(c->ares);
	list_for_each_safe(it, tmp, &c->watches)
		watch_free(container_of(it, struct watch, node));
	loop_timer_free(c->timer);
	free(c);
}
