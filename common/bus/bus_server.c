/*
 * The serving side of the bus: two listening sockets in evhttp, the peer's
 * credentials, the hand-over to a handler. Which handler is bus_match.c's
 * affair, who may is bus_right.c's, the answer bus_request.c's.
 */
#include "common/bus/bus_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/bus/bus_guests.h"
#include "common/bus/bus_match.h"
#include "common/bus/bus_request.h"
#include "common/bus/bus_right.h"

#define HEADERS_MAX    (8u << 10)
#define IDLE_TIMEOUT_S 30

struct door {
	struct bus_server *server;
	struct evhttp *http; /* owned */
	struct bus_guests guests;
	bool is_admin;
};

struct bus_server {
	struct loop *loop;
	struct bus_tables tables; /* borrowed */
	struct bus_policy policy;
	struct door read;
	struct door admin;
	struct list requests; /* unanswered */
	void *const *states; /* borrowed */
};

struct asker {
	const struct door *door;
	struct bus_peer peer;
};

static bool asker_may(enum bus_right right, const void *arg)
{
	const struct asker *asker = arg;

	return bus_may(&asker->door->server->policy, &asker->peer,
		asker->door->is_admin, right);
}

/* Who changed what is part of the daemon's life. */
static void note(const struct bus_request *req, const struct asker *asker)
{
	const struct bus_route *route = req->match.route;

	if (req->match.status != 0)
		log_limited(LOG_LEVEL_WARNING, 10, "bus.refused",
			"status=%d uid=%u pid=%d text=%s", req->match.status,
			(unsigned)asker->peer.uid, (int)asker->peer.pid,
			log_qz(req->match.why.text));
	else if (route->right != BUS_READ)
		log_notice("bus.asked", "path=%s uid=%u pid=%d", route->path,
			(unsigned)asker->peer.uid, (int)asker->peer.pid);
}

static int dispatch(struct bus_request *req, const struct asker *asker)
{
	const struct bus_server *server = asker->door->server;
	struct evbuffer *body = evhttp_request_get_input_buffer(req->ask.ev);
	const size_t len = evbuffer_get_length(body);
	const struct bus_call call = {
		.method = str_of(http_method_name(req->ask.ev)),
		.uri = str_of(evhttp_request_get_uri(req->ask.ev)),
		.body = {(const char *)evbuffer_pullup(body, -1), len},
		.may = asker_may,
		.arg = asker,
	};
	int err = bus_match_init(&req->match, &server->tables, &call);

	note(req, asker);
	return err;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	const struct door *door = arg;
	struct asker asker = {.door = door};
	struct evhttp_connection *con = evhttp_request_get_connection(ev);
	struct bus_request *req;
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(con));

	if (bus_peer_init(&asker.peer, fd) < 0 ||
		bus_request_new(&req, ev, door->server->loop,
			&door->server->requests) < 0) {
		bus_peer_fini(&asker.peer);
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	if (dispatch(req, &asker) < 0)
		bus_reply_error(req, req->match.status, req->match.code, "%s",
			req->match.why.text);
	else
		req->match.route->handler(req,
			door->server->states[req->match.table]);
	bus_peer_fini(&asker.peer);
}

/* fd is taken, also on failure. */
static int door_init(struct door *door, struct bus_server *server, int fd,
	bool is_admin)
{
	struct evhttp_bound_socket *bound = NULL;

	door->server = server;
	door->is_admin = is_admin;
	door->http = evhttp_new(loop_base(server->loop));
	if (door->http != NULL && evutil_make_socket_nonblocking(fd) == 0)
		bound = evhttp_accept_socket_with_handle(door->http, fd);
	if (bound == NULL) {
		close(fd);
		return -ENOMEM;
	}
	if (bus_guests_init(&door->guests, server->loop, door->http,
		    evhttp_bound_socket_get_listener(bound)) < 0)
		return -ENOMEM;
	evhttp_set_gencb(door->http, on_request, door);
	evhttp_set_max_headers_size(door->http, HEADERS_MAX);
	evhttp_set_max_body_size(door->http, BUS_BODY_MAX);
	evhttp_set_timeout(door->http, IDLE_TIMEOUT_S);
	/* We answer the wrong ones ourselves, with the right one's name. */
	evhttp_set_allowed_methods(door->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
			EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
			EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	return 0;
}

int bus_server_new(struct bus_server **out, struct loop *loop,
	const struct bus_server_spec *spec, struct why *why)
{
	struct bus_server *server = calloc(1, sizeof(*server));
	int err;

	if (server == NULL) {
		close(spec->read_fd);
		close(spec->admin_fd);
		return why_set(why, -ENOMEM, "control bus: out of memory");
	}
	list_init(&server->requests);
	server->loop = loop;
	server->states = spec->states;
	server->tables.tables = spec->tables;
	server->tables.counts = spec->table_counts;
	server->tables.count = spec->table_count;
	server->policy.own_uid = geteuid();
	server->policy.read_group = spec->read_group;
	server->policy.admin_group = spec->admin_group;
	server->policy.agent_uid = spec->agent_uid;
	err = door_init(&server->read, server, spec->read_fd, false);
	if (err < 0)
		close(spec->admin_fd);
	else
		err = door_init(&server->admin, server, spec->admin_fd, true);
	if (err < 0) {
		bus_server_free(server);
		return why_set(why, err, "control bus: out of memory");
	}
	*out = server;
	return 0;
}

void bus_server_free(struct bus_server *server)
{
	struct list *node;

	if (server == NULL)
		return;
	/* Connections are closed here: requests and streams hear of it. */
	if (server->read.http != NULL)
		evhttp_free(server->read.http);
	if (server->admin.http != NULL)
		evhttp_free(server->admin.http);
	bus_guests_fini(&server->read.guests);
	bus_guests_fini(&server->admin.guests);
	/* Who answers later finds nobody. */
	while ((node = list_first(&server->requests)) != NULL)
		list_remove(node);
	free(server);
}
