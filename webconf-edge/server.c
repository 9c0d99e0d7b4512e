/*
 * The table of registered servers. Lives here: what a registration must look
 * like, who may take over an id, keys, revocations. Does not live here:
 * connections (link.c), who is joined to whom (pair.c). Threats: an id
 * belongs to the certificate name that registered it, so a server can speak,
 * and vouch, for itself alone.
 */
#include "webconf-edge/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"

#define REVOKED_MAX 100000u
#define NAME_SHARE  4u /* a quarter of all, */
#define NAME_MIN    4u /* but so many where they are few */

int servers_init(struct servers *all, size_t max)
{
	all->max = max;
	all->count = 0;
	return map_init(&all->by_id);
}

static void server_free(struct server *s)
{
	for (size_t i = 0; i < s->key_count; i++)
		ticket_key_free(s->keys[i]);
	ticket_set_free(s->revoked);
	free(s);
}

void servers_fini(struct servers *all)
{
	struct map_node *node;

	if (all->by_id.buckets == NULL)
		return;
	while ((node = map_next(&all->by_id, NULL)) != NULL) {
		map_remove(&all->by_id, node);
		server_free(container_of(node, struct server, node));
	}
	map_fini(&all->by_id);
}

static bool has_id(const struct map_node *node, const void *key)
{
	const struct server *s = container_of(node, const struct server, node);

	return memcmp(s->id, key, sizeof(s->id)) == 0;
}

static uint64_t hash_of(const struct servers *all, const uint8_t *id)
{
	return map_hash(&all->by_id, id, WCE_ID_LEN);
}

struct server *servers_find(const struct servers *all,
	const uint8_t id[static WCE_ID_LEN])
{
	struct map_node *node = map_find(&all->by_id, hash_of(all, id),
		has_id, id);

	return node != NULL ? container_of(node, struct server, node) : NULL;
}

struct server *servers_next(const struct servers *all,
	const struct server *at)
{
	struct map_node *node = map_next(&all->by_id,
		at != NULL ? &at->node : NULL);

	return node != NULL ? container_of(node, struct server, node) : NULL;
}

/* ---- registration -------------------------------------------------------- */

static int read_keys(struct server_claim *out, const struct wce_fields *fields)
{
	for (unsigned i = 0; i < WCE_KEYS_MAX; i++) {
		struct str bytes = wce_bytes(fields, WCE_KEY + i);
		uint16_t id;
		int err;

		if (bytes.p == NULL)
			continue;
		id = buf_load_u16((const uint8_t *)bytes.p);
		for (size_t k = 0; k < out->key_count; k++)
			if (ticket_key_id(out->keys[k]) == id)
				return EDGE_EMALFORMED;
		err = ticket_key_from_public(&out->keys[out->key_count],
			(enum ticket_alg)bytes.p[2], str_skip(bytes, 3), id);
		if (err < 0)
			return err == -ENOMEM ? err : EDGE_EMALFORMED;
		out->key_count++;
	}
	return 0;
}

int server_claim_read(struct server_claim *out,
	const struct wce_fields *fields)
{
	int err;

	*out = (struct server_claim){
		.epoch = wce_number(fields, WCE_EPOCH),
		.capabilities = (uint32_t)wce_number(fields, WCE_CAPABILITIES),
		.sessions_max = (uint32_t)wce_number(fields, WCE_SESSIONS_MAX),
	};
	wce_copy(fields, WCE_SERVER, out->id, sizeof(out->id));
	err = dns_name_take(wce_bytes(fields, WCE_POOL), out->pool,
		sizeof(out->pool));
	if (err == 0)
		err = read_keys(out, fields);
	if (err < 0)
		server_claim_fini(out);
	return err;
}

void server_claim_fini(struct server_claim *claim)
{
	for (size_t i = 0; i < claim->key_count; i++)
		ticket_key_free(claim->keys[i]);
	claim->key_count = 0;
}

/* One name's share of the table: it can't keep the others out. */
static bool has_its_share(const struct servers *all, const char *name)
{
	const size_t share = all->max / NAME_SHARE > NAME_MIN ?
		all->max / NAME_SHARE : NAME_MIN;
	const struct server *s = NULL;
	size_t count = 0;

	while ((s = servers_next(all, s)) != NULL)
		count += strcmp(s->name, name) == 0;
	return count >= share;
}

enum server_verdict server_judge(const struct servers *all,
	const struct server_claim *claim, const struct server_peer *peer,
	enum wce_code *code)
{
	const struct server *s = servers_find(all, claim->id);

	*code = WCE_E_NONE;
	if (s == NULL && all->count < all->max &&
		!has_its_share(all, peer->name))
		return SERVER_NEW;
	*code = WCE_E_EDGE_FULL;
	if (s == NULL)
		return SERVER_REFUSED;
	*code = WCE_E_UNTRUSTED;
	if (strcmp(s->name, peer->name) != 0)
		return SERVER_REFUSED;
	*code = WCE_E_DUPLICATE;
	if (claim->epoch < s->epoch)
		return SERVER_REFUSED;
	if (claim->epoch == s->epoch &&
		s->control_count >= SERVER_CONTROLS_MAX)
		return SERVER_REFUSED;
	*code = WCE_E_NONE;
	return claim->epoch == s->epoch ? SERVER_SAME : SERVER_RESTARTED;
}

static int server_new(struct server **out, struct servers *all,
	const uint8_t *id)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	if (ticket_set_new(&s->revoked, REVOKED_MAX) < 0) {
		free(s);
		return -ENOMEM;
	}
	memcpy(s->id, id, sizeof(s->id));
	list_init(&s->controls);
	list_init(&s->ready);
	list_init(&s->muxes);
	list_init(&s->waiters);
	map_insert(&all->by_id, &s->node, hash_of(all, id));
	all->count++;
	s->is_listed = true;
	*out = s;
	return 0;
}

int server_register(struct server **out, struct servers *all,
	struct server_claim *claim, const struct server_peer *peer)
{
	struct server *s = servers_find(all, claim->id);
	int err;

	if (s == NULL) {
		err = server_new(&s, all, claim->id);
		if (err < 0)
			return err;
		s->since = wall_now();
		snprintf(s->name, sizeof(s->name), "%s", peer->name);
	}
	/* It may have another certificate than the last time. */
	memcpy(s->spki_sha256, peer->spki_sha256, sizeof(s->spki_sha256));
	for (size_t i = 0; i < s->key_count; i++)
		ticket_key_free(s->keys[i]);
	memcpy(s->keys, claim->keys, sizeof(s->keys));
	s->key_count = claim->key_count;
	claim->key_count = 0;
	s->epoch = claim->epoch;
	memcpy(s->pool, claim->pool, sizeof(s->pool));
	s->capabilities = claim->capabilities;
	s->sessions_max = claim->sessions_max;
	s->is_accepting = true;
	s->is_draining = false;
	*out = s;
	return 0;
}

void server_unlist(struct servers *all, struct server *s)
{
	if (!s->is_listed)
		return;
	s->is_listed = false;
	map_remove(&all->by_id, &s->node);
	all->count--;
}

void server_forget_if_unused(struct servers *all, struct server *s)
{
	if (s->link_count > 0 || s->session_count > 0 || s->waiter_count > 0)
		return;
	server_unlist(all, s);
	server_free(s);
}

/* ---- use ----------------------------------------------------------------- */

bool server_may_join(const struct server *s)
{
	return s->control_count > 0 && s->is_accepting && !s->is_draining &&
		s->session_count < s->sessions_max;
}

const struct ticket_key *server_key(const struct server *s, uint16_t id)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (ticket_key_id(s->keys[i]) == id)
			return s->keys[i];
	return NULL;
}

/* A ticket is over after this at the latest; then nobody needs to know. A
 * server with more live revocations than fit changes its key instead. */
size_t server_revoke(struct server *s, struct str ids, struct wall now)
{
	const struct wall until = {now.s + 2 * TICKET_LIFE_MAX_S};
	size_t lost = 0;

	for (size_t at = 0; at + TICKET_ID_LEN <= ids.n; at += TICKET_ID_LEN) {
		int err = ticket_set_add(s->revoked,
			(const uint8_t *)ids.p + at, until, now);

		lost += err < 0 && err != -EEXIST;
	}
	return lost;
}

/* The id as topology.yaml binds it. */
static const char *uuid_text(const char *id, char out[static 37])
{
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12,
		id + 16, id + 20);
	return out;
}

json_t *server_json(const struct server *s)
{
	char since[WALL_TEXT_LEN];
	char id[2 * WCE_ID_LEN + 1];
	char uuid[37];

	str_hex(s->id, sizeof(s->id), id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:I, s:b, s:b, s:I}",
		"id", id, "webconf_id", uuid_text(id, uuid), "server",
		s->name, "pool", s->pool, "since",
		wall_text(s->since, since), "epoch", (json_int_t)s->epoch,
		"connections", (json_int_t)s->control_count, "warm",
		(json_int_t)s->ready_count, "multiplexed",
		(json_int_t)s->mux_count, "waiting",
		(json_int_t)s->waiter_count, "sessions",
		(json_int_t)s->session_count, "sessions_max",
		(json_int_t)s->sessions_max, "joins", (json_int_t)s->joins,
		"load", (json_int_t)s->load, "accepting",
		s->is_accepting && s->control_count > 0, "draining",
		s->is_draining, "revoked",
		(json_int_t)ticket_set_count(s->revoked));
}
