/*
 * One SIP connection: a stream with framing, an identity, limits and
 * keep-alives. Hands whole messages up; knows nothing of proxying.
 */
#ifndef ACCESS_EDGE_SESSION_H
#define ACCESS_EDGE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "access-edge/anonymous.h"
#include "access-edge/discover.h"
#include "access-edge/origin.h"
#include "access-edge/partner.h"
#include "access-edge/policy.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/net/limit.h"
#include "common/net/listener.h"
#include "common/net/stream.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"

struct session;
struct session_held;
struct peer_link;

/* m is borrowed for the call. The session may be closed inside. */
struct session_ops {
	/* Shaken hands; the origin has its names. */
	void (*on_ready)(struct session *s, void *arg);
	/* A message that parsed (fault NULL) or did not. */
	void (*on_message)(struct session *s, struct sip_msg *m,
		const struct sip_fault *fault, void *arg);
	/* Framing is lost; m (headers alone) may be NULL. The session ends
	 * after this. */
	void (*on_lost)(struct session *s, struct sip_msg *m,
		unsigned status, const char *cause, void *arg);
	/* The last call; the session is gone when it returns. */
	void (*on_end)(struct session *s, enum stream_end end,
		const char *detail, void *arg);
};

struct session {
	struct map_node node;  /* by cid */
	struct list in_table;
	struct list in_shaking;    /* accepted, hands not shaken yet */
	struct session_table *table;
	struct stream *stream; /* owned */
	struct sip_frame frame;
	enum origin_door door;
	struct tls_watch *tls; /* borrowed: whom it is let in by */
	struct origin origin;
	struct bucket bucket; /* requests; more are answered 503 */
	struct bucket flood;  /* messages, of partners those that come to
	                       * nothing; more end the connection */
	struct listener *listener; /* borrowed; NULL when we dialled */
	struct peer_link *link;    /* when it leads to a next hop */
	struct mono opened;
	struct mono ready;
	struct mono last_in;       /* bytes received */
	struct mono unfinished;    /* since when a message is; 0 = none */
	bool is_ready;
	bool is_closing;
	bool is_to_be_reviewed; /* once ready: others are trusted by now */
	bool is_waiting; /* has shaken hands, and is not ready yet */
	bool is_held;
	struct session_held *held; /* owned */
	const char *why_closed;    /* by us; a literal, or NULL */
	const char *fault;         /* why its octets were unreadable */
	const char *idle_setting;  /* that says how long it may be silent */
	bool is_outbound;          /* RFC 5626 took part in its REGISTER */
	uint64_t messages_in;
	uint64_t messages_out;
	size_t server_body_max;
	struct tls_names *names;   /* partners: all of them; owned */
	struct partner *partner;   /* partners: of the last request; owned */
	struct discover_wait srv_wait; /* partners: DNS is being asked */
	struct list in_held;       /* partners: too fast */
	char user[256];            /* who registered last, or "" */
	struct anonymous anonymous;
};

/* All sessions of a worker. */
struct session_table {
	struct loop *loop;
	struct map by_cid;
	struct list all;
	size_t count;
	struct list shaking; /* oldest first */
	size_t shaking_count;
	uint32_t epoch; /* high half of the next cid */
	uint32_t next;  /* low half */
	const struct session_ops *ops;
	void *arg;
};

EDGE_MUST int session_table_init(struct session_table *t, struct loop *loop,
	const struct session_ops *ops, void *arg);
/* Ends every session at once, without on_end. */
void session_table_fini(struct session_table *t);
/* NULL when it is gone or going. */
struct session *session_find(const struct session_table *t, uint64_t cid);

/* fd is taken, also on failure. listener hears when it ends. */
EDGE_MUST int session_accept(struct session_table *t, int fd,
	const struct addr *remote, enum origin_door door,
	struct tls_watch *tls, const struct policy *p,
	struct listener *listener);
/* The one that has shaken hands for longest, or NULL. */
struct session *session_oldest_shaking(const struct session_table *t);
/* Dial a server behind a door; *out is told ready or ended by the ops. */
EDGE_MUST int session_connect(struct session **out, struct session_table *t,
	const struct stream_target *target, enum origin_door door,
	struct tls_watch *tls, const struct policy *p);

/* Queue a message; errors end the session by themselves. */
int session_send(struct session *s, const char *text, size_t len);
/* An inside server takes less than it is sent: no more requests for it now,
 * or the queue overflows and all who use the connection lose it. */
bool session_is_congested(const struct session *s);
/* A message of a partner came to nothing: refused, unreadable, an answer to
 * no question, or one of very many to the same. Those cost too, and no other
 * limit holds for them; of clients every message is counted. */
void session_waste(struct session *s);
/* Everything queued goes out first. why: a word for the log, a literal. */
void session_close(struct session *s, const char *why);
/* From within on_message: this message can't be taken yet. It, and what comes
 * behind it, waits for session_resume(); nothing more is read meanwhile, which
 * the peer's own TCP feels. */
void session_hold(struct session *s);
/* on_message is called again for it, not from within a callback of the same
 * session. */
void session_resume(struct session *s);
/* Settings have changed: rates and bounds hold from the next message on, what
 * has been used up stays used up. */
void session_follow(struct session *s, const struct policy *p);
/* Does its peer's certificate lead to an authority that is trusted now? */
bool session_is_trusted(const struct session *s);
/* From within on_ready: what its certificate is worth is being asked. To all
 * others it has not shaken hands yet, and nothing is read, until it goes on;
 * not for longer than a handshake may take. */
void session_wait(struct session *s);
void session_go_on(struct session *s);
/* A 2xx has shown that somebody inside knows this client; user is "" when it
 * does not say as whom. */
void session_signed_in(struct session *s, const struct policy *p,
	struct str user);
/* Is this the one who registered here last? */
bool session_is_user(const struct session *s, struct str user);

/* Deadlines that are no stream's: first message, unfinished message,
 * signing in. Call about once a second. */
void session_table_sweep(struct session_table *t, const struct policy *p);

#endif
