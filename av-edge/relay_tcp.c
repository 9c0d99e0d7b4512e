/*
 * TCP relay ports. Lives here: listening, admitting, connecting, and the
 * pairs of sockets between two of them. Does not live here: what the bytes
 * mean ([MS-TURN]: ms_stream.c, RFC 6062: data_conn.c), who may be a peer
 * at all (turn.c). Threats T6, T19, T20; RFC 6062 5.2, 5.3.
 */
#include "av-edge/relay_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "av-edge/allowance.h"
#include "av-edge/peer_policy.h"
#include "av-edge/shard.h"

#define BACKLOG     16
#define ACCEPTS_MAX 16 /* in one turn */
#define STUCK_MS    30000
#define PACE_MS     50 /* how often a debt of bandwidth is looked at */

struct alloc *relay_tcp_alloc(const struct relay_tcp *t)
{
	return flat_pool_at(&t->shard->turn.allocs.pool, t->number);
}

struct tcp_conn *relay_tcp_client(const struct relay_tcp *t)
{
	return t->shard->relays[t->number]->conn;
}

static void count(const struct relay_tcp *t, enum av_counter id)
{
	stats_add(&t->shard->turn.stats, id, 1);
}

static bool is_own(const struct relay_tcp *t, const struct addr *a)
{
	return peer_policy_is_own(&t->shard->turn.rules->peers, a);
}

/* ---- bandwidth ---------------------------------------------------------- */

static void pay(struct relay_tcp *t, enum quota_way way)
{
	if (t->owed[way] > 0 && allowance_spend(&t->shard->turn,
		relay_tcp_alloc(t), way, t->owed[way]))
		t->owed[way] = 0;
}

static void on_pace(void *arg)
{
	struct relay_tcp *t = arg;
	bool was[QUOTA_WAY_COUNT] = {t->owed[QUOTA_UP] > 0,
		t->owed[QUOTA_DOWN] > 0};

	t->shard->turn.now = loop_now(t->shard->loop);
	pay(t, QUOTA_UP);
	pay(t, QUOTA_DOWN);
	if (t->owed[QUOTA_UP] + t->owed[QUOTA_DOWN] > 0)
		loop_timer_start(t->pace, PACE_MS);
	if (was[QUOTA_UP] && t->owed[QUOTA_UP] == 0)
		t->user->on_rate(t, QUOTA_UP, true);
	if (was[QUOTA_DOWN] && t->owed[QUOTA_DOWN] == 0)
		t->user->on_rate(t, QUOTA_DOWN, true);
}

void relay_tcp_owe(struct relay_tcp *t, enum quota_way way, size_t len)
{
	t->owed[way] += allowance_price(relay_tcp_alloc(t), len);
	pay(t, way);
	if (t->owed[way] == 0)
		return;
	t->user->on_rate(t, way, false);
	if (!loop_timer_is_running(t->pace))
		loop_timer_start(t->pace, PACE_MS);
}

/* ---- life -------------------------------------------------------------- */

int relay_tcp_new(struct relay_tcp **out, struct shard *s,
	const struct alloc *a, const struct peer_conn_user *user)
{
	struct relay_tcp *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->shard = s;
	t->number = alloc_number_of_id(a->id);
	t->user = user;
	list_init(&t->peers);
	err = loop_timer_new(&t->pace, s->loop, on_pace, t);
	if (err < 0) {
		free(t);
		return err;
	}
	s->tcp_relays++;
	*out = t;
	return 0;
}

void relay_tcp_free(struct relay_tcp *t)
{
	struct list *node;

	if (t == NULL)
		return;
	while ((node = list_first(&t->peers)) != NULL)
		relay_tcp_drop(container_of(node, struct peer_conn, node));
	loop_timer_free(t->pace);
	t->shard->tcp_relays--;
	free(t);
}

/* ---- connections ------------------------------------------------------- */

static struct peer_conn *add(struct relay_tcp *t, const struct addr *peer)
{
	struct peer_conn *p = calloc(1, t->user->size);

	if (p == NULL)
		return NULL;
	p->relay = t;
	p->user = t->user;
	p->peer = *peer;
	p->moved_ms = t->shard->turn.now.ms;
	list_push_back(&t->peers, &p->node);
	relay_tcp_alloc(t)->peer_conns++;
	count(t, AV_PEER_CONNS);
	return p;
}

/* Without a word to its user. */
static void take_out(struct peer_conn *p)
{
	struct relay_tcp *t = p->relay;

	list_remove(&p->node);
	relay_tcp_alloc(t)->peer_conns--;
	stats_add(&t->shard->turn.stats, AV_PEER_CONNS, (uint64_t)-1);
	stream_free(p->stream);
	p->stream = NULL;
}

void relay_tcp_drop(struct peer_conn *p)
{
	take_out(p);
	p->user->on_end(p);
	free(p);
}

void relay_tcp_ended(struct peer_conn *p)
{
	if (!p->is_open)
		count(p->relay, AV_CONNECT_FAILED);
	relay_tcp_drop(p);
}

struct peer_conn *relay_tcp_find(const struct relay_tcp *t,
	const struct addr *peer)
{
	struct list *it;

	for (it = t->peers.next; it != &t->peers; it = it->next) {
		struct peer_conn *p = container_of(it, struct peer_conn, node);

		if (addr_eq(&p->peer, peer))
			return p;
	}
	return NULL;
}

/* ---- who comes --------------------------------------------------------- */

static void set_watched(struct relay_tcp *t, bool is_watched)
{
	struct loop_fd *watch = t->shard->relays[t->number]->watch;

	t->is_starved = !is_watched;
	/* Where it can't be noted it is looked at too often, that is all. */
	(void)!loop_fd_want(watch, is_watched ? LOOP_READ : 0);
}

void relay_tcp_listen(struct relay_tcp *t)
{
	if (t->is_listening)
		return;
	t->is_listening = listen(relay_tcp_alloc(t)->relay_fd, BACKLOG) == 0;
	if (t->is_listening)
		set_watched(t, true);
}

static bool is_welcome(const struct relay_tcp *t, const struct addr *from)
{
	const struct alloc *a = relay_tcp_alloc(t);
	const struct turn *turn = &t->shard->turn;

	return a->peer_conns < turn->rules->peer_connections &&
	    perm_has(&turn->perms, a, from, turn->now);
}

/* fd is taken. */
static void take_in(struct relay_tcp *t, int fd, const struct addr *from,
	bool is_inner)
{
	struct peer_conn *p = add(t, from);

	if (p == NULL) {
		close(fd);
		return;
	}
	p->is_inner = is_inner;
	p->is_open = true;
	count(t, AV_PEER_CONN_TAKEN);
	if (peer_conn_adopt(p, fd) < 0) {
		take_out(p);
		free(p);
		return;
	}
	if (!p->user->on_taken(p))
		relay_tcp_drop(p);
}

static void reset(int fd)
{
	static const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void admit(struct relay_tcp *t, int fd, const struct addr *from)
{
	/* The short cut never uses the network: whoever comes with our
	 * relay's address from there is not us. */
	if (is_own(t, from) || !is_welcome(t, from)) {
		count(t, AV_PEER_CONN_REFUSED);
		reset(fd);
		return;
	}
	take_in(t, fd, from, false);
}

static int accept_one(int fd, struct addr *from)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int got = accept4(fd, (struct sockaddr *)&ss, &len,
		SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (got < 0)
		return -errno;
	if (addr_from_sockaddr((struct sockaddr *)&ss, len, from) == 0)
		return got;
	close(got);
	return -ECONNABORTED;
}

void relay_tcp_accept(struct relay_tcp *t)
{
	struct addr from;
	unsigned i;
	int fd;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept_one(relay_tcp_alloc(t)->relay_fd, &from);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS ||
		    fd == -ENOMEM) {
			set_watched(t, false);
			return;
		}
		if (fd == -EAGAIN)
			return;
		if (fd >= 0)
			admit(t, fd, &from);
	}
}

/* ---- between two relay ports of this edge ------------------------------ */

struct knock {
	uint64_t owner; /* the allocation that owns the port */
	struct addr from; /* the relayed address of who knocks */
	int fd; /* owned */
};

static struct relay_tcp *relay_of(struct shard *s, uint64_t owner)
{
	const struct alloc *a = alloc_by_id(&s->turn.allocs, owner);

	return a != NULL ? s->relays[alloc_number_of_id(a->id)]->tcp : NULL;
}

/* In the shard of the port that was knocked at. */
static void on_knock(struct shard *s, void *arg)
{
	struct knock *k = arg;
	struct relay_tcp *t = relay_of(s, k->owner);

	if (t == NULL || !is_welcome(t, &k->from)) {
		if (t != NULL)
			count(t, AV_PEER_CONN_REFUSED);
		close(k->fd);
	} else if (peer_conn_welcome(k->fd) < 0) {
		close(k->fd); /* gone meanwhile */
	} else {
		take_in(t, k->fd, &k->from, true);
	}
	free(k);
}

static int knock(struct relay_tcp *t, uint64_t owner, int fd)
{
	struct shard *to = t->shard->peers[alloc_shard_of_id(owner)];
	struct knock *k = malloc(sizeof(*k));
	int err;

	if (k == NULL)
		return -ENOMEM;
	*k = (struct knock){owner, relay_tcp_alloc(t)->relayed, fd};
	err = shard_post(to, on_knock, k);
	if (err < 0)
		free(k);
	return err;
}

static int dial_inside(struct relay_tcp *t, struct peer_conn *p)
{
	const struct port_pool *ports =
	    t->shard->turn.shared->ports[rules_family_of(&p->peer)];
	uint64_t owner = port_pool_owner(ports, p->peer.port);
	int fds[2], err;

	if (owner == 0 || alloc_shard_of_id(owner) >= t->shard->peer_count)
		return -ECONNREFUSED;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		    fds) < 0)
		return -errno;
	p->is_inner = true;
	p->awaits_verdict = true;
	err = peer_conn_adopt(p, fds[0]);
	if (err == 0)
		err = knock(t, owner, fds[1]);
	if (err < 0)
		close(fds[1]);
	return err;
}

static int dial_outside(struct relay_tcp *t, struct peer_conn *p)
{
	const struct alloc *a = relay_tcp_alloc(t);
	const struct rules_media *media =
	    &t->shard->turn.rules->media[rules_family_of(&p->peer)];
	struct addr at = addr_with_port(&media->bind, a->relay_port);

	return peer_conn_dial(p, &at, media->device[0] != '\0');
}

int relay_tcp_connect(struct peer_conn **out, struct relay_tcp *t,
	const struct addr *peer)
{
	struct peer_conn *p;
	int err;

	if (!turn_may_connect(&t->shard->turn, relay_tcp_alloc(t)))
		return EDGE_EBUSY;
	p = add(t, peer);
	if (p == NULL)
		return -ENOMEM;
	count(t, AV_CONNECT_TRIED);
	err = is_own(t, peer) ? dial_inside(t, p) : dial_outside(t, p);
	if (err < 0) {
		count(t, AV_CONNECT_FAILED);
		take_out(p);
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

/* ---- new rules ---------------------------------------------------------- */

void relay_tcp_withdraw(struct relay_tcp *t)
{
	const struct peer_policy *policy = &t->shard->turn.rules->peers;
	struct list *it, *next;

	list_for_each_safe(it, next, &t->peers) {
		struct peer_conn *p = container_of(it, struct peer_conn, node);

		if (peer_verdict_is_yes(peer_policy_judge(policy, &p->peer)))
			continue;
		count(t, AV_PEER_CONN_WITHDRAWN);
		relay_tcp_drop(p);
	}
}

/* ---- now and then ------------------------------------------------------ */

void relay_tcp_tick(struct relay_tcp *t)
{
	int64_t now_ms = t->shard->turn.now.ms;
	struct list *it, *next;

	if (t->is_starved && t->is_listening)
		set_watched(t, true);
	list_for_each_safe(it, next, &t->peers) {
		struct peer_conn *p = container_of(it, struct peer_conn, node);

		if (!peer_conn_is_stuck(p, now_ms, now_ms - STUCK_MS))
			continue;
		count(t, AV_PEER_CONN_STALLED);
		relay_tcp_drop(p);
	}
}
