/* Intrusive doubly linked list. A node that is in no list points to itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert(struct list *at, struct list *node)
{
	node->prev = at;
	node->next = at->next;
	at->next->prev = node;
	at->next = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert(head, node);
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert(head->prev, node);
}

/* Safe on a node that is in no list, as long as it was initialised. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline struct list *list_first(const struct list *head)
{
	/* NOLINTNEXTLINE: the analyzer can't follow list_remove(). */
	return head->next == head ? NULL : head->next;
}

/* All nodes of from, in their order, behind those of to. */
static inline void list_move_all(struct list *from, struct list *to)
{
	struct list *it;

	while ((it = list_first(from)) != NULL) {
		list_remove(it);
		list_push_back(to, it);
	}
}

/* Walk; the node itself may be removed in the body of the safe form. */
#define list_for_each(it, head) \
	for ((it) = (head)->next; (it) != (head); (it) = (it)->next)
#define list_for_each_safe(it, tmp, head)                              \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); \
		(it) = (tmp), (tmp) = (it)->next)

#endif
