/*
 * Connections of conferencing servers. Lives here: the probe for who begins
 * TLS, admission by certificate, heartbeats, the end. Does not live here:
 * what is said (link_frame.c), sessions (pair.c). The edge never dials
 * inwards: everything here was accepted.
 */
#include "webconf-edge/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/daemon/recall.h"
#include "common/net/relay.h"
#include "common/store/trusted.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/front.h"
#include "webconf-edge/link_priv.h"
#include "webconf-edge/pair.h"
#include "webconf-edge/role.h"

#define MISSED_MAX      3
#define FIRST_FRAME_MAX 4096

struct link *link_of(struct list *at)
{
	return container_of(at, struct link, node);
}

struct link *link_of_place(struct list *at)
{
	return container_of(at, struct link, place);
}

struct server *link_server(const struct link *l)
{
	return l->server;
}

const uint8_t *link_spki(const struct link *l)
{
	return l->spki_sha256;
}

const char *link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_PROBE] = "probe",
		[LINK_TLS] = "tls",
		[LINK_FIRST] = "first",
		[LINK_CONTROL] = "control",
		[LINK_READY] = "ready",
		[LINK_PAIRING] = "pairing",
		[LINK_MUX] = "multiplexed",
		[LINK_OVER] = "over",
	};

	return names[state];
}

void link_set_state(struct link *l, enum link_state state)
{
	const int64_t beat_ms = (int64_t)l->edge->limits.heartbeat_s * 1000;

	log_debug("server.changed", "connection=%" PRIu64 " from=%s to=%s",
		l->number, link_state_name(l->state), link_state_name(state));
	l->state = state;
	switch (state) {
	case LINK_PROBE:
		loop_timer_start(l->timer, l->edge->limits.role_probe_ms);
		break;
	case LINK_FIRST:
		loop_timer_start(l->timer, l->edge->limits.hello_ms);
		break;
	case LINK_CONTROL:
	case LINK_READY:
	case LINK_MUX:
		loop_timer_start(l->timer, rand_jitter_ms(beat_ms, 10));
		break;
	case LINK_TLS:
	case LINK_PAIRING:
	case LINK_OVER:
		loop_timer_stop(l->timer);
		break;
	}
}

/* ---- leaving ------------------------------------------------------------- */

/* The last control connection is gone: nothing new for this server. */
static void server_lost(struct server *s)
{
	struct list *at, *next;

	list_for_each_safe(at, next, &s->waiters)
		front_refuse(front_of_wait(at), WCE_E_SERVER);
	while ((at = list_first(&s->ready)) != NULL)
		link_free(link_of_place(at));
	list_for_each_safe(at, next, &s->muxes)
		link_retire_mux(link_of_place(at));
	log_notice("server.lost", "server=%s sessions=%zu", log_qz(s->name),
		s->session_count);
}

/* It takes no place of those who have proved nothing any more. */
static void leave_fresh(struct link *l)
{
	if (list_is_empty(&l->fresh))
		return;
	list_remove(&l->fresh);
	ports_gone(&l->edge->ports, l->port_id, &l->remote);
	counter_sub(l->edge->counters, COUNT_SERVERS_PENDING, 1);
}

void link_join_server(struct link *l, struct server *s)
{
	leave_fresh(l);
	l->server = s;
	s->link_count++;
}

/* Out of its server's lists. Until the last line the server stays. */
static void leave_server(struct link *l)
{
	struct server *s = l->server;
	enum link_state state = l->state;

	if (s == NULL)
		return;
	l->server = NULL;
	list_remove(&l->place);
	if (state == LINK_READY)
		s->ready_count--;
	if (state == LINK_MUX)
		s->mux_count--;
	if (state == LINK_CONTROL && --s->control_count == 0)
		server_lost(s);
	s->link_count--;
	server_forget_if_unused(&l->edge->servers, s);
}

void link_release(struct link *l)
{
	leave_server(l);
	leave_fresh(l);
	mux_free(l->mux);
	list_remove(&l->node);
	counter_sub(l->edge->counters, COUNT_SERVER_CONNECTIONS_OPEN, 1);
	wce_reader_fini(&l->reader);
	loop_timer_free(l->timer);
	loop_fd_free(l->probe);
	if (l->fd >= 0)
		close(l->fd);
	free(l->name);
	free(l);
}

void link_free(struct link *l)
{
	stream_free(l->stream);
	l->stream = NULL;
	link_release(l);
}

/* Orderly: what was sent goes out, on_end releases. */
void link_close(struct link *l)
{
	struct pair *pair = l->pair;

	l->pair = NULL;
	leave_server(l);
	link_set_state(l, LINK_OVER);
	stream_close(l->stream);
	if (pair != NULL)
		pair_lost_link(pair);
}

static const char *name_of(const struct link *l)
{
	if (l->server != NULL)
		return l->server->name;
	return l->name != NULL ? l->name : "";
}

/* For `edgectl explain` with the server's name or address. */
static void remember(const struct link *l, const char *kind,
	enum recall_share share, const char *code, const char *reason)
{
	const struct recall_note note = {
		.share = share,
		.kind = kind,
		.domain = str_of(name_of(l)),
		.address = &l->remote,
	};

	recall_add(daemon_recall(l->edge->daemon), &note,
		"state=%s code=%s reason=%s", link_state_name(l->state), code,
		reason);
}

void link_fault(struct link *l, enum wce_code code, const char *reason)
{
	uint8_t reply[WCE_SHORT_MAX];
	char from[ADDR_TEXT_LEN];
	size_t len = wce_error(reply, code, 0);

	remember(l, "server.refused", code == WCE_E_UNTRUSTED ?
		RECALL_STRANGER : RECALL_REFUSED, wce_code_name(code), reason);

	counter_add(l->edge->counters, COUNT_SERVER_REFUSED, 1);
	log_limited(LOG_LEVEL_WARNING, 60, "server.refused",
		"connection=%" PRIu64 " remote=%s server=%s state=%s code=%s "
		"reason=%s", l->number, addr_text(&l->remote, from),
		log_qz(name_of(l)), link_state_name(l->state),
		wce_code_name(code), log_qz(reason));
	(void)stream_send(l->stream, reply, len);
	link_close(l);
	/* Who is on it need not wait for its end; never from inside one of
	 * its callbacks, which close and do not fault. */
	mux_free(l->mux);
	l->mux = NULL;
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct link *l = arg;
	struct wce_frame frame;
	int rc;

	(void)stream;
	if (l->state == LINK_OVER)
		return;
	while ((rc = wce_reader_next(&l->reader, &rest, &frame)) == 1) {
		if (l->state == LINK_PAIRING && frame.type == WCE_PAIR_OK) {
			link_take_pair_ok(l, &frame, rest);
			return;
		}
		if (!link_take_frame(l, &frame))
			return;
	}
	if (rc < 0)
		link_fault(l, wce_code_of(rc), err_name(rc));
}

static void on_drained(struct stream *stream, void *arg)
{
	struct link *l = arg;

	stream_resume(stream);
	if (l->state == LINK_MUX)
		link_mux_writable(l);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct link *l = arg;
	struct pair *pair = l->pair;
	char from[ADDR_TEXT_LEN];

	(void)stream;
	l->stream = NULL;
	l->pair = NULL;
	if (l->state == LINK_TLS) {
		remember(l, "server.refused", RECALL_STRANGER, "tls", detail);
		counter_add(l->edge->counters, COUNT_SERVER_REFUSED, 1);
		log_limited(LOG_LEVEL_WARNING, 60, "server.refused",
			"connection=%" PRIu64 " remote=%s server=\"\" "
			"state=tls code=tls reason=%s", l->number,
			addr_text(&l->remote, from), log_qz(detail));
	} else if (l->state == LINK_CONTROL) {
		remember(l, "server.closed", RECALL_ENDED,
			stream_end_name(end), detail);
		log_info("server.closed", "connection=%" PRIu64 " server=%s "
			"reason=%s detail=%s", l->number,
			log_qz(l->server->name), stream_end_name(end),
			log_qz(detail));
	}
	link_release(l);
	if (pair != NULL)
		pair_lost_link(pair);
}

/* ---- admission ----------------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	const struct tls_peer *peer = stream_peer(stream);
	const struct topology_trust *row;
	struct link *l = arg;
	const char *cause;

	row = trusted_find(l->edge->topology, TOPOLOGY_GRANT_WEBCONF, peer,
		&cause);
	if (row == NULL) {
		link_fault(l, WCE_E_UNTRUSTED, cause);
		return;
	}
	l->name = strdup(row->fqdn);
	if (l->name == NULL) {
		link_fault(l, WCE_E_INTERNAL, "memory");
		return;
	}
	memcpy(l->spki_sha256, peer->spki_sha256, sizeof(l->spki_sha256));
	link_set_state(l, LINK_FIRST);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

static int begin_tls(struct link *l, bool is_client)
{
	const struct stream_limits limits = {
		.handshake_ms = l->edge->limits.handshake_ms,
		.queue_max = RELAY_QUEUE_MAX,
		.is_tls_client = is_client,
	};
	struct tls_ctx *tls = tls_watch_get(is_client ? l->edge->tls_client :
			l->edge->tls_server);
	int fd = l->fd;
	int err;

	loop_fd_free(l->probe);
	l->probe = NULL;
	l->fd = -1;
	link_set_state(l, LINK_TLS);
	err = stream_accept(&l->stream, l->edge->loop, fd, &l->remote, tls,
		&limits, &OPS, l);
	tls_ctx_unref(tls);
	return err;
}

static void begin_or_free(struct link *l, bool is_client)
{
	if (begin_tls(l, is_client) < 0)
		link_free(l);
}

static void look(struct link *l, bool is_late)
{
	uint8_t first[3];
	ssize_t n = recv(l->fd, first, sizeof(first), MSG_PEEK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (is_late)
			begin_or_free(l, true);
		return;
	}
	if (n <= 0) {
		link_free(l);
		return;
	}
	switch (role_probe(first, (size_t)n)) {
	case ROLE_SERVER:
		begin_or_free(l, false);
		return;
	case ROLE_WAIT:
		/* A byte or two: judged when the time is over, not before,
		 * or the loop would spin on them. */
		if (!is_late && loop_fd_want(l->probe, 0) == 0)
			return;
		break;
	case ROLE_NO_TLS:
		break;
	}
	counter_add(l->edge->counters, COUNT_SERVER_REFUSED, 1);
	link_free(l);
}

static void on_first_byte(unsigned ready, void *arg)
{
	(void)ready;
	look(arg, false);
}

static void beat(struct link *l)
{
	uint8_t frame[WCE_SHORT_MAX];
	uint8_t bytes[WCE_PING_LEN];

	if (l->missed >= MISSED_MAX) {
		link_fault(l, WCE_E_TIMEOUT, "heartbeat");
		return;
	}
	l->missed++;
	rand_bytes(bytes, sizeof(bytes));
	(void)stream_send(l->stream, frame, wce_ping(frame, WCE_PING, bytes));
	link_set_state(l, l->state);
}

static void on_timer(void *arg)
{
	struct link *l = arg;

	switch (l->state) {
	case LINK_PROBE:
		look(l, true);
		break;
	case LINK_FIRST:
		link_fault(l, WCE_E_TIMEOUT, "no first frame");
		break;
	case LINK_CONTROL:
	case LINK_READY:
	case LINK_MUX:
		beat(l);
		break;
	case LINK_TLS:
	case LINK_PAIRING:
	case LINK_OVER:
		break;
	}
}

int link_new(struct webconf_edge *e, const struct port *port, int fd,
	const struct addr *remote)
{
	struct link *l = calloc(1, sizeof(*l));
	int err;

	if (l == NULL) {
		close(fd);
		return -ENOMEM;
	}
	l->edge = e;
	l->fd = fd;
	l->remote = *remote;
	l->port_id = port->id;
	l->number = ++e->last_id;
	l->began = loop_now(e->loop);
	list_init(&l->node);
	list_init(&l->fresh);
	list_init(&l->place);
	wce_reader_init(&l->reader, FIRST_FRAME_MAX);
	err = loop_timer_new(&l->timer, e->loop, on_timer, l);
	if (err == 0 && e->limits.tls_role == LIMITS_ROLE_AUTO)
		err = loop_fd_new(&l->probe, e->loop, fd, LOOP_READ,
			on_first_byte, l);
	if (err == 0 && e->limits.tls_role == LIMITS_ROLE_AUTO)
		link_set_state(l, LINK_PROBE);
	else if (err == 0)
		err = begin_tls(l, e->limits.tls_role == LIMITS_ROLE_CLIENT);
	if (err < 0) {
		loop_timer_free(l->timer);
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return err;
	}
	list_push_back(&e->links, &l->node);
	list_push_back(&e->fresh, &l->fresh);
	counter_add(e->counters, COUNT_SERVERS_PENDING, 1);
	counter_add(e->counters, COUNT_SERVER_CONNECTIONS, 1);
	counter_add(e->counters, COUNT_SERVER_CONNECTIONS_OPEN, 1);
	return 0;
}
