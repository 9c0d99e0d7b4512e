/*
 * The publisher's record: what was published and how far it came, what
 * edges last said, keys of pools in their envelopes, what people asked for,
 * and who holds the office. The same on sqlite and PostgreSQL.
 */
#ifndef EDGECTL_PUBLISH_RECORD_H
#define EDGECTL_PUBLISH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "edgectl/publish/record_db.h"

struct record;

/* Opens, and makes or updates the tables. EDGE_EPEER: the server can't be
 * reached; try again later. */
EDGE_MUST int record_open(struct record **out,
	const struct record_driver *driver, const char *where,
	struct why *why);
void record_close(struct record *r); /* accepts NULL; ends the office */

/* For a sandbox around it. */
void record_files(const struct record *r, record_file_cb *tell, void *arg);

/* Descriptor that wakes a poll(), or -1; then look every now and then. */
int record_fd(const struct record *r);
/* 1 = something changed, 0 = nothing, < 0 = the connection is gone. */
EDGE_MUST int record_poll(struct record *r);

/* ---- the office --------------------------------------------------------- */

/* EDGE_EBUSY while somebody else has it. From then on this epoch is ours,
 * and it is the only one that puts publications here. */
EDGE_MUST int record_lock(struct record *r, const char *name,
	struct why *why);
uint32_t record_epoch(const struct record *r); /* 0 = not in office */
/* Who has or had it last, for status. Heap, "" = nobody yet. */
EDGE_MUST int record_leader(struct record *r, char **name, uint32_t *epoch,
	struct why *why);
/* Is the epoch ours still? EDGE_EREFUSED: no, and the office is over. */
EDGE_MUST int record_check_office(struct record *r, struct why *why);

/* Is it a person who raises it, and not each take-over? */
bool record_raises_by_hand(const struct record *r);
/* By hand, above what edges have seen: the record was carried to another
 * machine, or somebody else has published. Whoever is in office meanwhile
 * learns of it by record_check_office(). */
EDGE_MUST int record_raise_epoch(struct record *r, uint32_t seen,
	uint32_t *epoch, struct why *why);

/* ---- words of state ----------------------------------------------------- */

/* Heap, "" when unset. */
EDGE_MUST int record_get(struct record *r, const char *key, char **value,
	struct why *why);
EDGE_MUST int record_set(struct record *r, const char *key,
	const char *value, struct why *why);

/* ---- publications ------------------------------------------------------- */

struct record_publication {
	struct bundle_version version;
	char sha256[BUNDLE_SHA_LEN]; /* of the manifest */
	char raw_sha256[BUNDLE_SHA_LEN]; /* of the rows: the same content? */
	struct wall created;
	bool is_rollback;
	struct bundle_version rollback_of;
	char *yaml;    /* owned, as all text here */
	char *who;
	char *reason;
	char *options; /* JSON: how it is to be rolled out */
	char *state;   /* "rolling", "done", "stopped", "superseded" */
	char *note;
	uint8_t *bundle; /* owned; NULL in lists */
	size_t bundle_len;
};
void record_publication_fini(struct record_publication *p);

/* The newest one; -ENOENT when there is none. */
EDGE_MUST int record_load(struct record *r, struct record_publication *out,
	struct why *why);
EDGE_MUST int record_find(struct record *r, struct bundle_version version,
	struct record_publication *out, struct why *why);
/* The newest with another topology than the newest. */
EDGE_MUST int record_before(struct record *r, struct record_publication *out,
	struct why *why);
/* Newest first, without bundles and YAML. */
EDGE_MUST int record_history(struct record *r, size_t max,
	struct record_publication **out, size_t *count, struct why *why);
EDGE_MUST int record_next_serial(struct record *r, uint64_t *serial,
	struct why *why);
/* EDGE_EREFUSED: the office is somebody else's by now. */
EDGE_MUST int record_put_bundle(struct record *r,
	const struct record_publication *p, struct why *why);
EDGE_MUST int record_put_state(struct record *r,
	struct bundle_version version, const char *state, const char *note,
	struct why *why);

/* ---- edges -------------------------------------------------------------- */

struct record_replica {
	char fqdn[256];
	char pool[256];
	struct wall last_report;   /* 0 = never */
	struct wall behind_since;  /* 0 = it is not */
	uint32_t failures;         /* in a row */
	char *state;       /* owned: where it is in the roll-out */
	char *error;       /* owned: the latest, "" = none */
	char *status;      /* owned: JSON of its own */
	char *certificate; /* owned: PEM it showed */
};
void record_replicas_free(struct record_replica *rows, size_t count);
EDGE_MUST int record_list_replicas(struct record *r,
	struct record_replica **out, size_t *count, struct why *why);
EDGE_MUST int record_put_status(struct record *r,
	const struct record_replica *row, struct why *why);
/* Who is in no topology any more. */
EDGE_MUST int record_drop_replica(struct record *r, const char *fqdn,
	struct why *why);

/* ---- everything else is a table to its owner ---------------------------- */

/* request.c and pool_ring.c know theirs. */
EDGE_MUST int record_run(struct record *r, const char *sql,
	const struct record_value *in, size_t count, struct record_rows *out,
	struct why *why);
/* Wake those who wait. */
EDGE_MUST int record_notify(struct record *r, struct why *why);

#endif
