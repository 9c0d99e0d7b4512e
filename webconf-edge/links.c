/*
 * All connections of servers at once. Lives here: a right that was taken
 * away, a drain, the end of one server's. Does not live here: one of them
 * (link.c), the table of servers (server.c).
 */
#include "webconf-edge/links.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/crowd.h"
#include "webconf-edge/id_right.h"
#include "webconf-edge/link_priv.h"
#include "webconf-edge/pair.h"

static bool has_right(const struct topology *t, const char *name,
	const uint8_t *spki)
{
	const struct topology_trust *row = topology_trusted(t,
		TOPOLOGY_GRANT_WEBCONF, name);

	return row != NULL && (!row->has_pin ||
		digest_eq(row->spki_sha256, spki, sizeof(row->spki_sha256)));
}

static bool has_had_its_time(const struct link *l, int64_t time_ms)
{
	return (l->state == LINK_PROBE || l->state == LINK_TLS ||
		l->state == LINK_FIRST) &&
		mono_since_ms(l->began, loop_now(l->edge->loop)) >= time_ms;
}

void links_thin_out(struct webconf_edge *e)
{
	const int64_t time_ms = crowd_time_ms(counter_get(e->counters,
		COUNT_SERVERS_PENDING), e->limits.fresh_max);
	unsigned looked = 0;
	unsigned gone = 0;
	struct list *at, *next;

	if (time_ms < 0)
		return;
	list_for_each_safe(at, next, &e->fresh) {
		struct link *l = container_of(at, struct link, fresh);

		if (gone == CROWD_THIN_OUT || ++looked > CROWD_LOOK)
			return;
		if (!has_had_its_time(l, time_ms))
			continue;
		counter_add(e->counters, COUNT_SERVER_REFUSED, 1);
		link_free(l);
		gone++;
	}
}

static struct link *link_of_server(const struct webconf_edge *e,
	const struct server *server)
{
	struct list *at;

	list_for_each(at, &e->links)
		if (link_of(at)->server == server)
			return link_of(at);
	return NULL;
}

/* One may take others with it, and the last one the server. */
void links_drop(struct webconf_edge *e, const struct server *server)
{
	struct link *l;

	while ((l = link_of_server(e, server)) != NULL) {
		struct pair *pair = l->pair;

		l->pair = NULL;
		if (pair != NULL)
			pair_lost_link(pair);
		link_free(l);
	}
}

static void review_servers(struct webconf_edge *e)
{
	struct server *s = servers_next(&e->servers, NULL);

	while (s != NULL) {
		struct server *next = servers_next(&e->servers, s);

		if (!has_right(e->topology, s->name, s->spki_sha256) ||
		    id_right_refusal(e->topology, s->name, s->id) != NULL) {
			log_notice("server.revoked", "server=%s sessions=%zu",
				log_qz(s->name), s->session_count);
			pairs_cut(e, s, "server_revoked");
			server_unlist(&e->servers, s);
			links_drop(e, s);
		}
		s = next;
	}
}

/* A relay outlives its slot, and its server may have come back with another
 * key since. */
static void review_pairs(struct webconf_edge *e)
{
	struct list *at;

	list_for_each(at, &e->pairs) {
		struct pair *p = pair_of(at);

		if (!has_right(e->topology, pair_server(p)->name,
			    pair_spki(p)))
			pair_cut(p, "server_revoked");
	}
}

static struct link *link_without_right(const struct webconf_edge *e)
{
	struct list *at;

	list_for_each(at, &e->links) {
		struct link *l = link_of(at);
		const char *name = l->server != NULL ? l->server->name :
			l->name;

		if (l->state != LINK_OVER && name != NULL &&
			!has_right(e->topology, name, l->spki_sha256))
			return l;
	}
	return NULL;
}

void links_review(struct webconf_edge *e)
{
	struct link *l;

	review_servers(e);
	review_pairs(e);
	/* Those that have not said yet what they are for, and those with
	 * another key than their server has now. One may take others with
	 * it. */
	while ((l = link_without_right(e)) != NULL)
		link_fault(l, WCE_E_UNTRUSTED, "the right was taken away");
}

void links_drain(struct webconf_edge *e, bool on, uint32_t grace_s)
{
	struct list *at;

	list_for_each(at, &e->links) {
		struct link *l = link_of(at);

		if (l->state != LINK_CONTROL)
			continue;
		if (on)
			link_send_drain(l, grace_s);
		else
			link_send_registered(l);
	}
}

size_t links_open(const struct webconf_edge *e, uint32_t port_id)
{
	struct list *at;
	size_t count = 0;

	list_for_each(at, &e->links)
		count += link_of(at)->port_id == port_id;
	return count;
}

size_t links_channels(const struct webconf_edge *e)
{
	struct list *at;
	size_t count = 0;

	list_for_each(at, &e->links)
		if (link_of(at)->mux != NULL)
			count += mux_count(link_of(at)->mux);
	return count;
}
