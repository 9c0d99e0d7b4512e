/*
 * Listeners. A listener that a new topology no longer has is closed at
 * once; its connections live on, and it is freed when the last one ends.
 */
#include "access-edge/front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/list.h"
#include "common/base/log.h"

struct door {
	struct list node;
	struct front *front;
	struct listener *listener; /* owned */
	struct addr address;
	enum origin_door kind;
	bool is_started;
	bool is_retired; /* closed, waits for its connections to end */
};

struct front {
	struct list doors;
	struct front_tls tls;
	struct edge *edge; /* NULL until started */
	bool is_drained;
};

static bool is_ours(enum topology_usage usage)
{
	return usage == TOPOLOGY_SIP_CLIENT ||
		usage == TOPOLOGY_SIP_FEDERATION ||
		usage == TOPOLOGY_SIP_INTERNAL;
}

/* Clients and partners may share one address and port. */
static enum origin_door kind_of(const struct topology *t,
	const struct topology_listener *l)
{
	if (l->usage == TOPOLOGY_SIP_INTERNAL)
		return ORIGIN_DOOR_INTERNAL;
	for (size_t i = 0; i < t->listener_count; i++) {
		const struct topology_listener *o = &t->listeners[i];

		if (o->usage != l->usage && is_ours(o->usage) &&
			addr_eq(&o->address, &l->address))
			return ORIGIN_DOOR_SHARED;
	}
	return l->usage == TOPOLOGY_SIP_CLIENT ? ORIGIN_DOOR_CLIENT :
		ORIGIN_DOOR_PARTNER;
}

static void door_free(struct door *door)
{
	if (door == NULL)
		return;
	list_remove(&door->node);
	listener_free(door->listener);
	free(door);
}

static int door_new(struct front *front, const struct topology *t,
	const struct topology_listener *l, struct door **out,
	struct why *why)
{
	const struct setting_set *s = topology_settings(t, "access-edge");
	enum origin_door kind = kind_of(t, l);
	struct listener_spec spec = {
		.address = l->address,
		.bind_device = !t->lab,
		.max_open = (unsigned)setting_number(s, "max_connections"),
	};
	struct door *door = calloc(1, sizeof(*door));
	int err;

	if (door == NULL)
		return -ENOMEM;
	list_init(&door->node);
	if (kind != ORIGIN_DOOR_INTERNAL) {
		spec.max_per_source = (unsigned)setting_number(s,
			kind == ORIGIN_DOOR_PARTNER ?
			"max_connections_per_partner" :
			"max_connections_per_source");
		spec.new_per_s_per_source = (unsigned)setting_number(s,
			"new_connections_per_source");
	}
	door->front = front;
	door->address = l->address;
	door->kind = kind;
	err = listener_new(&door->listener, &spec, why);
	if (err != 0) {
		door_free(door);
		return err;
	}
	*out = door;
	return 0;
}

static struct door *find_door(const struct list *doors,
	const struct addr *address)
{
	const struct list *it;

	list_for_each(it, doors) {
		struct door *door = container_of(it, struct door, node);

		if (!door->is_retired && addr_eq(&door->address, address))
			return door;
	}
	return NULL;
}

/* Make the doors that are missing; on failure none of them stays. */
static int open_missing(struct front *front, const struct topology *t,
	struct why *why)
{
	struct list made;
	struct list *it;
	int err = 0;

	list_init(&made);
	for (size_t i = 0; i < t->listener_count && err == 0; i++) {
		const struct topology_listener *l = &t->listeners[i];
		struct door *door = NULL;

		if (!is_ours(l->usage) ||
			find_door(&front->doors, &l->address) != NULL ||
			find_door(&made, &l->address) != NULL)
			continue;
		err = door_new(front, t, l, &door, why);
		if (err == 0)
			list_push_back(&made, &door->node);
	}
	while ((it = list_first(&made)) != NULL) {
		struct door *door = container_of(it, struct door, node);

		list_remove(it);
		if (err == 0)
			list_push_back(&front->doors, it);
		else
			door_free(door);
	}
	return err;
}

int front_new(struct front **out, const struct topology *t,
	const struct front_tls *tls, struct why *why)
{
	struct front *front = calloc(1, sizeof(*front));
	int err;

	if (front == NULL)
		return -ENOMEM;
	list_init(&front->doors);
	front->tls = *tls;
	err = open_missing(front, t, why);
	if (err != 0) {
		front_free(front);
		return err;
	}
	*out = front;
	return 0;
}

void front_free(struct front *front)
{
	struct list *it;

	if (front == NULL)
		return;
	while ((it = list_first(&front->doors)) != NULL)
		door_free(container_of(it, struct door, node));
	free(front);
}

static void on_accepted(int fd, const struct addr *remote, void *arg)
{
	struct door *door = arg;
	const struct front *front = door->front;

	edge_accept(front->edge, fd, remote, door->kind,
		front->tls.of[door->kind], door->listener);
}

static const char *kind_name(enum origin_door kind)
{
	static const char *const names[ORIGIN_DOOR_COUNT] = {
		[ORIGIN_DOOR_CLIENT] = "sip-client",
		[ORIGIN_DOOR_PARTNER] = "sip-federation",
		[ORIGIN_DOOR_SHARED] = "sip-client+federation",
		[ORIGIN_DOOR_INTERNAL] = "sip-internal",
	};

	return names[kind];
}

static bool may_accept(void *arg)
{
	const struct door *door = arg;

	return edge_may_accept(door->front->edge);
}

static int start_doors(struct front *front, struct why *why)
{
	struct list *it;

	list_for_each(it, &front->doors) {
		struct door *door = container_of(it, struct door, node);
		char text[ADDR_TEXT_LEN];
		int err;

		if (door->is_started || door->is_retired)
			continue;
		if (door->kind != ORIGIN_DOOR_INTERNAL)
			listener_set_gate(door->listener, may_accept);
		err = listener_start(door->listener, front->edge->loop,
			on_accepted, door);
		if (err != 0)
			return why_set(why, err, "%s: can't listen: %s",
				addr_text(&door->address, text),
				err_text(err));
		door->is_started = true;
		log_notice("listener.opened", "usage=%s address=%s device=%s",
			kind_name(door->kind),
			addr_text(&door->address, text),
			log_qz(listener_device(door->listener)));
	}
	return 0;
}

int front_start(struct front *front, struct edge *edge, struct why *why)
{
	front->edge = edge;
	return start_doors(front, why);
}

static void retire(struct door *door)
{
	char text[ADDR_TEXT_LEN];

	listener_stop(door->listener);
	door->is_retired = true;
	log_notice("listener.closed", "usage=%s address=%s connections=%u",
		kind_name(door->kind),
		addr_text(&door->address, text),
		listener_open_count(door->listener));
}

void front_set_tls(struct front *front, const struct front_tls *tls)
{
	front->tls = *tls;
}

/* Its listener in the topology, or NULL when it is no longer there. */
static const struct topology_listener *listener_of(const struct topology *t,
	const struct door *door)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		if (is_ours(t->listeners[i].usage) &&
			addr_eq(&t->listeners[i].address, &door->address))
			return &t->listeners[i];
	}
	return NULL;
}

int front_apply(struct front *front, const struct topology *t,
	struct why *why)
{
	struct list *it, *next;
	int err = open_missing(front, t, why);

	if (err != 0)
		return err;
	list_for_each_safe(it, next, &front->doors) {
		struct door *door = container_of(it, struct door, node);

		const struct topology_listener *l = listener_of(t, door);

		/* A port that partners begin or cease to share stays open:
		 * new connections are told apart in the new way. */
		if (l != NULL)
			door->kind = kind_of(t, l);
		else if (!door->is_retired)
			retire(door);
		if (door->is_retired &&
			listener_open_count(door->listener) == 0)
			door_free(door);
	}
	if (front->edge == NULL || front->is_drained)
		return 0;
	return start_doors(front, why);
}

int front_drain(struct front *front, bool on, struct why *why)
{
	struct list *it;
	int err = 0;

	if (on == front->is_drained)
		return 0;
	front->is_drained = on;
	if (on) {
		list_for_each(it, &front->doors) {
			struct door *door = container_of(it, struct door,
				node);

			if (!door->is_retired)
				retire(door);
		}
		return 0;
	}
	err = open_missing(front, front->edge->topology, why);
	return err != 0 ? err : start_doors(front, why);
}

/* One row for each kind of peer that may come to a door. */
static size_t door_ports(const struct door *door, struct daemon_port *out,
	size_t cap)
{
	static const struct {
		enum topology_usage usage;
		enum topology_side side;
	} rows[ORIGIN_DOOR_COUNT][2] = {
		[ORIGIN_DOOR_CLIENT] = {
			{TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL}},
		[ORIGIN_DOOR_PARTNER] = {
			{TOPOLOGY_SIP_FEDERATION, TOPOLOGY_EXTERNAL}},
		[ORIGIN_DOOR_SHARED] = {
			{TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL},
			{TOPOLOGY_SIP_FEDERATION, TOPOLOGY_EXTERNAL}},
		[ORIGIN_DOOR_INTERNAL] = {
			{TOPOLOGY_SIP_INTERNAL, TOPOLOGY_INTERNAL}},
	};
	size_t count = door->kind == ORIGIN_DOOR_SHARED ? 2 : 1;
	size_t n;

	for (n = 0; n < count && n < cap; n++) {
		out[n] = (struct daemon_port){
			.usage = rows[door->kind][n].usage,
			.side = rows[door->kind][n].side,
			.address = door->address,
			.protocol = "sip/tls",
			.is_open = door->is_started,
			.open_count = listener_open_count(door->listener),
		};
		snprintf(out[n].device, sizeof(out[n].device), "%s",
			listener_device(door->listener));
	}
	return n;
}

size_t front_ports(const struct front *front, struct daemon_port *out,
	size_t cap)
{
	struct list *it;
	size_t n = 0;

	list_for_each(it, &front->doors) {
		const struct door *door = container_of(it, struct door, node);

		if (!door->is_retired)
			n += door_ports(door, out + n, cap - n);
	}
	return n;
}
