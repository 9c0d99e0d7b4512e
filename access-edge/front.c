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
	enum topology_usage usage;
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
	return usage == TOPOLOGY_SIP_CLIENT || usage == TOPOLOGY_SIP_INTERNAL;
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
	bool is_client = l->usage == TOPOLOGY_SIP_CLIENT;
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
	if (is_client) {
		spec.max_per_source = (unsigned)setting_number(s,
			"max_connections_per_source");
		spec.new_per_s_per_source = (unsigned)setting_number(s,
			"new_connections_per_source");
	}
	door->front = front;
	door->address = l->address;
	door->usage = l->usage;
	err = listener_new(&door->listener, &spec, why);
	if (err != 0) {
		door_free(door);
		return err;
	}
	*out = door;
	return 0;
}

static struct door *find_door(const struct front *front,
	const struct topology_listener *l)
{
	struct list *it;

	list_for_each(it, &front->doors) {
		struct door *door = container_of(it, struct door, node);

		if (!door->is_retired && door->usage == l->usage &&
			addr_eq(&door->address, &l->address))
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

		if (!is_ours(l->usage) || find_door(front, l) != NULL)
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
	bool is_client = door->usage == TOPOLOGY_SIP_CLIENT;

	edge_accept(front->edge, fd, remote, is_client ? ORIGIN_CLIENT :
		ORIGIN_INTERNAL, is_client ? front->tls.client :
		front->tls.server, door->listener);
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
		err = listener_start(door->listener, front->edge->loop,
			on_accepted, door);
		if (err != 0)
			return why_set(why, err, "%s: can't listen: %s",
				addr_text(&door->address, text),
				err_text(err));
		door->is_started = true;
		log_notice("listener.opened", "usage=%s address=%s device=%s",
			topology_usage_name(door->usage),
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
		topology_usage_name(door->usage),
		addr_text(&door->address, text),
		listener_open_count(door->listener));
}

static bool is_in(const struct topology *t, const struct door *door)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		if (t->listeners[i].usage == door->usage &&
			addr_eq(&t->listeners[i].address, &door->address))
			return true;
	}
	return false;
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

		if (!door->is_retired && !is_in(t, door))
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

size_t front_ports(const struct front *front, struct daemon_port *out,
	size_t cap)
{
	struct list *it;
	size_t n = 0;

	list_for_each(it, &front->doors) {
		const struct door *door = container_of(it, struct door, node);

		if (n == cap)
			break;
		if (door->is_retired)
			continue;
		out[n] = (struct daemon_port){
			.usage = door->usage,
			.side = door->usage == TOPOLOGY_SIP_CLIENT ?
				TOPOLOGY_EXTERNAL : TOPOLOGY_INTERNAL,
			.address = door->address,
			.protocol = "sip/tls",
			.is_open = door->is_started,
			.open_count = listener_open_count(door->listener),
		};
		snprintf(out[n].device, sizeof(out[n].device), "%s",
			listener_device(door->listener));
		n++;
	}
	return n;
}
