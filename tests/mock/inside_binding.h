/* Who is registered where: bindings of a registrar, in memory. */
#ifndef MOCK_INSIDE_BINDING_H
#define MOCK_INSIDE_BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/str.h"

#define BINDING_PATHS_MAX 4
#define BINDINGS_MAX      10000

struct binding {
	struct list node; /* newest first */
	char *user;       /* all owned; lower case */
	char *contact;    /* URI as written */
	char *key;        /* what tells one of a user's devices from another */
	char *where;      /* user@host:port of the contact, lower case */
	char *params;     /* contact parameters to repeat, or "" */
	char *paths[BINDING_PATHS_MAX]; /* nearest to us first */
	size_t path_count;
	uint32_t peer_id; /* the connection, when there is no path */
	struct mono expires;
};

struct bindings {
	struct list all;
	size_t count;
};

void bindings_init(struct bindings *b);
void bindings_fini(struct bindings *b);
/* Takes the binding's place when the key is known. new is owned from now
 * on, also on failure. EDGE_EBUSY. */
EDGE_MUST int bindings_put(struct bindings *b, struct binding *new);
/* Newest that has not expired, NULL when there is none. */
struct binding *bindings_of_user(struct bindings *b, const char *user,
	struct mono now);
/* By the URI that the device gave itself, for requests inside dialogs. */
struct binding *bindings_at(struct bindings *b, const char *where,
	struct mono now);
void bindings_drop_key(struct bindings *b, const char *user,
	const char *key); /* key NULL = all of the user */
void bindings_drop_peer(struct bindings *b, uint32_t peer_id);
void binding_free(struct binding *binding); /* accepts NULL */

#endif
