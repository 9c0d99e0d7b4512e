/*
 * The watch list: partners by their certificate, so that a new connection
 * does not begin with a clean slate (threat S11). What they may do in a
 * second and in a day, when one becomes suspicious, and who was refused.
 * Survives a restart through watch_store.h. Knows no connection.
 */
#ifndef ACCESS_EDGE_WATCH_H
#define ACCESS_EDGE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access-edge/policy.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/dns_name.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "common/net/limit.h"
#include "common/net/tls_names.h"

#define WATCH_ID_LEN       16
#define WATCH_DOMAINS_MAX  8
#define WATCH_OUTCOMES     100

enum watch_mode {
	WATCH_STANDARD,
	WATCH_SUSPICIOUS, /* too many of its recipients do not exist */
	WATCH_BLOCKED,    /* wrote to as many addresses as it may today: only
	                   * to those, no others */
};
const char *watch_mode_name(enum watch_mode mode);

/* One final answer to a request of this partner. */
struct watch_outcome {
	uint64_t recipient; /* hashed */
	bool is_failure;
};

struct watch_peer {
	struct map_node node;
	struct list by_use; /* heard of least lately first */
	bool is_rejected;   /* in the other half of the list */
	uint8_t id[WATCH_ID_LEN]; /* of issuer and serial */
	char issuer[256];
	char serial[64];
	char subject[256];
	char domains[WATCH_DOMAINS_MAX][DNS_NAME_LEN];
	size_t domain_count;
	struct wall first_seen;
	struct wall last_seen;
	uint64_t messages;
	uint64_t failures; /* final answers that say: no such user */
	uint64_t refused;  /* by our rules or limits */
	char last_refusal[64]; /* the step that refused, "" = none */
	/* limits, for discovered partners */
	bool is_limited;
	struct wall suspicious_until; /* 0 = is not */
	struct wall contacts_since;
	uint64_t *contacts; /* owned, open addressing; 0 = free */
	size_t contact_count;
	size_t contact_room;
	struct watch_outcome outcomes[WATCH_OUTCOMES];
	size_t outcome_count;
	size_t outcome_next;
	size_t outcome_failures;
	struct bucket bucket;
	struct bucket apologies; /* how often we say that it is too much */
	struct mono empty_since;
};

struct watch {
	struct map by_id;
	struct list accepted;
	struct list rejected;
	size_t accepted_count;
	size_t rejected_count;
	uint64_t key[2]; /* hashes addresses; kept with the list */
	bool is_changed; /* since it was written */
	const struct policy_federation *limits; /* borrowed */
};

EDGE_MUST int watch_init(struct watch *w,
	const struct policy_federation *limits);
void watch_fini(struct watch *w);
/* Other limits, borrowed until the next call. */
void watch_set(struct watch *w, const struct policy_federation *limits);

/* This certificate speaks for the domain: it is one of the accepted from now
 * on. is_limited: a discovered one. NULL when out of memory. */
struct watch_peer *watch_accept(struct watch *w,
	const struct tls_names *names, const char *domain, bool is_limited,
	struct wall now);
/* It was refused by this step. */
void watch_reject(struct watch *w, const struct tls_names *names,
	const char *domain, const char *step, struct wall now);
struct watch_peer *watch_find(const struct watch *w,
	const uint8_t id[static WATCH_ID_LEN]);
/* A row that was written before; contacts are hashes under w->key. NULL when
 * it is there already, or out of memory. */
struct watch_peer *watch_restore(struct watch *w,
	const struct watch_peer *row, const uint64_t *contacts, size_t count);
void watch_id_of(const struct tls_names *names,
	uint8_t id[static WATCH_ID_LEN]);
/* Take it off the list, with all that is held against it. */
void watch_forget(struct watch *w, struct watch_peer *peer);

enum watch_mode watch_mode_of(const struct watch *w,
	const struct watch_peer *peer, struct wall now);
/* How many a second it may send now. */
unsigned watch_rate_of(const struct watch *w, const struct watch_peer *peer,
	struct wall now);

enum watch_verdict {
	WATCH_GO,
	WATCH_WAIT, /* read no more of its connection for a moment */
	WATCH_BUSY, /* 503: it has been too much for seconds */
	WATCH_FULL, /* an address more than it may write to in a day */
};
struct watch_request {
	struct str user; /* recipient of a request that begins something */
	struct str host;
	bool is_new;     /* outside a dialog */
};
/* One message of a peer: is it within its limits? */
enum watch_verdict watch_take(struct watch *w, struct watch_peer *peer,
	const struct watch_request *r, struct mono now, struct wall wall);

/* The final answer to a request of this peer; may make it suspicious: true
 * when it just did. */
bool watch_answered(struct watch *w, struct watch_peer *peer,
	struct str user, struct str host, bool is_failure,
	struct wall now);
/* Does this answer say that there is no such user? diagnostics: the value of
 * ms-diagnostics, "" = it has none. */
bool watch_is_failure(unsigned status, struct str diagnostics);

#endif
