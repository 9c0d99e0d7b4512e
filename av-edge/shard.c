/*
 * A worker thread: sockets, loop, batches, rests. What a datagram means and
 * where it goes is decided in front_udp, turn_rfc and relay_udp; here is
 * who calls them, and when what piled up leaves.
 */
#include "av-edge/shard.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/rand.h"
#include "av-edge/data_conn.h"
#include "av-edge/front_udp.h"
#include "av-edge/ms_stream.h"
#include "av-edge/relay_icmp.h"
#include "av-edge/relay_socket.h"
#include "av-edge/relay_tcp.h"
#include "av-edge/relay_udp.h"
#include "av-edge/tcp_conn.h"

#define SLOTS_CLIENTS 64
#define SLOTS_PEERS   192
#define TICK_MS       1000

/* ---- relay sockets, for turn.c ----------------------------------------- */

static void on_relay_ready(unsigned ready, void *arg)
{
	const struct shard_relay *relay = arg;
	struct shard *s = relay->shard;

	(void)ready;
	s->turn.now = loop_now(s->loop);
	if (relay->tcp != NULL)
		relay_tcp_accept(relay->tcp);
	else
		s->packets += relay_from_peers(s,
			flat_pool_at(&s->turn.allocs.pool, relay->number));
}

static int grow_relays(struct shard *s, uint32_t number)
{
	uint32_t cap = s->relay_cap == 0 ? FLAT_CHUNK : s->relay_cap * 2;
	struct shard_relay **grown;

	if (number < s->relay_cap)
		return 0;
	grown = realloc(s->relays, cap * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + s->relay_cap, 0,
		(cap - s->relay_cap) * sizeof(*grown));
	s->relays = grown;
	s->relay_cap = cap;
	return 0;
}

static void free_relay(struct shard_relay *relay)
{
	relay_tcp_free(relay->tcp);
	loop_fd_free(relay->watch);
	free(relay);
}

static int watch_relay(struct shard *s, const struct alloc *a, int fd)
{
	uint32_t number = alloc_number_of_id(a->id);
	bool is_tcp = alloc_relays_tcp(a);
	struct shard_relay *relay;
	int err;

	err = grow_relays(s, number);
	if (err < 0)
		return err;
	relay = calloc(1, sizeof(*relay));
	if (relay == NULL)
		return -ENOMEM;
	relay->shard = s;
	relay->number = number;
	relay->conn = s->asking;
	if (is_tcp)
		err = relay_tcp_new(&relay->tcp, s, a,
			a->dialect == ALLOC_MS ? &ms_stream_user :
						 &data_conn_user);
	/* A TCP port is looked at from the first permission on. */
	if (err == 0)
		err = loop_fd_new(&relay->watch, s->loop, fd,
			is_tcp ? 0 : LOOP_READ, on_relay_ready, relay);
	if (err < 0) {
		free_relay(relay);
		return err;
	}
	s->relays[number] = relay;
	return 0;
}

static int open_relay(void *arg, struct alloc *a,
	const struct rules_media *media)
{
	struct shard *s = arg;
	int fd, err;

	fd = alloc_relays_tcp(a) ?
		relay_socket_open_tcp(media, a->relay_port) :
		relay_socket_open(media, a->relay_port);
	if (fd < 0)
		return fd;
	err = watch_relay(s, a, fd);
	if (err < 0) {
		close(fd);
		return err;
	}
	a->relay_fd = fd;
	a->family = media->bind.family;
	if (a->dialect == ALLOC_RFC && !alloc_relays_tcp(a))
		relay_icmp_watch(a);
	if (alloc_is_tcp(a))
		tcp_conn_allocated(s->asking, true);
	else
		s->listeners[a->listener].users++;
	return 0;
}

static void end_listener(struct shard_listener *l)
{
	loop_fd_free(l->watch);
	close(l->fd);
	l->watch = NULL;
	l->fd = -1;
	l->is_closing = false;
}

static void close_relay(void *arg, struct alloc *a)
{
	struct shard *s = arg;
	uint32_t number = alloc_number_of_id(a->id);
	struct tcp_conn *conn = s->relays[number]->conn;

	/* Queued datagrams of this allocation name its socket. */
	udp_tx_flush(s->to_peers);
	free_relay(s->relays[number]);
	s->relays[number] = NULL;
	close(a->relay_fd);
	if (!alloc_is_tcp(a))
		s->listeners[a->listener].users--;
	else if (a->twin == FLAT_NONE)
		tcp_conn_allocated(conn, false);
}

static struct relay_tcp *tcp_of(const struct shard *s, const struct alloc *a)
{
	return s->relays[alloc_number_of_id(a->id)]->tcp;
}

static void listen_relay(void *arg, struct alloc *a)
{
	relay_tcp_listen(tcp_of(arg, a));
}

static void withdraw_relay(void *arg, struct alloc *a)
{
	relay_tcp_withdraw(tcp_of(arg, a));
}

static int connect_relay(void *arg, struct alloc *a, const struct addr *peer,
	const struct turn_receipt *receipt)
{
	return data_conn_connect(tcp_of(arg, a), peer, receipt);
}

static struct alloc *owner_of_connection(void *arg, uint32_t connection)
{
	return data_conn_owner(arg, connection);
}

static const struct turn_io relay_io = {
	.open = open_relay,
	.close = close_relay,
	.listen = listen_relay,
	.withdraw = withdraw_relay,
	.connect = connect_relay,
	.owner = owner_of_connection,
};

/* ---- listeners --------------------------------------------------------- */

static void on_listener_ready(unsigned ready, void *arg)
{
	struct shard_listener *l = arg;
	struct shard *s = l->shard;

	(void)ready;
	s->turn.now = loop_now(s->loop);
	s->packets += front_udp_read(s, l);
}

static struct shard_listener *find_listener(struct shard *s,
	const struct addr *address)
{
	unsigned i;

	for (i = 0; i < SHARD_LISTENERS; i++)
		if (s->listeners[i].fd >= 0 &&
		    addr_eq(&s->listeners[i].address, address))
			return &s->listeners[i];
	return NULL;
}

int shard_add_listener(struct shard *s, int fd, const struct addr *address,
	enum topology_side side)
{
	struct shard_listener *l = find_listener(s, address);
	unsigned i;
	int err;

	if (l != NULL) { /* it was closing: now it is not */
		l->is_closing = false;
		close(fd);
		return 0;
	}
	for (i = 0; i < SHARD_LISTENERS && l == NULL; i++)
		if (s->listeners[i].fd < 0)
			l = &s->listeners[i];
	if (l == NULL) {
		close(fd);
		return -ENOSPC;
	}
	err = loop_fd_new(&l->watch, s->loop, fd, LOOP_READ,
		on_listener_ready, l);
	if (err < 0) {
		close(fd);
		return err;
	}
	l->fd = fd;
	l->address = *address;
	l->side = side;
	l->is_closing = false;
	l->no_segment = false;
	l->dropped = 0;
	return 0;
}

void shard_close_listener(struct shard *s, const struct addr *address)
{
	struct shard_listener *l = find_listener(s, address);

	if (l != NULL)
		l->is_closing = true;
}

/* Not as soon as the last user goes: its answer is still to be sent. */
static void end_listeners(struct shard *s)
{
	struct shard_listener *l;
	unsigned i;

	for (i = 0; i < SHARD_LISTENERS; i++) {
		l = &s->listeners[i];
		if (l->fd >= 0 && l->is_closing && l->users == 0)
			end_listener(l);
	}
}

/* ---- batches ----------------------------------------------------------- */

static void count_sent(struct shard *s, struct udp_tx *tx)
{
	uint64_t sent, failed;

	udp_tx_flush(tx);
	udp_tx_take_counts(tx, &sent, &failed);
	if (failed > 0)
		stats_add(&s->turn.stats, AV_DROP_SEND, failed);
}

uint8_t *shard_answer_room(struct shard *s)
{
	if (s->answer_count == SHARD_ANSWERS) {
		count_sent(s, s->to_clients);
		s->answer_count = 0;
	}
	return s->answers[s->answer_count];
}

static void on_inbox(void *arg)
{
	struct shard *s = arg;

	s->turn.now = loop_now(s->loop);
	atomic_store(&s->inbox_waits, false);
	/* The rest after the descriptors had their turn. If that can't be
	 * noted, the next datagram's wake-up finds it. */
	if (relay_from_inbox(s))
		(void)!loop_defer(s->loop, on_inbox, s);
}

/* One wake-up a batch, and none while one is under way. */
static void wake_others(struct shard *s)
{
	unsigned i;

	for (i = 0; i < s->peer_count; i++) {
		struct shard *other = s->peers[i];

		if (!s->wakes[i])
			continue;
		s->wakes[i] = false;
		if (atomic_exchange(&other->inbox_waits, true))
			continue;
		if (loop_post(other->loop, on_inbox, other) < 0)
			atomic_store(&other->inbox_waits, false);
	}
}

void shard_flush(struct shard *s)
{
	count_sent(s, s->to_peers);
	count_sent(s, s->to_clients);
	s->answer_count = 0;
	udp_rx_reset(s->from_clients);
	udp_rx_reset(s->from_peers);
	wake_others(s);
}

/* ---- the thread -------------------------------------------------------- */

static void count_lost(struct shard *s)
{
	struct shard_listener *l;
	uint64_t dropped;
	unsigned i;

	for (i = 0; i < SHARD_LISTENERS; i++) {
		l = &s->listeners[i];
		if (l->fd < 0)
			continue;
		dropped = udp_dropped(l->fd);
		stats_add(&s->turn.stats, AV_DROP_SOCKET,
			dropped - l->dropped);
		l->dropped = dropped;
	}
}

/* Connections of TCP relay ports. */
static void look_after_peers(struct shard *s)
{
	uint32_t left = s->tcp_relays, i;

	for (i = 0; i < s->relay_cap && left > 0; i++) {
		if (s->relays[i] == NULL || s->relays[i]->tcp == NULL)
			continue;
		relay_tcp_tick(s->relays[i]->tcp);
		left--;
	}
}

static void on_tick(void *arg)
{
	struct shard *s = arg;

	s->turn.now = loop_now(s->loop);
	s->turn.wall = wall_now();
	turn_tick(&s->turn);
	look_after_peers(s);
	shard_flush(s);
	end_listeners(s);
	tcp_conn_retry(s);
	count_lost(s);
	loop_timer_start(s->tick, TICK_MS);
}

struct job {
	struct shard *shard;
	shard_job *run;
	void *arg;
};

static void on_job(void *arg)
{
	struct job *job = arg;
	struct shard *s = job->shard;

	s->turn.now = loop_now(s->loop);
	job->run(s, job->arg);
	free(job);
}

int shard_post(struct shard *s, shard_job *run, void *arg)
{
	struct job *job = malloc(sizeof(*job));
	int err;

	if (job == NULL)
		return -ENOMEM;
	*job = (struct job){s, run, arg};
	err = loop_post(s->loop, on_job, job);
	if (err < 0)
		free(job);
	return err;
}

void shard_turn(struct shard *s, int max_wait_ms)
{
	loop_turn(s->loop, max_wait_ms);
	shard_flush(s);
}

static void rest(struct shard *s)
{
	uint32_t rest_us = rest_after_turn(&s->rest, s->packets,
		mono_now_us(), s->turn.rules->rest_us);
	const struct timespec length = {.tv_nsec = rest_us * 1000L};

	s->packets = 0;
	stats_add(&s->turn.stats, AV_TURNS, 1);
	if (rest_us == 0)
		return;
	stats_add(&s->turn.stats, AV_RESTS, 1);
	stats_add(&s->turn.stats, AV_REST_US, rest_us);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
}

static void *work(void *arg)
{
	struct shard *s = arg;
	char name[16];

	snprintf(name, sizeof(name), "shard-%u", s->number);
	pthread_setname_np(pthread_self(), name);
	while (!loop_is_stopped(s->loop)) {
		shard_turn(s, -1);
		rest(s);
	}
	return NULL;
}

int shard_start(struct shard *s)
{
	sigset_t all, old;
	int err;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, work, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->is_running = err == 0;
	return -err;
}

void shard_stop(struct shard *s)
{
	if (!s->is_running)
		return;
	loop_stop(s->loop);
	pthread_join(s->thread, NULL);
	s->is_running = false;
}

bool shard_settle(struct shard *s)
{
	return loop_run_posted(s->loop);
}

/* ---- life -------------------------------------------------------------- */

static int set_up(struct shard *s, struct turn_shared *shared,
	struct rules *rules)
{
	int err;

	err = loop_new(&s->loop);
	if (err == 0)
		err = map_init(&s->unbound);
	if (err == 0)
		err = turn_init(&s->turn, s->number, shared, rules,
			mono_now());
	if (err == 0)
		err = udp_rx_new(&s->from_clients, SLOTS_CLIENTS);
	if (err == 0)
		err = udp_rx_new(&s->from_peers, SLOTS_PEERS);
	if (err == 0)
		err = udp_tx_new(&s->to_clients);
	if (err == 0)
		err = udp_tx_new(&s->to_peers);
	if (err == 0)
		err = loop_timer_new(&s->tick, s->loop, on_tick, s);
	return err;
}

int shard_new(struct shard **out, unsigned number,
	struct turn_shared *shared, struct rules *rules)
{
	struct shard *s = calloc(1, sizeof(*s));
	unsigned i;
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->number = number;
	list_init(&s->conns);
	list_init(&s->leaving);
	s->indication = rand_u64();
	for (i = 0; i < SHARD_LISTENERS; i++) {
		s->listeners[i].shard = s;
		s->listeners[i].number = (uint8_t)i;
		s->listeners[i].fd = -1;
	}
	err = set_up(s, shared, rules);
	if (err < 0) {
		shard_free(s);
		return err;
	}
	s->turn.io = &relay_io;
	s->turn.io_arg = s;
	loop_timer_start(s->tick, TICK_MS);
	*out = s;
	return 0;
}

int shard_introduce(struct shard *const *shards, unsigned count)
{
	unsigned to, from;
	int err;

	for (to = 0; to < count; to++) {
		shards[to]->peers = shards;
		shards[to]->peer_count = count;
		for (from = 0; from < count; from++) {
			if (from == to)
				continue;
			err = handoff_new(&shards[to]->inbox[from]);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

void shard_free(struct shard *s)
{
	unsigned i;

	if (s == NULL)
		return;
	turn_fini(&s->turn);
	tcp_conn_free_all(s);
	for (i = 0; i < SHARD_LISTENERS; i++)
		if (s->listeners[i].fd >= 0)
			end_listener(&s->listeners[i]);
	for (i = 0; i < SHARD_MAX; i++)
		handoff_free(s->inbox[i]);
	map_fini(&s->unbound);
	loop_timer_free(s->tick);
	udp_rx_free(s->from_clients);
	udp_rx_free(s->from_peers);
	udp_tx_free(s->to_clients);
	udp_tx_free(s->to_peers);
	free(s->relays);
	loop_free(s->loop);
	free(s);
}
