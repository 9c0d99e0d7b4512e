/*
 * How one publication comes to all machines: staged everywhere, activated on
 * the canaries, watched, then on the rest, one machine of a pool at a time;
 * stopped when too many fail. Decisions only: no network, no record, no
 * clock of its own.
 */
#ifndef EDGECTL_PUBLISH_ROLLOUT_H
#define EDGECTL_PUBLISH_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"

enum rollout_phase {
	ROLLOUT_STAGE,
	ROLLOUT_CANARY,
	ROLLOUT_HOLD, /* the canaries are watched */
	ROLLOUT_REST,
	ROLLOUT_DONE,
	ROLLOUT_STOPPED, /* a person decides: go on, or roll back */
};

enum rollout_state {
	ROLLOUT_WAITING, /* for its first or next try */
	ROLLOUT_STAGED,
	ROLLOUT_CONFIRMING, /* activated, its daemons are asked */
	ROLLOUT_ACTIVE,
	ROLLOUT_REFUSED, /* it said no, or went back by itself */
	ROLLOUT_PINNED,  /* was held where it is before this came */
	ROLLOUT_STATES,
};

/* What to do with a machine now. */
enum rollout_todo {
	ROLLOUT_NOTHING,
	ROLLOUT_PUT,      /* bring the bundle */
	ROLLOUT_ACTIVATE,
	ROLLOUT_ASK,      /* for its status */
};

/* What came of it. */
enum rollout_event {
	ROLLOUT_IS_STAGED,
	ROLLOUT_IS_PENDING, /* activation is under way */
	ROLLOUT_IS_ACTIVE,
	ROLLOUT_IS_BEHIND,  /* it runs something older and knows no newer */
	ROLLOUT_IS_PINNED,
	ROLLOUT_SAYS_NO,
	ROLLOUT_IS_AWAY,    /* no connection, or busy: try again */
};

struct rollout_member {
	char fqdn[256];
	unsigned pool;
	bool was_away;  /* before this began: does not count as a failure */
	bool is_named;  /* a canary by the administrator's word */
	/* the rest is rollout.c's */
	bool is_canary;
	bool is_busy;   /* something is under way */
	bool is_late;   /* unreachable so far; goes on being tried */
	bool was_switched; /* has run it, in a roll-out that is not over */
	enum rollout_state state;
	unsigned tries; /* without an answer, in a row */
	struct mono next;     /* not before this */
	struct mono deadline; /* of the confirmation */
	char error[WHY_LEN];
};

struct rollout {
	struct rollout_member *members; /* owned */
	size_t count;
	unsigned pool_count;
	int64_t hold_ms;
	int64_t confirm_ms;
	int64_t poll_ms; /* between questions to those that are active */
	enum rollout_phase phase;
	struct mono hold_until;
	char note[WHY_LEN]; /* why it stopped */
};

/* members is taken, on the heap; what is not rollout.c's is filled in. */
void rollout_begin(struct rollout *r, struct rollout_member *members,
	size_t count, struct mono now);
/* After rollout_begin(): it was done before, so all are asked first and
 * only those that lack it get it. */
void rollout_adopt(struct rollout *r);
void rollout_fini(struct rollout *r);

/* Move the phase on; then ask for each member what to do. */
void rollout_step(struct rollout *r, struct mono now);
enum rollout_todo rollout_todo(const struct rollout *r, size_t i,
	struct mono now);
/* It was begun; rollout_told() ends it. */
void rollout_started(struct rollout *r, size_t i, enum rollout_todo what,
	struct mono now);
/* text: what the machine or the network said, "" = nothing. */
void rollout_told(struct rollout *r, size_t i, enum rollout_event event,
	const char *text, struct mono now);
/* A person says go on: refusals are tried again. */
void rollout_resume(struct rollout *r, struct mono now);
/* A person says stop. */
void rollout_stop(struct rollout *r, const char *text);

/* How long nothing will be due. */
int64_t rollout_wait_ms(const struct rollout *r, struct mono now);
/* Done but for those that can't be reached or are pinned. */
bool rollout_is_settled(const struct rollout *r);
size_t rollout_count(const struct rollout *r, enum rollout_state state);
size_t rollout_late(const struct rollout *r);
const char *rollout_phase_name(enum rollout_phase phase);
const char *rollout_state_name(enum rollout_state state);
/* For a machine: its state, or "away". */
const char *rollout_member_word(const struct rollout_member *m);

#endif
