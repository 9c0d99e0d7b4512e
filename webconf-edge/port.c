/*
 * Listeners. Lives here: which ports there are and their limits. Does not
 * live here: what is done with a connection (front.c outside, link.c inside).
 */
#include "webconf-edge/port.h"

#include <string.h>

#include "common/base/err.h"

/* Inside: what is new in one second is bounded by what a drain of another
 * edge may bring. Who has a right is not counted any more: servers hold
 * their warm slots and relays here. */
#define INSIDE_NEW_PER_S 1000
#define INSIDE_SHARE     4 /* one address has a quarter of the places */

bool port_is_ours(enum topology_usage usage)
{
	return usage == TOPOLOGY_WEBCONF_CLIENT ||
		usage == TOPOLOGY_WEBCONF_SERVER;
}

static void on_listener(int fd, const struct addr *remote, void *arg)
{
	const struct port *port = arg;

	port->ports->on_accept(port->ports->arg, port, fd, remote);
}

static struct port *find(struct ports *p, const struct topology_listener *l)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (p->rows[i].listener != NULL &&
			p->rows[i].usage == l->usage &&
			addr_eq(&p->rows[i].asked, &l->address))
			return &p->rows[i];
	return NULL;
}

static struct port *find_free(struct ports *p)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (p->rows[i].listener == NULL)
			return &p->rows[i];
	return NULL;
}

static struct listener_spec spec_of(const struct ports *p,
	const struct topology *t, const struct topology_listener *l)
{
	struct listener_spec spec = {
		.address = l->address,
		.bind_device = !t->lab || t->sides_separated,
	};

	if (l->usage == TOPOLOGY_WEBCONF_CLIENT) {
		spec.max_per_source = p->limits->pending_per_source;
		spec.new_per_s_per_source = p->limits->new_per_s_per_source;
	} else {
		spec.max_per_source = p->limits->fresh_max / INSIDE_SHARE;
		spec.new_per_s_per_source = INSIDE_NEW_PER_S;
	}
	return spec;
}

static int open_port(struct ports *p, const struct topology *t,
	const struct topology_listener *l, struct why *why)
{
	const struct listener_spec spec = spec_of(p, t, l);
	struct port *port = find_free(p);
	int err;

	if (port == NULL)
		return why_set(why, EDGE_ETOOBIG,
			"the topology gives webconf-edge more than %d ports",
			PORTS_MAX / 2);
	err = listener_new(&port->listener, &spec, why);
	if (err < 0)
		return err;
	port->ports = p;
	port->asked = l->address;
	port->usage = l->usage;
	port->id = ++p->last_id;
	port->is_wanted = true;
	port->is_fresh = true;
	return 0;
}

static int want_ports(struct ports *p, const struct topology *t,
	struct why *why)
{
	int err = 0;

	for (size_t i = 0; i < t->listener_count && err == 0; i++) {
		struct port *port;

		if (!port_is_ours(t->listeners[i].usage))
			continue;
		port = find(p, &t->listeners[i]);
		if (port != NULL)
			port->is_wanted = true;
		else
			err = open_port(p, t, &t->listeners[i], why);
	}
	return err;
}

static int start_port(struct port *port, struct why *why)
{
	int err = listener_start(port->listener, port->ports->loop,
		on_listener, port);

	if (err < 0)
		return why_set(why, err, "can't accept: %s", err_text(err));
	return 0;
}

static void close_port(struct port *port)
{
	listener_free(port->listener);
	port->listener = NULL;
}

int ports_listen(struct ports *p, const struct topology *t, struct why *why)
{
	int err;

	for (size_t i = 0; i < PORTS_MAX; i++) {
		p->rows[i].is_wanted = false;
		p->rows[i].is_fresh = false;
	}
	err = want_ports(p, t, why);
	for (size_t i = 0; i < PORTS_MAX && err == 0; i++)
		if (p->rows[i].is_fresh && p->is_accepting)
			err = start_port(&p->rows[i], why);
	for (size_t i = 0; i < PORTS_MAX; i++) {
		struct port *port = &p->rows[i];

		if (port->listener != NULL &&
			(err < 0 ? port->is_fresh : !port->is_wanted))
			close_port(port);
	}
	return err;
}

int ports_start(struct ports *p, struct why *why)
{
	int err = 0;

	for (size_t i = 0; i < PORTS_MAX && err == 0; i++)
		if (p->rows[i].listener != NULL)
			err = start_port(&p->rows[i], why);
	p->is_accepting = err == 0;
	return err;
}

void ports_gone(struct ports *p, uint32_t port_id, const struct addr *remote)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (p->rows[i].listener != NULL && p->rows[i].id == port_id)
			listener_gone(p->rows[i].listener, remote);
}

void ports_close(struct ports *p)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (p->rows[i].listener != NULL)
			close_port(&p->rows[i]);
}
