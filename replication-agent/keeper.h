/*
 * The keeper of this machine's topology store: bundles become staged
 * generations, staged ones become current, current ones are confirmed or
 * taken back (replication protocol B5). Everything here may block and
 * belongs to one thread, but for what says otherwise.
 */
#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include <jansson.h>
#include <pthread.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_trust.h"
#include "common/run/conf.h"
#include "common/store/generation.h"
#include "common/store/pin.h"
#include "replication-agent/crew.h"
#include "replication-agent/record.h"
#include "replication-agent/watch.h"

struct keeper_settings {
	int64_t confirm_ms;
	int check_timeout_ms; /* for each daemon */
	bool auto_revert;
};

/* The newest head we hold. */
struct keeper_head {
	bool is_set;
	struct bundle_version version;
	char of[BUNDLE_SHA_LEN];
	struct wall created;
	struct wall expires;
};

/* What the loop shows of it; copied under the lock. */
struct keeper_view {
	struct keeper_head head;
	struct generation_info current; /* path "" = there is none */
	struct crew crew;               /* as of the last look */
	bool is_watching;
	bool is_confirmed; /* watching, and all report the generation */
	bool is_pin_owed;   /* a pin that no disk took whole yet */
	bool has_pin_file;  /* ... but the spare one */
	struct pin owed;
	uint64_t activated; /* generations, since the start */
	uint64_t reverted;
	struct keeper_settings settings;
};

struct keeper {
	const struct conf *conf; /* borrowed */
	char dir[PATH_MAX];      /* <state_dir>/replication-agent */
	struct record *record;   /* owned */
	struct watch watch;
	pthread_mutex_t lock;
	struct keeper_view view;
};

/* What became of an order. */
struct keeper_result {
	int status; /* HTTP */
	struct why why;
	struct bundle_version version;
	char sha256[BUNDLE_SHA_LEN];
	json_t *details; /* owned: refusals and findings, or NULL */
};
void keeper_result_fini(struct keeper_result *r);

/* Opens the record; dir must be there. */
EDGE_MUST int keeper_init(struct keeper *k, const struct conf *conf,
	struct why *why);
void keeper_fini(struct keeper *k);

/* ---- orders: each fills in the result ---- */

/* A bundle (topology or trust). sha256 and version as announced, or NULL. */
void keeper_stage(struct keeper *k, const void *bytes, size_t len,
	const char *sha256, const struct bundle_version *version,
	struct keeper_result *out);
void keeper_activate(struct keeper *k, struct bundle_version version,
	const char *sha256, struct keeper_result *out);
void keeper_abort(struct keeper *k, struct bundle_version version,
	const char *sha256, struct keeper_result *out);
void keeper_take_head(struct keeper *k, const void *bytes, size_t len,
	struct keeper_result *out);
/* Let go of the pin; what was staged and wanted meanwhile is activated. */
void keeper_unpin(struct keeper *k, struct keeper_result *out);

/* One look at the daemons; takes a generation back that makes them fail. */
void keeper_look(struct keeper *k);

/* ---- start ---- */

/* Finish or undo what a death interrupted; mend a store whose `current`
 * can't be read. Before anything else, with or without root's rights. */
EDGE_MUST int keeper_recover(struct keeper *k, struct why *why);

/* ---- from any thread ---- */
void keeper_see(struct keeper *k, struct keeper_view *out);
void keeper_set(struct keeper *k, const struct keeper_settings *settings);
struct keeper_settings keeper_settings_now(struct keeper *k);
/* By its file, or by a decision that is still owed to the disk. */
bool keeper_is_pinned(const struct keeper *k, const struct keeper_view *view,
	struct pin *out);
/* True when it holds a head and that is not what is current. */
bool keeper_is_behind(const struct keeper_view *view);

/* ---- for the files of this room ---- */

/* -ENOENT: this host has no publisher. */
EDGE_MUST int keeper_trust(const struct keeper *k, struct bundle_trust *out,
	struct why *why);
/* Fill in status and text; status from err when 0. Returns err. */
int keeper_refuse(struct keeper *k, struct keeper_result *out, int status,
	int err, const char *fmt, ...) EDGE_PRINTF(5, 6);
/* What has happened already is remembered, on the disk or not. */
void keeper_keep(struct keeper *k, const struct record_facts *facts);
/* The same for a pin: it holds in any case. */
void keeper_pin(struct keeper *k, const char *reason);
/* Nothing is owed: somebody let go. */
void keeper_forget_pin(struct keeper *k);
/* Pin and record to the disk, as far as it takes them by now. */
void keeper_settle(struct keeper *k);
/* One more of either, for the counters. */
void keeper_count(struct keeper *k, bool is_reverted);
/* Read what is current again, and say whether we are behind. */
void keeper_note_current(struct keeper *k, struct record_facts *facts);
/* What is current was seen, whoever made it so (a bootstrap). */
void keeper_note_highest(const struct keeper *k, struct record_facts *facts);
/* One whose signatures were verified, as a staged generation: built,
 * checked, dry-run, recorded. facts are brought up to date and saved. */
EDGE_MUST int keeper_build(struct keeper *k, const struct bundle *b,
	const struct bundle_bytes *file, struct record_facts *facts,
	struct keeper_result *out);
/* The active generation is bad: back to the one before, and pin. */
void keeper_revert(struct keeper *k, struct record_facts *facts,
	const char *reason);

#endif
