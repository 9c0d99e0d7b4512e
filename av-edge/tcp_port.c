/*
 * TCP ports and the way of a connection to its shard. What a connection
 * says is front_tcp's affair, how long it lives tcp_conn's.
 */
#include "av-edge/tcp_port.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "av-edge/alloc.h"
#include "av-edge/shard.h"
#include "av-edge/tcp_conn.h"

static_assert(SHARD_LISTENERS <= ALLOC_TCP &&
	ALLOC_TCP + TCP_PORT_MAX <= UINT8_MAX, "numbers of ports differ");

static struct tcp_port *find_place(struct tcp_port_table *t)
{
	size_t i;

	for (i = 0; i < TCP_PORT_MAX; i++) {
		if (atomic_load(&t->at[i].is_taken))
			continue;
		t->at[i].number = (uint8_t)(ALLOC_TCP + i);
		return &t->at[i];
	}
	return NULL;
}

int tcp_port_open(struct tcp_port **out, struct tcp_port_table *t,
	const struct tcp_port_spec *spec, struct shard *const *shards,
	unsigned shard_count, struct why *why)
{
	const struct listener_spec listener = {
		.address = spec->address,
		.bind_device = spec->bind_device,
		.max_open = spec->max_open,
		.max_per_source = spec->max_per_source,
		.new_per_s_per_source = spec->new_per_s_per_source,
	};
	struct tcp_port *p = find_place(t);
	int err;

	if (p == NULL)
		return why_set(why, -ENOSPC, "more than %d TCP ports, those "
			"counted that wait for their last connection",
			TCP_PORT_MAX);
	err = listener_new(&p->listener, &listener, why);
	if (err < 0)
		return err;
	p->shards = shards;
	p->shard_count = shard_count;
	p->next = 0;
	p->side = spec->side;
	p->address = spec->address;
	atomic_store(&p->is_closing, false);
	atomic_store(&p->is_taken, true);
	*out = p;
	return 0;
}

/* ---- connections ------------------------------------------------------- */

static void begin(struct shard *s, void *arg)
{
	tcp_conn_begin(s, arg);
}

/* The first shard accepts for all. */
static void on_accepted(int fd, const struct addr *remote, void *arg)
{
	struct tcp_port *p = arg;
	struct shard *to = p->shards[p->next];
	struct tcp_conn *c = tcp_conn_new(p, fd, remote);

	p->next = (p->next + 1) % p->shard_count;
	if (c == NULL) {
		close(fd);
		tcp_port_gone(p, remote);
		return;
	}
	if (to == p->shards[0]) {
		tcp_conn_begin(to, c);
		return;
	}
	if (shard_post(to, begin, c) == 0)
		return;
	tcp_conn_discard(c);
	tcp_port_gone(p, remote);
}

static void end_if_unused(struct tcp_port *p)
{
	if (!atomic_load(&p->is_closing) ||
	    listener_open_count(p->listener) > 0)
		return;
	listener_free(p->listener);
	p->listener = NULL;
	atomic_store(&p->is_taken, false);
}

void tcp_port_gone(struct tcp_port *p, const struct addr *client)
{
	listener_gone(p->listener, client);
	end_if_unused(p);
}

int tcp_port_start(struct tcp_port *p)
{
	return listener_start(p->listener, p->shards[0]->loop, on_accepted, p);
}

void tcp_port_close(struct tcp_port *p)
{
	listener_stop(p->listener);
	atomic_store(&p->is_closing, true);
	end_if_unused(p);
}

/* ---- the table --------------------------------------------------------- */

void tcp_port_table_stop(struct tcp_port_table *t)
{
	size_t i;

	for (i = 0; i < TCP_PORT_MAX; i++)
		if (t->at[i].listener != NULL)
			listener_stop(t->at[i].listener);
}

void tcp_port_table_fini(struct tcp_port_table *t)
{
	size_t i;

	for (i = 0; i < TCP_PORT_MAX; i++)
		listener_free(t->at[i].listener);
	memset(t, 0, sizeof(*t));
}
