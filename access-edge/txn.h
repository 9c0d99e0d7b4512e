/*
 * Forwarded transactions: what came from where, what went where, and until
 * when an answer counts (RFC 3261 sections 16 and 17, RFC 6026, RFC 4320).
 * Streams only, so nothing is ever sent again. Keeps the few headers that
 * answers, CANCEL and ACK need; knows no socket.
 */
#ifndef ACCESS_EDGE_TXN_H
#define ACCESS_EDGE_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "access-edge/branch.h"
#include "access-edge/logon.h"
#include "access-edge/origin.h"
#include "access-edge/outbound.h"
#include "access-edge/partner.h"
#include "access-edge/peer.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/sip/sip_msg.h"

enum txn_state {
	TXN_CONNECTING, /* no connection to send it on yet */
	TXN_CALLING,    /* sent, nothing heard */
	TXN_PROCEEDING, /* a provisional response came */
	TXN_ACCEPTED,   /* INVITE: 2xx went up; more may come (RFC 6026) */
	TXN_COMPLETED,  /* INVITE: other final went up; the ACK is awaited */
};

const char *txn_state_name(enum txn_state state);

struct txn_party;

struct txn {
	struct map_node by_branch; /* our branch downstream */
	struct map_node by_key;    /* the request upstream */
	struct list trying;        /* waits for its 100 */
	struct list timed;         /* in the table's list of deadlines */
	struct txn_table *table;
	struct peer_wait wait;     /* TXN_CONNECTING */
	enum txn_state state;
	bool is_invite;
	enum sip_method method;
	char method_name[24];
	char branch[BRANCH_LEN];
	uint8_t key[DIGEST_SHA256_LEN];
	uint64_t from_cid;  /* where the request came from */
	uint64_t to_cid;    /* where it went; 0 = nowhere yet */
	struct txn_party *from;
	struct txn_party *to;
	struct list of_from; /* in from->begun */
	struct list of_to;   /* in to->aimed */
	enum origin_role from_role;
	enum origin_role to_role;
	struct partner *partner;   /* owned: the other organisation, or NULL */
	struct outbound *outbound; /* owned: on its way to a partner, or NULL */
	bool has_credentials;   /* Authorization, Proxy-Authorization */
	bool has_keep_alive;    /* UAC;hop-hop=yes */
	bool is_outbound;       /* RFC 5626 */
	bool is_cancelled;      /* CANCEL came, or timer C ran out */
	bool is_cancel_sent;
	unsigned answers;       /* heard; few come honestly */
	struct mono begun;
	struct mono deadline;
	/* Heap text, each a message of its own. */
	char *received; /* owned: headers an answer needs */
	size_t received_len;
	char *sent;     /* owned: headers CANCEL and ACK need (INVITE) */
	size_t sent_len;
	char *pending;  /* owned: what waits for a connection */
	size_t pending_len;
	char call_id[128]; /* for people; cut when longer */
	char user[256];    /* whose request it is, "alice@example.com" */
	struct logon_id logon;
	void *owner;
};

typedef void(txn_cb)(struct txn *txn, void *arg);

/* How many, and how much of messages, may be open. */
struct txn_bounds {
	size_t count_max;
	size_t bytes_max;
	size_t client_max; /* of one connection from outside */
};

/* What one connection has open, either way: a bound on it, and nothing to
 * search when it ends. Lives as long as a transaction uses it. */
struct txn_party {
	struct map_node node; /* by cid */
	uint64_t cid;
	struct list begun; /* requests that came from it */
	struct list aimed; /* requests that went to it */
	size_t begun_count;
	size_t aimed_count;
};

struct txn_table {
	struct map by_branch;
	struct map by_key;
	struct map parties; /* connections that have some */
	struct list trying; /* oldest first: 200 ms each */
	struct list timed;  /* those with a deadline */
	size_t count;
	size_t bytes;       /* of messages kept */
	struct txn_bounds bounds;
	void *arg;
};

EDGE_MUST int txn_table_init(struct txn_table *t,
	const struct txn_bounds *bounds);
/* From now on; what is open stays. */
void txn_table_bound(struct txn_table *t, const struct txn_bounds *bounds);
void txn_table_fini(struct txn_table *t);

/* The key of the server transaction a request belongs to: RFC 3261 section
 * 17.2.3, for branches without the cookie as in RFC 2543, always together
 * with the connection. ACK and CANCEL give the key of their INVITE. */
void txn_key(const struct sip_msg *m, uint64_t cid,
	uint8_t key[static DIGEST_SHA256_LEN]);

/* Where a transaction begins. The key is that of the request as it came:
 * what an edit makes of its Request-URI, nobody repeats or cancels. */
struct txn_begin {
	uint64_t from_cid;
	const uint8_t *key;
	const char *branch;
	struct mono now;
};

/* A new one in TXN_CONNECTING. m is marked; its Vias, From, To, Call-ID and
 * CSeq are as received. */
EDGE_MUST int txn_new(struct txn **out, struct txn_table *t,
	const struct sip_msg *m, const struct txn_begin *begin);
void txn_free(struct txn *txn); /* accepts NULL */

/* The setting that leaves no room for one more request of this connection,
 * or NULL. The outside leaves a quarter of everything to the inside, which
 * ends what was begun; a partner speaks for more people than a client. */
const char *txn_full_by(const struct txn_table *t, uint64_t cid,
	enum origin_role role);
/* Whom it comes from or goes to outside; copied. */
EDGE_MUST int txn_set_partner(struct txn *txn, const struct partner *partner);
/* The request goes to this connection. */
EDGE_MUST int txn_aim(struct txn *txn, uint64_t cid);
/* What waits for a connection; text is taken. */
void txn_hold(struct txn *txn, char *text, size_t len);
void txn_drop_held(struct txn *txn);

struct txn *txn_find_key(const struct txn_table *t,
	const uint8_t key[static DIGEST_SHA256_LEN]);
struct txn *txn_find_branch(const struct txn_table *t, struct str branch);

/* Keep what CANCEL and ACK need of an INVITE as it goes out. */
EDGE_MUST int txn_keep_sent(struct txn *txn, const struct sip_msg *out);
void txn_set_state(struct txn *txn, enum txn_state state,
	struct mono deadline);
/* No 100 is needed any more. */
void txn_stop_trying(struct txn *txn);

/* CANCEL or ACK (for this response) from what was kept; heap text. */
EDGE_MUST int txn_make_cancel(const struct txn *txn, char **out,
	size_t *len);
EDGE_MUST int txn_make_ack(const struct txn *txn,
	const struct sip_msg *response, char **out, size_t *len);

/* Those whose sender still waits for a final response. */
size_t txn_open_count(const struct txn_table *t);
/* Call cb for each INVITE unanswered for 200 ms, and for each transaction
 * past its deadline. cb may free the transaction. */
void txn_sweep(struct txn_table *t, struct mono now, txn_cb *on_trying,
	txn_cb *on_deadline);
/* Call cb for each transaction that uses this connection either way. */
void txn_for_connection(struct txn_table *t, uint64_t cid, txn_cb *cb,
	void *arg);

#endif
