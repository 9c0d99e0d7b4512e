/*
 * Ports and sessions of the inside side. What is said on a session is
 * session.c's affair, what is answered service.c's.
 */
#include "av-auth/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "av-auth/counters.h"
#include "av-auth/session.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* Inside servers hold a few connections each for hours; more than this is
 * a fault or an attack from inside. */
#define OPEN_MAX             1000
#define OPEN_PER_SOURCE_MAX  100
#define NEW_PER_S_PER_SOURCE 50

void server_init(struct server *s)
{
	list_init(&s->sessions);
}

void server_fini(struct server *s)
{
	struct list *at;

	while ((at = list_first(&s->sessions)) != NULL)
		session_free(session_of(at));
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++)
		listener_free(s->ports[i].listener);
	memset(s->ports, 0, sizeof(s->ports));
	topology_unref(s->topology);
	s->topology = NULL;
}

/* ---- ports -------------------------------------------------------------- */

static void on_accept(int fd, const struct addr *remote, void *arg)
{
	const struct server_port *port = arg;
	struct server *s = port->server;
	int err;

	err = session_new(s, port, fd, remote);
	if (err == 0)
		return;
	listener_gone(port->listener, remote);
	log_limited(LOG_LEVEL_WARNING, 6, "session.failed", "reason=\"%s\"",
		err_text(err));
}

static struct server_port *find_port(struct server *s, const struct addr *asked)
{
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++)
		if (s->ports[i].listener != NULL &&
			addr_eq(&s->ports[i].asked, asked))
			return &s->ports[i];
	return NULL;
}

bool server_is_open(struct server *s, const struct addr *asked)
{
	return find_port(s, asked) != NULL;
}

static struct server_port *free_port(struct server *s)
{
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++)
		if (s->ports[i].listener == NULL)
			return &s->ports[i];
	return NULL;
}

static int open_port(struct server *s, const struct topology *t,
	const struct addr *asked, struct why *why)
{
	const struct listener_spec spec = {
		.address = *asked,
		.bind_device = !t->lab || t->sides_separated,
		.max_open = OPEN_MAX,
		.max_per_source = OPEN_PER_SOURCE_MAX,
		.new_per_s_per_source = NEW_PER_S_PER_SOURCE,
	};
	struct server_port *port = free_port(s);
	int err;

	if (port == NULL)
		return why_set(why, EDGE_ETOOBIG,
			"the topology gives av-auth more than %d ports",
			SERVER_PORTS_MAX / 2);
	err = listener_new(&port->listener, &spec, why);
	if (err < 0)
		return err;
	port->server = s;
	port->asked = *asked;
	port->id = ++s->last_port_id;
	port->is_wanted = true;
	port->is_fresh = true;
	return 0;
}

static int want_ports(struct server *s, const struct topology *t,
	struct why *why)
{
	struct server_port *port;
	int err = 0;

	for (size_t i = 0; i < t->listener_count && err == 0; i++) {
		if (t->listeners[i].usage != TOPOLOGY_AUTH)
			continue;
		port = find_port(s, &t->listeners[i].address);
		if (port != NULL)
			port->is_wanted = true;
		else
			err = open_port(s, t, &t->listeners[i].address, why);
	}
	return err;
}

static int start_port(struct server_port *port, struct why *why)
{
	int err;

	err = listener_start(port->listener, port->server->loop, on_accept,
		port);
	if (err < 0)
		return why_set(why, err, "can't accept: %s", err_text(err));
	return 0;
}

static void close_port(struct server_port *port)
{
	listener_free(port->listener);
	port->listener = NULL;
}

int server_listen(struct server *s, const struct topology *t, struct why *why)
{
	int err;

	for (size_t i = 0; i < SERVER_PORTS_MAX; i++) {
		s->ports[i].is_wanted = false;
		s->ports[i].is_fresh = false;
	}
	err = want_ports(s, t, why);
	for (size_t i = 0; i < SERVER_PORTS_MAX && err == 0; i++)
		if (s->ports[i].is_fresh && s->is_accepting)
			err = start_port(&s->ports[i], why);
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++) {
		struct server_port *port = &s->ports[i];

		if (port->listener != NULL &&
			(err < 0 ? port->is_fresh : !port->is_wanted))
			close_port(port);
	}
	return err;
}

int server_start(struct server *s, struct why *why)
{
	int err = 0;

	for (size_t i = 0; i < SERVER_PORTS_MAX && err == 0; i++)
		if (s->ports[i].listener != NULL)
			err = start_port(&s->ports[i], why);
	s->is_accepting = err == 0;
	return err;
}

void server_gone(struct server *s, uint32_t port_id, const struct addr *remote)
{
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++)
		if (s->ports[i].listener != NULL && s->ports[i].id == port_id)
			listener_gone(s->ports[i].listener, remote);
}

/* ---- sessions ----------------------------------------------------------- */

void server_trust(struct server *s, struct topology *t)
{
	struct topology *before = s->topology;
	struct list *at, *next;

	s->topology = topology_ref(t);
	topology_unref(before);
	list_for_each_safe(at, next, &s->sessions)
		session_review(session_of(at), t);
}

void server_review(struct server *s)
{
	struct tls_ctx *ctx = tls_watch_get(s->tls);
	struct list *at, *next;

	list_for_each_safe(at, next, &s->sessions)
		session_review_chain(session_of(at), ctx);
	tls_ctx_unref(ctx);
}

void server_drain(struct server *s, bool on)
{
	struct why why = {""};
	struct list *at, *next;
	int err;

	s->is_draining = on;
	if (!on) {
		err = server_listen(s, s->topology, &why);
		if (err < 0)
			log_error("server.closed", "reason=%s",
				log_qz(why_text(&why, err)));
		return;
	}
	for (size_t i = 0; i < SERVER_PORTS_MAX; i++)
		if (s->ports[i].listener != NULL)
			close_port(&s->ports[i]);
	list_for_each_safe(at, next, &s->sessions)
		session_retire(session_of(at));
}

json_t *server_json(const struct server *s)
{
	json_t *list = json_array();
	struct list *at;

	list_for_each(at, &s->sessions)
		json_array_append_new(list, session_json(session_of(at)));
	return list;
}
