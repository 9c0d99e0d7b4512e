/* The publisher from inside: for publisher*.c only. */
#ifndef EDGECTL_PUBLISH_PUBLISHER_PRIV_H
#define EDGECTL_PUBLISH_PUBLISHER_PRIV_H

#include "common/base/clock.h"
#include "edgectl/publish/edge_call.h"
#include "edgectl/publish/edition.h"
#include "edgectl/publish/publisher.h"
#include "edgectl/publish/signing.h"

#define PUBLISHER_TEXT_MAX 400

/* A machine: where it is, and what the record shall know of it. */
struct publisher_edge {
	struct edge_target target;
	bool is_disabled;
	bool is_dirty; /* its row is to be written */
	struct bundle_bytes own; /* on its way: what it gets of the edition */
	struct record_replica row;
	struct mono head_at; /* when it answered the last one */
	bool has_head;
	struct mono trust_next; /* no trust bundle before this */
	bool is_heading; /* a head or trust bundle is on its way */
};

/* How far the newest publication is handed out (conf->mirror). */
struct publisher_mirror {
	size_t at;      /* machines whose files are there */
	bool has_whole;
	struct mono head_made; /* of the head there; 0 = none yet */
	struct mono next;      /* after a failure */
};

struct publisher {
	const struct publish_conf *conf;
	struct signing signing;
	struct record *record; /* NULL while it can't be reached */
	struct mono next_open;
	unsigned open_tries;
	struct mono next_lock;
	struct mono next_look; /* for requests, although nobody called */
	struct mono next_due;  /* keys of pools */
	struct mono next_write;
	/* in office: */
	struct record_publication newest; /* .sha256 "" = none */
	struct edition edition; /* of the newest */
	struct publisher_mirror mirror;
	struct edge_calls *calls;
	struct publisher_edge *edges; /* owned, as many as members */
	struct rollout rollout;
	char activate[200];        /* body of the order, the same for all */
	enum rollout_phase written; /* as the record has it */
	struct bundle_bytes head;
	struct mono head_made;
	struct mono head_next;
	struct bundle_bytes trust; /* the one on its way, */
	uint64_t trust_from;       /* to those that have this serial, */
	struct bundle_version trust_version; /* and as what */
	uint64_t trust_serial;     /* newest */
	uint64_t bytes;            /* of calls that are gone */
};

/* publisher_edges.c: the newest publication's machines, from its bundle. */
EDGE_MUST int publisher_load_edges(struct publisher *p, struct why *why);
void publisher_drop_edges(struct publisher *p);
/* Start what is due, within the bound of parallel transfers. */
void publisher_drive(struct publisher *p);
/* What holds for every answer. */
void publisher_note_reply(struct publisher *p, size_t i,
	const struct edge_reply *reply);
/* Rows of machines that changed, in one transaction. */
EDGE_MUST int publisher_write(struct publisher *p, struct why *why);

/* publisher_heads.c: a new head when it is time, the last keys forgotten; and
 * what machine i lacks of either. */
void publisher_heads_renew(struct publisher *p, struct mono now);
void publisher_heads_send(struct publisher *p, size_t i, struct mono now);

/* publisher_mirror.c: the folder that publisher.yaml names, if it does. */
void publisher_mirror_drive(struct publisher *p, struct mono now);

/* publisher_requests.c: answer what people asked. 1 = there is a newer
 * publication now. */
EDGE_MUST int publisher_answer(struct publisher *p, struct why *why);
/* The same content under the present epoch, or with keys that are due.
 * outcome may be NULL. */
EDGE_MUST int publisher_again(struct publisher *p, const char *reason,
	json_t **outcome, struct why *why);

/* publisher_reply.c: what it said when it refused, and what to do then. */
void publisher_refusal(long status, const json_t *body, char *text,
	size_t cap);
/* The same for any answer: into room, or what the network said. */
const char *publisher_error_text(const struct edge_reply *reply,
	char room[static PUBLISHER_TEXT_MAX]);
/* What an agent's status means for version. */
enum rollout_event publisher_judge(const json_t *status,
	struct bundle_version version, char *text, size_t cap);

#endif
