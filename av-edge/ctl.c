/*
 * What the control bus can ask of av-edge: its allocations, its relay
 * ports, and to close an allocation.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "av-edge/av_edge.h"
#include "av-edge/census.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     100000
#define USER_TEXT_LEN (AV_CRED_CLIENT_ID_LEN * 2 + 1)

/* ---- ports ------------------------------------------------------------- */

json_t *av_edge_media_json(const struct av_edge *e)
{
	json_t *list = json_array();
	char bind[ADDR_TEXT_LEN], shown[ADDR_TEXT_LEN];
	size_t i;

	for (i = 0; i < RULES_FAMILY_COUNT; i++) {
		const struct rules_media *m = &e->relay->rules->media[i];
		struct port_pool *pool = e->relay->shared.ports[i];
		struct port_count c = port_pool_count(pool);

		if (!addr_is_set(&m->bind))
			continue;
		json_array_append_new(list, json_pack(
			"{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:b}",
			"address", addr_ip_text(&m->bind, bind),
			"public_address", addr_ip_text(&m->shown, shown),
			"device", m->device, "first", (int)c.first,
			"count", (int)c.range, "free", (int)c.free,
			"used", (int)c.used, "outside", (int)c.outside,
			"sound", (int)port_pool_is_sound(pool)));
	}
	return list;
}

static void get_ports(struct bus_request *req, void *state)
{
	bus_reply(req, 200,
		json_pack("{s:o}", "media", av_edge_media_json(state)));
}

/* ---- allocations ------------------------------------------------------- */

struct question {
	struct bus_request *req;
	int (*order)(const void *, const void *);
	uint32_t limit;
	uint64_t id; /* to be closed */
};

static int descending(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_bytes(const void *x, const void *y)
{
	const struct alloc *a = x, *b = y;

	return descending(a->up_bytes + a->down_bytes,
		b->up_bytes + b->down_bytes);
}

static int by_drops(const void *x, const void *y)
{
	const struct alloc *a = x, *b = y;

	return descending(a->drops, b->drops);
}

static int by_age(const void *x, const void *y)
{
	const struct alloc *a = x, *b = y;

	return descending((uint64_t)b->created_ms, (uint64_t)a->created_ms);
}

static const struct {
	const char *name;
	int (*order)(const void *, const void *);
} orders[] = {
	{"bytes", by_bytes}, /* the first is what an empty name means */
	{"age", by_age},
	{"drops", by_drops},
};

static json_t *alloc_json(const struct alloc *a, struct mono now)
{
	char id[ALLOC_ID_TEXT_LEN], client[ADDR_TEXT_LEN],
	    relayed[ADDR_TEXT_LEN], user[USER_TEXT_LEN];

	str_hex(a->client_id, sizeof(a->client_id), user);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I,"
		" s:i, s:i, s:I, s:I, s:I, s:I, s:I}",
		"id", alloc_id_text(a->id, id),
		"dialect", alloc_dialect_name(a->dialect),
		"side", topology_side_name(a->side),
		"transport", alloc_transport_name(a),
		"client", addr_text(&a->client, client),
		"relayed", addr_text(&a->relayed, relayed),
		"relay_protocol", alloc_relay_protocol_name(a), "user", user,
		"age_s", (json_int_t)(now.ms - a->created_ms) / 1000,
		"expires_in_s", (json_int_t)(a->expires_ms - now.ms) / 1000,
		"permissions", (int)a->perm_count,
		"channels", (int)a->hot_count,
		"up_packets", (json_int_t)a->up_packets,
		"up_bytes", (json_int_t)a->up_bytes,
		"down_packets", (json_int_t)a->down_packets,
		"down_bytes", (json_int_t)a->down_bytes,
		"drops", (json_int_t)a->drops);
}

static void reply_no_memory(struct bus_request *req)
{
	bus_reply_error(req, 503, err_name(-ENOMEM), "out of memory");
}

static void on_rows(struct alloc *rows, size_t count, void *arg)
{
	const struct question *q = arg;
	struct mono now = mono_now();
	json_t *list;
	size_t i;

	if (rows == NULL) {
		reply_no_memory(q->req);
		return;
	}
	list = json_array();
	qsort(rows, count, sizeof(*rows), q->order);
	for (i = 0; i < count && i < q->limit; i++)
		json_array_append_new(list, alloc_json(&rows[i], now));
	bus_reply(q->req, 200, json_pack("{s:I, s:o}", "count",
		(json_int_t)count, "allocations", list));
}

static void on_closed(struct alloc *rows, size_t count, void *arg)
{
	const struct question *q = arg;
	char id[ALLOC_ID_TEXT_LEN];

	if (rows == NULL)
		reply_no_memory(q->req);
	else if (count == 0)
		bus_reply_error(q->req, 404, err_name(EDGE_EUNKNOWN),
			"no allocation %s; see `edgectl allocations`",
			alloc_id_text(q->id, id));
	else
		bus_reply(q->req, 200, json_pack("{s:o}", "closed",
			alloc_json(&rows[0], mono_now())));
}

static void ask(struct av_edge *e, const struct question *q,
	const struct alloc_filter *filter, census_cb *cb)
{
	struct question *copy = malloc(sizeof(*copy));
	const struct census_spec spec = {
		.relay = e->relay,
		.loop = daemon_loop(e->daemon),
		.open = &e->questions,
		.filter = filter,
		.end_id = q->id,
		.cb = cb,
		.arg = copy,
	};

	if (copy == NULL) {
		reply_no_memory(q->req);
		return;
	}
	*copy = *q;
	if (census_start(&spec) < 0)
		reply_no_memory(q->req);
}

/* NULL when the query can be answered, else what is wrong with it. */
static const char *read_query(const struct bus_request *req,
	struct question *q)
{
	struct str limit = str_of(bus_query(req, "limit"));
	const char *sort = bus_query(req, "sort");
	size_t i;

	q->limit = LIMIT_DEFAULT;
	if (!str_is_empty(limit) && (str_to_u32(limit, &q->limit) < 0 ||
	    q->limit == 0 || q->limit > LIMIT_MAX))
		return "limit is a number from 1 to 100000";
	q->order = orders[0].order;
	if (sort[0] == '\0')
		return NULL;
	for (i = 0; i < ARRAY_COUNT(orders); i++) {
		if (strcmp(sort, orders[i].name) != 0)
			continue;
		q->order = orders[i].order;
		return NULL;
	}
	return "sort is bytes, age or drops";
}

/* Likewise. */
static const char *read_filter(const struct bus_request *req,
	const struct av_key_ring *ring, struct alloc_filter *f)
{
	struct str user = str_of(bus_query(req, "user"));
	struct str side = str_of(bus_query(req, "side"));
	struct str address = str_of(bus_query(req, "address"));
	struct str port = str_of(bus_query(req, "port"));

	if (!str_is_empty(user))
		alloc_filter_user(f, user, ring);
	if (!str_is_empty(side) && alloc_filter_side(f, side) < 0)
		return "side is external or internal";
	if (!str_is_empty(address) && alloc_filter_address(f, address) < 0)
		return "address is one of a client or of the relay, with a "
		       "port or without";
	if (!str_is_empty(port) && alloc_filter_port(f, port) < 0)
		return "port is a number from 1 to 65535";
	return NULL;
}

static void get_allocations(struct bus_request *req, void *state)
{
	struct av_edge *e = state;
	struct question q = {.req = req};
	struct alloc_filter filter = {.user_count = 0};
	const char *wrong = read_query(req, &q);

	if (wrong == NULL)
		wrong = read_filter(req, &e->key.ring, &filter);
	if (wrong != NULL)
		bus_reply_error(req, 400, err_name(EDGE_EMALFORMED), "%s",
			wrong);
	else
		ask(e, &q, &filter, on_rows);
}

static void post_close(struct bus_request *req, void *state)
{
	struct str text = str_of(json_string_value(
		json_object_get(bus_body(req), "id")));
	struct question q = {.req = req};
	uint8_t raw[8];
	size_t len = 0;

	if (str_unhex(text, raw, sizeof(raw), &len) < 0 ||
	    len != sizeof(raw) || buf_load_u64(raw) == 0) {
		bus_reply_error(req, 400, err_name(EDGE_EMALFORMED),
			"id is the 16 hex digits that the list shows");
		return;
	}
	q.id = buf_load_u64(raw);
	ask(state, &q, NULL, on_closed);
}

/* ---- the table --------------------------------------------------------- */

static const char *const close_fields[] = {"id", NULL};

const struct bus_route av_edge_routes[AV_EDGE_ROUTE_COUNT] = {
	{"GET", "/v1/allocations", BUS_READ, NULL,
		"Allocations, busiest first; ?limit=N ?sort=bytes|age|drops "
		"?user=NAME ?side= ?address= ?port=", get_allocations},
	{"POST", "/v1/allocations/close", BUS_CHANGE, close_fields,
		"End one allocation by its id", post_close},
	{"GET", "/v1/ports", BUS_READ, NULL,
		"Relay ports: range, free, used, and whether it adds up",
		get_ports},
};
