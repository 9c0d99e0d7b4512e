/*
 * One SIP connection. Bytes become messages here, pings are answered, and
 * the deadlines of a connection that says too little or nothing hold
 * (threat S8). RFC 5626 section 4.4.1, RFC 3261 section 18.3.
 */
#include "access-edge/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/stream_review.h"
#include "common/run/loop.h"

#define HEAD_MAX          65536
#define HEAD_MAX_UNPROVEN 16384
#define LINE_MAX_LEN      8192
#define LINES_MAX         128
#define FLOOD_TIMES       10u
#define IDLE_SETTING      "max_keep_alive_interval"
#define QUEUE_OUTSIDE     (1u << 20)  /* and one message of a server */
#define QUEUE_INSIDE      (16u << 20) /* what all clients share */

/* ---- the table ----------------------------------------------------------- */

int session_table_init(struct session_table *t, struct loop *loop,
	const struct session_ops *ops, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->loop = loop;
	t->ops = ops;
	t->arg = arg;
	list_init(&t->all);
	list_init(&t->shaking);
	/* Seconds in front: a later process can't use a number again. */
	t->epoch = (uint32_t)wall_now().s;
	return map_init(&t->by_cid);
}

static void leave_shaking(struct session *s)
{
	if (list_is_empty(&s->in_shaking))
		return;
	list_remove(&s->in_shaking);
	s->table->shaking_count--;
}

struct session *session_oldest_shaking(const struct session_table *t)
{
	struct list *it = list_first(&t->shaking);

	return it == NULL ? NULL : container_of(it, struct session,
		in_shaking);
}

static void session_free(struct session *s)
{
	if (s == NULL)
		return;
	if (s->table != NULL) {
		leave_shaking(s);
		map_remove(&s->table->by_cid, &s->node);
		list_remove(&s->in_table);
		s->table->count--;
	}
	stream_free(s->stream);
	tls_names_free(s->names);
	free(s->held);
	free(s->partner);
	sip_frame_fini(&s->frame);
	free(s);
}

void session_table_fini(struct session_table *t)
{
	struct list *it;

	if (t->loop == NULL)
		return;
	while ((it = list_first(&t->all)) != NULL)
		session_free(container_of(it, struct session, in_table));
	map_fini(&t->by_cid);
}

static bool has_cid(const struct map_node *node, const void *key)
{
	const struct session *s = container_of(node, struct session, node);

	return s->origin.cid == *(const uint64_t *)key;
}

struct session *session_find(const struct session_table *t, uint64_t cid)
{
	uint64_t hash = map_hash(&t->by_cid, &cid, sizeof(cid));
	struct map_node *node = map_find(&t->by_cid, hash, has_cid, &cid);
	struct session *s;

	if (node == NULL)
		return NULL;
	s = container_of(node, struct session, node);
	return s->is_ready && !s->is_closing ? s : NULL;
}

static void take_cid(struct session_table *t, struct origin *origin)
{
	if (++t->next == 0)
		t->epoch++;
	origin->cid = (uint64_t)t->epoch << 32 | t->next;
	snprintf(origin->cid_text, sizeof(origin->cid_text), "%016" PRIX64,
		origin->cid);
}

static void enter(struct session_table *t, struct session *s)
{
	s->table = t;
	map_insert(&t->by_cid, &s->node, map_hash(&t->by_cid,
		&s->origin.cid, sizeof(s->origin.cid)));
	list_push_back(&t->all, &s->in_table);
	t->count++;
}

/* ---- bytes in ------------------------------------------------------------ */

static void on_whole(struct session *s, struct str text)
{
	struct session_table *t = s->table;
	struct sip_msg *m;
	struct sip_fault fault;
	int err;

	/* Requests over the rate are answered, which costs too; ten times the
	 * rate, of anything, is no client. */
	if (s->origin.role == ORIGIN_CLIENT && !bucket_take(&s->flood,
		s->last_in)) {
		t->ops->on_lost(s, NULL, 0, "a flood of messages", t->arg);
		session_close(s, "flood");
		return;
	}
	err = sip_msg_parse(&m, text, &fault);
	if (err == -ENOMEM) {
		session_close(s, "memory");
		return;
	}
	t->ops->on_message(s, m, err != 0 ? &fault : NULL, t->arg);
	s->messages_in += !s->is_held;
	if (err != 0 && fault.is_lost) {
		s->fault = fault.cause;
		session_close(s, "malformed");
	} else if (err != 0) {
		session_waste(s);
	}
	sip_msg_free(m);
}

static void on_bad(struct session *s, const struct sip_frame_item *item)
{
	struct session_table *t = s->table;
	struct sip_msg *m = NULL;
	struct sip_fault fault;

	/* The headers alone: enough to answer, when they can be read. */
	if (item->head.n > 0 &&
		sip_msg_parse(&m, item->head, &fault) == -ENOMEM)
		m = NULL;
	t->ops->on_lost(s, m, (unsigned)item->status, item->cause, t->arg);
	sip_msg_free(m);
	s->fault = item->cause;
	session_close(s, "framing");
}

/* What waits until the session is resumed: the message that could not be
 * taken, and what came behind it. */
struct session_held {
	size_t message_len;
	size_t len;
	char text[];
};

static void keep(struct session *s, struct str message, struct str rest)
{
	struct session_held *h = malloc(sizeof(*h) + message.n + rest.n);

	if (h == NULL) {
		session_close(s, "memory");
		return;
	}
	h->message_len = message.n;
	h->len = message.n + rest.n;
	memcpy(h->text, message.p, message.n);
	if (rest.n > 0)
		memcpy(h->text + message.n, rest.p, rest.n);
	s->held = h;
}

static void take_bytes(struct session *s, struct str rest)
{
	struct sip_frame_item item = {.kind = SIP_FRAME_PING};
	bool is_whole = false, has_pong = false;

	while (!s->is_closing && item.kind != SIP_FRAME_NONE) {
		if (sip_frame_next(&s->frame, &rest, &item) != 0) {
			session_close(s, "memory");
			return;
		}
		is_whole = is_whole || item.kind == SIP_FRAME_MESSAGE;
		if (item.kind == SIP_FRAME_MESSAGE)
			on_whole(s, item.message);
		else if (item.kind == SIP_FRAME_PING && !has_pong)
			/* One for all that came at once: nobody pings again
			 * before the pong, but to have us send many. */
			has_pong = stream_send(s->stream, "\r\n", 2) >= 0;
		else if (item.kind == SIP_FRAME_BAD)
			on_bad(s, &item);
		if (s->is_held) {
			keep(s, item.message, rest);
			return;
		}
	}
	if (sip_frame_is_idle(&s->frame))
		s->unfinished.ms = 0;
	else if (s->unfinished.ms == 0 || is_whole)
		s->unfinished = s->last_in;
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct session *s = arg;

	(void)stream;
	s->last_in = loop_now(s->table->loop);
	take_bytes(s, (struct str){(const char *)data, len});
}

void session_hold(struct session *s)
{
	s->is_held = true;
	s->unfinished.ms = 0; /* it is us who are late */
	stream_pause(s->stream);
}

void session_resume(struct session *s)
{
	struct session_held *h = s->held;

	if (!s->is_held || h == NULL || s->is_closing)
		return;
	s->held = NULL;
	s->is_held = false;
	on_whole(s, (struct str){h->text, h->message_len});
	if (s->is_held) {
		s->held = h; /* not yet */
		return;
	}
	take_bytes(s, (struct str){h->text + h->message_len,
		h->len - h->message_len});
	free(h);
	if (!s->is_held && !s->is_closing)
		stream_resume(s->stream);
}

/* ---- life ---------------------------------------------------------------- */

/* Now it is known who it is; servers send longer messages than strangers. */
static void settle_role(struct session *s, bool has_certificate)
{
	s->origin.role = origin_role_of(s->door, has_certificate);
	if (s->origin.role == ORIGIN_CLIENT)
		return;
	s->frame.limits.head_max = HEAD_MAX;
	s->frame.limits.body_max = s->server_body_max;
}

static void on_stream_ready(struct stream *stream, void *arg)
{
	struct session *s = arg;
	const struct tls_peer *peer = stream_peer(stream);

	leave_shaking(s);
	s->is_ready = true;
	s->ready = loop_now(s->table->loop);
	s->last_in = s->ready;
	s->origin.local = *stream_local(stream);
	if (peer != NULL && peer->is_verified && peer->name_count > 0)
		snprintf(s->origin.peer_name, sizeof(s->origin.peer_name),
			"%s", peer->names[0]);
	settle_role(s, peer != NULL && peer->is_verified &&
		peer->is_present);
	if (s->origin.role == ORIGIN_PARTNER &&
		stream_names(stream, &s->names) != 0) {
		session_close(s, "memory");
		return;
	}
	s->table->ops->on_ready(s, s->table->arg);
}

static void on_stream_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct session *s = arg;
	struct session_table *t = s->table;

	(void)stream;
	s->stream = NULL; /* goes by itself after this call */
	s->is_closing = true;
	t->ops->on_end(s, end, detail, t->arg);
	if (s->listener != NULL)
		listener_gone(s->listener, &s->origin.remote);
	session_free(s);
}

static const struct stream_ops stream_ops = {
	.on_ready = on_stream_ready,
	.on_data = on_data,
	.on_end = on_stream_end,
};

static struct session *session_new(struct session_table *t,
	enum origin_door door, struct tls_watch *tls, const struct policy *p)
{
	struct session *s = calloc(1, sizeof(*s));
	enum origin_role role = origin_role_before(door);
	bool is_client = role == ORIGIN_CLIENT;
	struct sip_frame_limits limits = {
		.head_max = is_client ? HEAD_MAX_UNPROVEN : HEAD_MAX,
		.line_max = LINE_MAX_LEN,
		.lines_max = LINES_MAX,
		.body_max = is_client ? p->client_body_max :
			p->server_body_max,
	};

	if (s == NULL)
		return NULL;
	list_init(&s->in_table);
	list_init(&s->in_shaking);
	list_init(&s->in_held);
	sip_frame_init(&s->frame, &limits);
	s->door = door;
	s->idle_setting = IDLE_SETTING;
	s->origin.role = role;
	s->server_body_max = p->server_body_max;
	s->opened = loop_now(t->loop);
	take_cid(t, &s->origin);
	s->tls = tls;
	bucket_init(&s->bucket, p->client_rate, p->client_burst, s->opened);
	bucket_init(&s->flood, p->client_rate * FLOOD_TIMES,
		p->client_burst * FLOOD_TIMES, s->opened);
	return s;
}

static struct stream_limits limits_of(enum origin_door door,
	const struct policy *p)
{
	bool is_inside = door == ORIGIN_DOOR_INTERNAL;

	return (struct stream_limits){
		.handshake_ms = (int64_t)p->handshake_s * 1000,
		.queue_max = is_inside ? QUEUE_INSIDE :
			QUEUE_OUTSIDE + HEAD_MAX + p->server_body_max,
		/* Servers are watched by OPTIONS, not by silence. */
		.idle_ms = is_inside ? 0 : (int64_t)p->max_idle_s * 1000,
	};
}

int session_accept(struct session_table *t, int fd,
	const struct addr *remote, enum origin_door door,
	struct tls_watch *tls, const struct policy *p,
	struct listener *listener)
{
	struct session *s = session_new(t, door, tls, p);
	struct stream_limits limits = limits_of(door, p);
	struct tls_ctx *ctx;
	int err;

	if (s == NULL) {
		close(fd);
		return -ENOMEM;
	}
	s->origin.remote = *remote;
	s->listener = listener;
	ctx = tls_watch_get(tls);
	err = stream_accept(&s->stream, t->loop, fd, remote, ctx, &limits,
		&stream_ops, s);
	tls_ctx_unref(ctx);
	if (err != 0) {
		session_free(s);
		return err;
	}
	enter(t, s);
	list_push_back(&t->shaking, &s->in_shaking);
	t->shaking_count++;
	return 0;
}

int session_connect(struct session **out, struct session_table *t,
	const struct stream_target *target, enum origin_door door,
	struct tls_watch *tls, const struct policy *p)
{
	struct session *s = session_new(t, door, tls, p);
	struct stream_limits limits = limits_of(door, p);
	struct tls_ctx *ctx;
	int err;

	if (s == NULL)
		return -ENOMEM;
	limits.handshake_ms = (int64_t)p->connect_s * 1000;
	s->origin.remote = target->remote;
	ctx = tls_watch_get(tls);
	err = stream_connect(&s->stream, t->loop, target, ctx, &limits,
		&stream_ops, s);
	tls_ctx_unref(ctx);
	if (err != 0) {
		session_free(s);
		return err;
	}
	enter(t, s);
	*out = s;
	return 0;
}

int session_send(struct session *s, const char *text, size_t len)
{
	int err;

	if (s->is_closing || !s->is_ready)
		return -ENOTCONN;
	err = stream_send(s->stream, text, len);
	if (err >= 0)
		s->messages_out++;
	return err < 0 ? err : 0;
}

void session_waste(struct session *s)
{
	if (s->origin.role == ORIGIN_PARTNER && !bucket_take(&s->flood,
		s->last_in))
		session_close(s, "flood");
}

bool session_is_congested(const struct session *s)
{
	return s->origin.role == ORIGIN_INTERNAL && s->is_ready &&
		!s->is_closing && stream_queued(s->stream) > QUEUE_INSIDE / 2;
}

void session_close(struct session *s, const char *why)
{
	if (s->is_closing)
		return;
	s->why_closed = why;
	s->is_closing = true;
	leave_shaking(s);
	stream_close(s->stream);
}

void session_follow(struct session *s, const struct policy *p)
{
	const struct stream_limits limits = limits_of(s->door, p);
	struct mono now = loop_now(s->table->loop);

	bucket_set(&s->bucket, p->client_rate, p->client_burst, now);
	bucket_set(&s->flood, p->client_rate * FLOOD_TIMES,
		p->client_burst * FLOOD_TIMES, now);
	s->server_body_max = p->server_body_max;
	s->frame.limits.body_max = s->origin.role == ORIGIN_CLIENT ?
		p->client_body_max : p->server_body_max;
	stream_set_queue_max(s->stream, limits.queue_max);
	/* What was agreed on with a client holds until it registers again. */
	if (s->is_ready && strcmp(s->idle_setting, IDLE_SETTING) == 0)
		stream_set_idle_ms(s->stream, limits.idle_ms);
}

bool session_is_trusted(const struct session *s)
{
	struct tls_ctx *ctx = tls_watch_get(s->tls);
	bool is_trusted = stream_review(s->stream, ctx);

	tls_ctx_unref(ctx);
	return is_trusted;
}

void session_wait(struct session *s)
{
	s->is_waiting = true;
	s->is_ready = false;
	stream_pause(s->stream);
}

void session_go_on(struct session *s)
{
	s->is_waiting = false;
	s->is_ready = true;
	stream_resume(s->stream);
}

void session_signed_in(struct session *s, const struct policy *p,
	struct str user)
{
	if (s->origin.role != ORIGIN_CLIENT)
		return;
	if (user.n > 0 && str_copy(user, s->user, sizeof(s->user)) != 0)
		s->user[0] = '\0';
	if (s->origin.is_signed_in)
		return;
	s->origin.is_signed_in = true;
	s->frame.limits.head_max = HEAD_MAX;
	s->frame.limits.body_max = p->client_body_max;
	log_info("session.signed_in", "session=%s user=%s",
		s->origin.cid_text, log_qz(s->user));
}

bool session_is_user(const struct session *s, struct str user)
{
	return s->origin.is_signed_in && s->user[0] != '\0' &&
		str_eq_z(user, s->user);
}

/* Why this connection's time is up, or NULL. */
static const char *overdue(const struct session *s, const struct policy *p,
	struct mono now)
{
	if (s->unfinished.ms != 0 && mono_since_ms(s->unfinished, now) >
		(int64_t)p->message_s * 1000)
		return "message";
	if (s->is_waiting && mono_since_ms(s->ready, now) >
		(int64_t)p->handshake_s * 1000)
		return "unchecked certificate";
	if (s->origin.role != ORIGIN_CLIENT || !s->is_ready)
		return NULL;
	if (s->messages_in == 0 && mono_since_ms(s->ready, now) >
		(int64_t)p->first_message_s * 1000)
		return "first-message";
	if (!s->origin.is_signed_in && mono_since_ms(s->ready, now) >
		(int64_t)p->pre_auth_s * 1000)
		return "sign-in";
	return NULL;
}

void session_table_sweep(struct session_table *t, const struct policy *p)
{
	struct mono now = loop_now(t->loop);
	struct list *it, *next;

	list_for_each_safe(it, next, &t->all) {
		struct session *s = container_of(it, struct session,
			in_table);
		const char *what = s->is_closing ? NULL :
			overdue(s, p, now);

		if (what == NULL)
			continue;
		session_close(s, what);
	}
}
