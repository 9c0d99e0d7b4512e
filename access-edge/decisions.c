/*
 * A memory for people. What is asked of it decides nothing.
 */
#include "access-edge/decisions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAINS_MAX 1000

const char *decision_way_name(enum decision_way way)
{
	return way == DECISION_IN ? "in" : "out";
}

static void domain_free(struct decisions *d, struct decision_domain *one)
{
	map_remove(&d->by_name, &one->node);
	list_remove(&one->by_use);
	free(one);
}

int decisions_init(struct decisions *d)
{
	list_init(&d->by_use);
	return map_init(&d->by_name);
}

void decisions_fini(struct decisions *d)
{
	struct list *it;

	if (d->by_use.next == NULL)
		return;
	while ((it = list_first(&d->by_use)) != NULL)
		domain_free(d, container_of(it, struct decision_domain,
			by_use));
	map_fini(&d->by_name);
}

static bool has_name(const struct map_node *node, const void *key)
{
	const struct decision_domain *one = container_of(node,
		const struct decision_domain, node);

	return strcmp(one->name, key) == 0;
}

static struct decision_domain *find(const struct decisions *d,
	const char *name)
{
	struct map_node *node = map_find(&d->by_name, map_hash(&d->by_name,
		name, strlen(name)), has_name, name);

	return node != NULL ? container_of(node, struct decision_domain,
		node) : NULL;
}

static struct decision_domain *get(struct decisions *d, const char *name)
{
	struct decision_domain *one = find(d, name);
	struct list *oldest;

	if (one != NULL) {
		list_remove(&one->by_use);
		list_push_back(&d->by_use, &one->by_use);
		return one;
	}
	oldest = list_first(&d->by_use);
	if (oldest != NULL && d->by_name.count >= DOMAINS_MAX)
		domain_free(d, container_of(oldest, struct decision_domain,
			by_use));
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return NULL;
	snprintf(one->name, sizeof(one->name), "%s", name);
	map_insert(&d->by_name, &one->node, map_hash(&d->by_name, name,
		strlen(name)));
	list_push_back(&d->by_use, &one->by_use);
	return one;
}

void decisions_note(struct decisions *d, enum decision_way way,
	const struct federate_plan *plan, unsigned status, struct str call_id,
	struct wall now)
{
	const struct partner *p = &plan->partner;
	struct decision_domain *one = p->domain[0] != '\0' ?
		get(d, p->domain) : NULL;
	struct decision *last;

	if (one == NULL)
		return;
	last = &one->ways[way];
	last->at = now;
	last->passed = status == 0;
	last->kind = p->kind;
	last->level = p->level;
	last->status = status;
	last->report = plan->report;
	memcpy(last->server, p->server, sizeof(last->server));
	snprintf(last->call_id, sizeof(last->call_id), "%.*s",
		STR_ARG(call_id));
	if (status == 0)
		last->passed_count++;
	else
		last->refused_count++;
}

const struct decision_domain *decisions_find(const struct decisions *d,
	struct str domain)
{
	char name[DNS_NAME_LEN];

	return partner_domain_take(domain, name) == 0 ? find(d, name) : NULL;
}

void decisions_forget(struct decisions *d, struct str what)
{
	char pattern[PARTNER_PATTERN_LEN];
	struct list *it, *next;

	if (partner_pattern_take(what, pattern) != 0)
		return;
	list_for_each_safe(it, next, &d->by_use) {
		struct decision_domain *one = container_of(it,
			struct decision_domain, by_use);

		if (partner_matches(one->name, pattern))
			domain_free(d, one);
	}
}
