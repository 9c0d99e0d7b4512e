/*
 * Two clients of [MS-TURN] in a lab without sockets, and what is looked at
 * after their requests. For one test program at a time.
 */
#ifndef TESTS_AV_EDGE_LAB_MS_TWO_H
#define TESTS_AV_EDGE_LAB_MS_TWO_H

#include "tests/unit/av-edge/lab_ms.h"

#define ALICE "203.0.113.7:4000"
#define BOB   "203.0.113.8:4000"
#define PEER  "8.8.8.8:9000"
#define OTHER "8.8.4.4:9001"

static struct lab lab;
static struct ms_ask ask;
static struct ms_client alice, bob;

static inline void two_begin(void)
{
	lab_init(&lab, 64);
	ms_client_init(&alice, &lab, ALICE, "sip:alice@contoso.test");
	ms_client_init(&bob, &lab, BOB, "sip:bob@contoso.test");
}

static inline void two_end(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

static inline uint64_t count(enum av_counter id)
{
	return stats_get(&lab.turn.stats, id);
}

/* Alice's active destination, or NULL. */
static inline struct hot *destination(void)
{
	return hot_find(&lab.turn.hots, 0, &alice.at, HOT_DESTINATION);
}

/* By Alice's allocation. */
static inline bool is_permitted(const char *peer)
{
	struct addr a = lab_addr(peer);

	return perm_has(&lab.turn.perms, ms_alloc(&alice), &a, lab.turn.now);
}

#endif
