/*
 * The doorkeeper of 4443. A guest is timed by what it has sent: bytes are
 * looked at as they come, for the end of the header alone; evhttp parses.
 * Who takes too long has its socket shut, which evhttp sees as the end.
 * evhttp tells nobody when it frees a connection, so a reference to each
 * bufferevent is kept (as common/bus/bus_guests.c does).
 */
#include "replication-agent/guest.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/tls_aside.h"

#define TICK_MS 250

enum stage {
	STAGE_HANDSHAKE,
	STAGE_IDLE,    /* between requests: evhttp's silence timeout counts */
	STAGE_HEADER,
	STAGE_BODY,
	STAGE_ANSWER,  /* it is our turn */
};

struct guest {
	struct guests *house;
	struct bufferevent *bev; /* a reference */
	enum stage stage;
	struct tls_aside aside; /* bound on messages of TLS itself */
	struct mono came;
	struct mono since;   /* of the handshake, or of the request */
	size_t bytes;        /* of this request */
	unsigned line_ends;  /* met in a row; two end a header */
	bool is_checked;
	bool has_right;
	bool is_shut;
};

/* ---- one guest ---------------------------------------------------------- */

static void shut(struct guest *guest, enum guest_event why)
{
	if (guest->is_shut)
		return;
	guest->is_shut = true;
	shutdown(bufferevent_getfd(guest->bev), SHUT_RDWR);
	guest->house->on_event(why, guest->house->arg);
}

/* CRLF CRLF, or LF LF, which evhttp takes as well. */
static void scan(struct guest *guest, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n && guest->stage == STAGE_HEADER; i++) {
		if (p[i] == '\n' && ++guest->line_ends == 2)
			guest->stage = STAGE_BODY;
		else if (p[i] != '\n' && p[i] != '\r')
			guest->line_ends = 0;
	}
}

static void scan_new(struct guest *guest, struct evbuffer *buf, size_t at,
	size_t n)
{
	unsigned char piece[512];
	struct evbuffer_ptr from;

	while (n > 0 && guest->stage == STAGE_HEADER &&
		evbuffer_ptr_set(buf, &from, at, EVBUFFER_PTR_SET) == 0) {
		size_t take = n < sizeof(piece) ? n : sizeof(piece);
		ev_ssize_t got = evbuffer_copyout_from(buf, &from, piece,
			take);

		if (got <= 0)
			return;
		scan(guest, piece, (size_t)got);
		at += (size_t)got;
		n -= (size_t)got;
	}
}

static void begin_request(struct guest *guest)
{
	guest->stage = STAGE_HEADER;
	guest->since = loop_now(guest->house->loop);
	guest->bytes = 0;
	guest->line_ends = 0;
}

static void check_right(struct guest *guest)
{
	struct guests *g = guest->house;
	SSL *ssl = bufferevent_openssl_get_ssl(guest->bev);
	int on = 1;

	if (guest->is_checked)
		return;
	guest->is_checked = true;
	/* An answer is header and body: two records, not 40 ms apart. It
	 * works without, only slower. */
	if (setsockopt(bufferevent_getfd(guest->bev), IPPROTO_TCP,
		    TCP_NODELAY, &on, sizeof(on)) < 0)
		log_debug("https.slow", "reason=%s",
			log_qz(err_text(-errno)));
	guest->has_right = g->has_right(ssl, g->arg);
}

/* Application data: the handshake is behind us. */
static void on_bytes(struct evbuffer *buf, const struct evbuffer_cb_info *info,
	void *arg)
{
	struct guest *guest = arg;

	if (info->n_added == 0)
		return;
	if (guest->stage == STAGE_HANDSHAKE || guest->stage == STAGE_IDLE ||
		guest->stage == STAGE_ANSWER)
		begin_request(guest);
	check_right(guest);
	guest->bytes += info->n_added;
	if (!guest->has_right &&
		guest->bytes > guest->house->limits.no_right_max)
		shut(guest, GUEST_NO_RIGHT);
	scan_new(guest, buf, info->orig_size, info->n_added);
}

/* Since it came, whatever it asked meanwhile: who has no right is answered at
 * once, and could ask for ever. */
static bool is_in_the_way(const struct guest *guest, struct mono now)
{
	return guest->house->count >= GUESTS_CROWD && !guest->has_right &&
		mono_since_ms(guest->came, now) > GUESTS_HASTE_MS;
}

static void judge_time(struct guest *guest, struct mono now)
{
	const struct guest_limits *l = &guest->house->limits;
	const int64_t age_ms = mono_since_ms(guest->since, now);
	SSL *ssl = bufferevent_openssl_get_ssl(guest->bev);

	if (guest->aside.is_flooded)
		shut(guest, GUEST_FLOODED);
	if (is_in_the_way(guest, now))
		shut(guest, GUEST_CROWDED);
	switch (guest->stage) {
	case STAGE_HANDSHAKE:
		if (SSL_is_init_finished(ssl)) {
			guest->stage = STAGE_IDLE;
			check_right(guest);
			return;
		}
		if (age_ms > l->handshake_ms)
			shut(guest, GUEST_TLS_LATE);
		return;
	case STAGE_HEADER:
		if (age_ms > l->header_ms)
			shut(guest, GUEST_HEADER_LATE);
		return;
	case STAGE_BODY:
		if (age_ms > l->request_ms)
			shut(guest, GUEST_BODY_LATE);
		return;
	case STAGE_IDLE:
	case STAGE_ANSWER:
		return;
	}
}

/* ---- all of them -------------------------------------------------------- */

static bool is_gone(struct bufferevent *bev)
{
	bufferevent_data_cb on_read;
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(bev, &on_read, &on_write, &on_event, &arg);
	return on_read == NULL && on_write == NULL && on_event == NULL;
}

static void release(struct guest *guest)
{
	SSL *ssl = bufferevent_openssl_get_ssl(guest->bev);

	/* evhttp saw the end of the read before we looked. */
	if (guest->aside.is_flooded)
		shut(guest, GUEST_FLOODED);
	SSL_set_info_callback(ssl, NULL); /* it may live on for a turn */
	evbuffer_remove_cb(bufferevent_get_input(guest->bev), on_bytes,
		guest);
	bufferevent_decref(guest->bev);
	free(guest);
}

static void sweep(struct guests *g)
{
	const struct mono now = loop_now(g->loop);
	size_t kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (is_gone(g->rows[i]->bev)) {
			release(g->rows[i]);
			continue;
		}
		judge_time(g->rows[i], now);
		g->rows[kept++] = g->rows[i];
	}
	g->count = kept;
}

static void on_tick(void *arg)
{
	struct guests *g = arg;

	sweep(g);
	if (g->count < GUESTS_MAX)
		g->on_full(false, g->arg);
	if (g->count > 0)
		loop_timer_start(g->timer, TICK_MS);
}

static struct bufferevent *new_bev(struct guests *g, struct event_base *base,
	struct tls_aside *aside)
{
	struct tls_ctx *ctx = tls_watch_get(g->tls);
	SSL *ssl = SSL_new(tls_ctx_ssl(ctx));
	struct bufferevent *bev = NULL;

	tls_ctx_unref(ctx);
	/* libevent asks SSL_pending(), which does not count records that were
	 * read ahead: a body that came with its header would lie there until
	 * more comes. */
	if (ssl != NULL) {
		SSL_set_read_ahead(ssl, 0);
		tls_aside_watch(aside, ssl);
	}
	if (ssl != NULL)
		bev = bufferevent_openssl_socket_new(base, -1, ssl,
			BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	/* A publisher that is killed leaves no close_notify; its request is
	 * whole, or it is none. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

/* A connection was accepted; evhttp fills it in when we return. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct guests *g = arg;
	struct guest *guest;
	struct bufferevent *bev;

	sweep(g);
	guest = calloc(1, sizeof(*guest));
	bev = guest != NULL && g->count < GUESTS_MAX ? new_bev(g, base,
		&guest->aside) : NULL;
	if (bev == NULL) {
		/* evhttp would take a plain one instead. */
		free(guest);
		return bufferevent_socket_new(base, -1,
			BEV_OPT_CLOSE_ON_FREE);
	}
	bufferevent_incref(bev);
	guest->house = g;
	guest->bev = bev;
	guest->came = loop_now(g->loop);
	guest->since = guest->came;
	evbuffer_add_cb(bufferevent_get_input(bev), on_bytes, guest);
	g->rows[g->count++] = guest;
	if (g->count == GUESTS_MAX) {
		log_limited(LOG_LEVEL_WARNING, 6, "https.full",
			"connections=%zu", g->count);
		g->on_full(true, g->arg);
	}
	g->on_event(GUEST_CAME, g->arg);
	loop_timer_start(g->timer, TICK_MS);
	return bev;
}

int guests_init(struct guests *g, struct evhttp *http)
{
	if (loop_timer_new(&g->timer, g->loop, on_tick, g) < 0)
		return -ENOMEM;
	evhttp_set_bevcb(http, on_accept, g);
	return 0;
}

void guests_fini(struct guests *g)
{
	for (size_t i = 0; i < g->count; i++)
		release(g->rows[i]);
	g->count = 0;
	loop_timer_free(g->timer);
	g->timer = NULL;
}

void guests_asked(struct guests *g, const struct bufferevent *bev)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->rows[i]->bev == bev)
			g->rows[i]->stage = STAGE_ANSWER;
}
