/*
 * evhttp behind listeners of ours: bound to the inside's address and its
 * device (threat S19), handed over listening. TLS is on every connection, or
 * there is no answer.
 */
#include "replication-agent/https.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "common/base/err.h"
#include "common/bundle/bundle.h"
#include "common/net/listener.h"

#define HEADER_MAX 8192
#define SILENCE_S  60 /* longer than the long poll */

struct port {
	struct addr address;
	char device[NET_DEVICE_LEN];
	struct listener *listener;         /* owned, until it is started */
	struct evhttp_bound_socket *bound; /* evhttp's */
	bool is_wanted;
};

struct https {
	struct https_spec spec;
	struct evhttp *http;
	struct guests guests;
	struct port ports[HTTPS_PORTS_MAX];
	bool is_started;
	bool is_full;
	bool is_paused;
};

static void follow(struct https *h)
{
	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++) {
		struct evconnlistener *l;

		if (h->ports[i].bound == NULL)
			continue;
		l = evhttp_bound_socket_get_listener(h->ports[i].bound);
		if (h->is_full || h->is_paused)
			evconnlistener_disable(l);
		else
			evconnlistener_enable(l);
	}
}

static void on_full(bool is_full, void *arg)
{
	struct https *h = arg;

	h->is_full = is_full;
	follow(h);
}

static bool has_right(SSL *ssl, void *arg)
{
	const struct https *h = arg;

	return h->spec.has_right(ssl, h->spec.arg);
}

static void on_event(enum guest_event what, void *arg)
{
	const struct https *h = arg;

	h->spec.on_event(what, h->spec.arg);
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct https *h = arg;
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(ev));
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	/* evhttp made a plain one when there was no memory for TLS. */
	if (ssl == NULL || !SSL_is_init_finished(ssl)) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	guests_asked(&h->guests, bev);
	h->spec.on_request(ev, ssl, h->spec.arg);
}

int https_new(struct https **out, const struct https_spec *spec,
	struct why *why)
{
	struct https *h = calloc(1, sizeof(*h));
	int err = -ENOMEM;

	if (h == NULL)
		goto out;
	h->spec = *spec;
	h->guests = (struct guests){
		.loop = spec->loop,
		.tls = spec->tls,
		.limits = spec->limits,
		.has_right = has_right,
		.on_event = on_event,
		.on_full = on_full,
		.arg = h,
	};
	h->http = evhttp_new(loop_base(spec->loop));
	if (h->http == NULL)
		goto out;
	err = guests_init(&h->guests, h->http);
	if (err < 0)
		goto out;
	evhttp_set_gencb(h->http, on_request, h);
	evhttp_set_max_headers_size(h->http, HEADER_MAX);
	evhttp_set_max_body_size(h->http, BUNDLE_MAX);
	evhttp_set_timeout(h->http, SILENCE_S);
	evhttp_set_allowed_methods(h->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT);
	*out = h;
	h = NULL; /* handed over */
out:
	https_free(h);
	return err < 0 ? why_set(why, err, "%s", err_text(err)) : 0;
}

static void close_port(struct https *h, struct port *p)
{
	if (p->bound != NULL)
		evhttp_del_accept_socket(h->http, p->bound);
	listener_free(p->listener);
	memset(p, 0, sizeof(*p));
}

void https_free(struct https *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++)
		if (h->ports[i].address.family != 0)
			close_port(h, &h->ports[i]);
	if (h->http != NULL)
		evhttp_free(h->http);
	guests_fini(&h->guests);
	free(h);
}

/* ---- ports -------------------------------------------------------------- */

static struct port *find(struct https *h, const struct addr *a)
{
	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++)
		if (h->ports[i].address.family != 0 &&
			addr_eq(&h->ports[i].address, a))
			return &h->ports[i];
	return NULL;
}

static struct port *find_free(struct https *h)
{
	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++)
		if (h->ports[i].address.family == 0)
			return &h->ports[i];
	return NULL;
}

static int start_port(struct https *h, struct port *p, struct why *why)
{
	int fd = listener_release(p->listener);

	if (fd < 0)
		return why_set(why, fd, "%s", err_text(fd));
	p->bound = evhttp_accept_socket_with_handle(h->http, fd);
	if (p->bound == NULL) {
		close(fd);
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	}
	listener_free(p->listener);
	p->listener = NULL;
	follow(h);
	return 0;
}

static int open_port(struct https *h, const struct addr *a, bool bind_device,
	struct why *why)
{
	const struct listener_spec spec = {
		.address = *a,
		.bind_device = bind_device,
	};
	struct port *p = find_free(h);
	int err;

	if (p == NULL)
		return why_set(why, EDGE_ETOOBIG,
			"replication-agent can have %u ports",
			HTTPS_PORTS_MAX);
	err = listener_new(&p->listener, &spec, why);
	if (err < 0)
		return err;
	p->address = *a;
	p->is_wanted = true;
	memcpy(p->device, listener_device(p->listener), sizeof(p->device));
	err = h->is_started ? start_port(h, p, why) : 0;
	if (err < 0)
		close_port(h, p);
	return err;
}

int https_listen(struct https *h, const struct addr *addrs, size_t count,
	bool bind_device, struct why *why)
{
	bool was_there[HTTPS_PORTS_MAX];
	int err = 0;

	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++) {
		was_there[i] = h->ports[i].address.family != 0;
		h->ports[i].is_wanted = false;
	}
	for (size_t i = 0; i < count && err == 0; i++) {
		struct port *p = find(h, &addrs[i]);

		if (p != NULL)
			p->is_wanted = true;
		else
			err = open_port(h, &addrs[i], bind_device, why);
	}
	/* After a failure the new ones go, else the old ones. */
	for (size_t i = 0; i < HTTPS_PORTS_MAX; i++) {
		struct port *p = &h->ports[i];

		if (p->address.family != 0 &&
			(err < 0 ? !was_there[i] : !p->is_wanted))
			close_port(h, p);
	}
	return err;
}

int https_start(struct https *h, struct why *why)
{
	int err = 0;

	h->is_started = true;
	for (size_t i = 0; i < HTTPS_PORTS_MAX && err == 0; i++)
		if (h->ports[i].listener != NULL)
			err = start_port(h, &h->ports[i], why);
	return err;
}

void https_pause(struct https *h, bool is_paused)
{
	h->is_paused = is_paused;
	follow(h);
}

void https_set_limits(struct https *h, const struct guest_limits *limits)
{
	h->guests.limits = *limits;
}

size_t https_ports(const struct https *h, struct https_port *out, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < HTTPS_PORTS_MAX && count < cap; i++) {
		const struct port *p = &h->ports[i];

		if (p->address.family == 0)
			continue;
		out[count].address = p->address;
		memcpy(out[count].device, p->device, sizeof(p->device));
		out[count].is_open = p->bound != NULL || p->listener != NULL;
		count++;
	}
	return count;
}

size_t https_connections(const struct https *h)
{
	return h->guests.count;
}
