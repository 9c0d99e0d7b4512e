/*
 * The registrar's store: a list, newest first, as long as a demo needs. No
 * sockets, no SIP.
 */
#include "tests/mock/inside_binding.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

void bindings_init(struct bindings *b)
{
	list_init(&b->all);
	b->count = 0;
}

void binding_free(struct binding *binding)
{
	size_t i;

	if (binding == NULL)
		return;
	for (i = 0; i < binding->path_count; i++)
		free(binding->paths[i]);
	free(binding->user);
	free(binding->contact);
	free(binding->key);
	free(binding->where);
	free(binding->params);
	free(binding);
}

static struct binding *at(struct list *it)
{
	return container_of(it, struct binding, node);
}

static void drop(struct bindings *b, struct binding *binding)
{
	list_remove(&binding->node);
	b->count--;
	binding_free(binding);
}

void bindings_fini(struct bindings *b)
{
	struct list *it;

	while ((it = list_first(&b->all)) != NULL)
		drop(b, at(it));
}

void bindings_drop_key(struct bindings *b, const char *user, const char *key)
{
	struct list *it;
	struct list *tmp;

	list_for_each_safe(it, tmp, &b->all) {
		if (strcmp(at(it)->user, user) == 0 &&
			(key == NULL || strcmp(at(it)->key, key) == 0))
			drop(b, at(it));
	}
}

void bindings_drop_peer(struct bindings *b, uint32_t peer_id)
{
	struct list *it;
	struct list *tmp;

	list_for_each_safe(it, tmp, &b->all) {
		if (at(it)->path_count == 0 && at(it)->peer_id == peer_id)
			drop(b, at(it));
	}
}

int bindings_put(struct bindings *b, struct binding *new)
{
	bindings_drop_key(b, new->user, new->key);
	if (b->count >= BINDINGS_MAX) {
		binding_free(new);
		return EDGE_EBUSY;
	}
	list_push_front(&b->all, &new->node);
	b->count++;
	return 0;
}

struct binding *bindings_of_user(struct bindings *b, const char *user,
	struct mono now)
{
	struct list *it;

	list_for_each(it, &b->all) {
		if (strcmp(at(it)->user, user) == 0 &&
			!mono_is_past(at(it)->expires, now))
			return at(it);
	}
	return NULL;
}

struct binding *bindings_at(struct bindings *b, const char *where,
	struct mono now)
{
	struct list *it;

	list_for_each(it, &b->all) {
		if (strcmp(at(it)->where, where) == 0 &&
			!mono_is_past(at(it)->expires, now))
			return at(it);
	}
	return NULL;
}
