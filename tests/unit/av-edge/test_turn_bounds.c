/*
 * What the relay gives at most: quota, ports, answers to strangers, memory
 * (threats T7 to T10). The methods themselves are in test_turn_rfc.c.
 */
#include <check.h>
#include <errno.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "tests/unit/av-edge/lab.h"

#define ALICE "203.0.113.7:4000"
#define BOB   "203.0.113.8:4000"
#define PEER  "8.8.8.8:9000"

static struct lab lab;
static struct lab_ask ask;
static struct lab_cred alice, bob;

static void setup(void)
{
	lab_init(&lab, 64);
	alice = lab_user(&lab, "sip:alice@contoso.test");
	bob = lab_user(&lab, "sip:bob@contoso.test");
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

static uint64_t count(enum av_counter id)
{
	return stats_get(&lab.turn.stats, id);
}

/* R16: the limit can be reached, and then it refuses. */
START_TEST(test_R16_quota_refuses_with_486)
{
	char client[32];
	unsigned i;

	lab.rules->allocations_per_user = 3;
	for (i = 0; i < 3; i++) {
		snprintf(client, sizeof(client), "203.0.113.9:%u", 2000 + i);
		ck_assert_uint_eq(lab_allocate(&ask, &lab, client, &alice, i),
			0);
	}
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 9), 486);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, BOB, &bob, 9), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, client, &alice, 0), 0);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 9), 0);
	ck_assert_uint_eq(count(AV_REFUSED_QUOTA), 1);
}
END_TEST

/* T9: whatever a client does, it never holds more than its limit. */
START_TEST(test_T9_quota_holds_against_an_adversary)
{
	char client[32];
	unsigned i, held, was_held = 0;
	uint32_t n;

	lab.rules->allocations_per_user = 1;
	for (i = 0; i < 20000; i++) {
		snprintf(client, sizeof(client), "203.0.113.%u:%u",
			1 + rand_below(3), 2000 + rand_below(4));
		lab.over_tcp = rand_below(2);
		switch (rand_below(6)) {
		case 0:
		case 1:
			lab_begin(&ask, &lab, client, STUN_ALLOCATE,
				rand_below(3));
			lab_write_transport(&ask,
				lab.over_tcp && rand_below(2) ? 6 : 17);
			lab_sign(&ask, &alice);
			lab_send(&ask);
			break;
		case 2:
			lab_refresh(&ask, &lab, client, &alice,
				rand_below(2) * 600);
			break;
		case 3:
			lab_begin(&ask, &lab, client, STUN_ALLOCATE, i);
			lab_write_transport(&ask, 17);
			stun_write_bytes(&ask.w, STUN_EVEN_PORT,
				rand_below(2) ? "\x80" : "\0", 1);
			lab_sign(&ask, &alice);
			lab_send(&ask);
			break;
		case 4:
			lab.fail_opens = (int)rand_below(3);
			lab.fail_with = -EADDRINUSE;
			break;
		default:
			lab_advance(&lab, rand_below(400000));
			if (rand_below(4) == 0) /* before it ends */
				alice = lab_user(&lab,
					"sip:alice@contoso.test");
			break;
		}
		held = 0;
		for (n = 0; n < alloc_table_end(&lab.turn.allocs); n++)
			held += alloc_at(&lab.turn.allocs, n) != NULL;
		ck_assert_uint_le(held, 1);
		was_held += held;
	}
	ck_assert_uint_gt(was_held, 5000); /* not all was refused */
	lab.fail_opens = 0;
	lab.over_tcp = false;
}
END_TEST

/* T9: the quota bounds what it holds, not how often it makes sockets. */
START_TEST(test_T9_making_and_ending_is_bounded_by_the_minute)
{
	unsigned i, made = 0;

	lab.rules->allocations_per_minute = 20;
	for (i = 0; i < 100; i++) {
		made += lab_allocate(&ask, &lab, ALICE, &alice, i) == 0;
		lab_refresh(&ask, &lab, ALICE, &alice, 0);
	}
	ck_assert_uint_eq(made, 20);
	ck_assert_uint_eq(count(AV_BEGUN_TOO_FAST), 80);
	ck_assert_uint_eq(count(AV_REFUSED_QUOTA), 80);
	lab_check(&lab);
	/* Another credential of hers is no way round, nor another port. */
	alice = lab_user(&lab, "sip:alice@contoso.test");
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.8:1", &alice,
		1), 486);
	/* Another user does not feel it, and time heals. */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, BOB, &bob, 1), 0);
	lab_advance(&lab, 3000);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 0);
}
END_TEST

/* T10, requirement R4: no order of events loses a port. */
START_TEST(test_T10_no_port_is_lost)
{
	char client[32];
	unsigned i;

	for (i = 0; i < 30000; i++) {
		snprintf(client, sizeof(client), "203.0.113.7:%u",
			2000 + rand_below(100));
		if (rand_below(8) == 0) {
			lab.fail_opens = 1;
			lab.fail_with = rand_below(2) ? -EADDRINUSE : -EMFILE;
		}
		if (rand_below(3) != 0)
			lab_allocate(&ask, &lab, client, &alice, i);
		else
			lab_refresh(&ask, &lab, client, &alice, 0);
		if (i % 500 == 0) {
			lab_check(&lab);
			ck_assert(port_pool_is_sound(
				lab.shared.ports[RULES_V4]));
		}
	}
	lab_advance(&lab, 7200000);
	ck_assert_uint_eq(port_pool_count(lab.shared.ports[RULES_V4]).free,
		64);
}
END_TEST

START_TEST(test_permissions_are_refreshed_when_there_is_room_for_no_more)
{
	char peer[32];
	unsigned round, i;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.9:1", &alice,
		1), 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < PERM_PER_ALLOC; i++) {
			snprintf(peer, sizeof(peer), "8.8.%u.8:1", i);
			ck_assert_uint_eq(lab_permit(&ask, &lab,
				"203.0.113.9:1", &alice, peer), 0);
		}
		lab_advance(&lab, 60000);
	}
	ck_assert_uint_eq(lab_permit(&ask, &lab, "203.0.113.9:1", &alice,
		"8.8.99.8:1"), 508);
}
END_TEST

/* One peer, so many times. */
static unsigned permit_often(unsigned count)
{
	struct addr a = lab_addr(PEER);

	lab_begin(&ask, &lab, ALICE, STUN_CREATE_PERMISSION, 78);
	while (count-- > 0)
		stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &a);
	lab_sign(&ask, &alice);
	return lab_send(&ask);
}

/* Each is looked for from the front: thousands of them in one request would
 * hold up all the calls of a shard. */
START_TEST(test_permissions_of_one_request_are_bounded)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 0);
	/* Of both families an allocation may have that many. */
	ck_assert_uint_eq(permit_often(2 * PERM_PER_ALLOC), 0);
	ck_assert_uint_eq(permit_often(2 * PERM_PER_ALLOC + 1), 508);
}
END_TEST

static void count_line(const char *line, void *arg)
{
	unsigned *lines = arg;

	*lines += strstr(line, "alloc.ended") != NULL;
}

START_TEST(test_making_and_ending_over_and_over_fills_no_log)
{
	unsigned lines = 0, i;

	log_set_level(LOG_LEVEL_INFO);
	log_capture(count_line, &lines);
	for (i = 0; i < 700; i++) {
		ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, i),
			0);
		ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0),
			0);
	}
	ck_assert_uint_eq(lines, 600);
	/* Of what was there for a while each is told. */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, i), 0);
	lab_advance(&lab, 1000);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	log_capture(NULL, NULL);
	log_set_level(LOG_LEVEL_ERROR);
	ck_assert_uint_eq(lines, 601);
}
END_TEST

START_TEST(test_port_that_will_not_bind_is_passed_over)
{
	lab.fail_opens = 3;
	lab.fail_with = -EADDRINUSE;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab.fail_opens = 1;
	lab.fail_with = -EMFILE;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, BOB, &bob, 1), 508);
	lab_check(&lab);
}
END_TEST

START_TEST(test_full_range_is_508)
{
	char client[32];
	unsigned i;

	lab.rules->allocations_per_user = 1000;
	for (i = 0; i < 64; i++) {
		snprintf(client, sizeof(client), "203.0.113.9:%u", 2000 + i);
		ck_assert_uint_eq(lab_allocate(&ask, &lab, client, &alice, i),
			0);
	}
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 9), 508);
}
END_TEST

START_TEST(test_draining_takes_no_new_allocation_and_keeps_the_old)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab.rules->is_draining = true;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, BOB, &bob, 1), 508);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 0);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 0);
}
END_TEST

/* T7: no answer to a stranger above three times what it sent. */
START_TEST(test_T7_long_challenge_is_not_sent)
{
	memset(lab.rules->realm, 'r', 200);
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	ck_assert_uint_eq(lab_send(&ask), 999);
	ck_assert_uint_eq(count(AV_STRANGER_TOO_LONG), 1);
}
END_TEST

START_TEST(test_T7_answers_to_strangers_are_small)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	ck_assert_uint_eq(lab_send(&ask), 401);
	ck_assert_uint_le(ask.out.answer_len + 28, 3 * (20 + 28));
	lab_begin(&ask, &lab, "[2001:db8::1]:1", STUN_BINDING, 1);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert_uint_le(ask.out.answer_len + 28, 3 * (20 + 28));
}
END_TEST

START_TEST(test_T7_stranger_gets_ten_replies_and_a_user_all)
{
	unsigned i, answered = 0;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_int_eq(strangers_set_rate(lab.shared.strangers, 10), 0);
	for (i = 0; i < 1000; i++) {
		lab_begin(&ask, &lab, ALICE,
			i % 2 ? STUN_BINDING : STUN_ALLOCATE, i);
		answered += lab_send(&ask) != 999;
	}
	ck_assert_uint_eq(answered, 10);
	ck_assert_uint_eq(count(AV_STRANGER_SILENCED), 990);
	/* Its budget is gone, but this one is no stranger. */
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 0);
}
END_TEST

/* T8, R3: nothing is kept for whoever proved nothing. */
START_TEST(test_T8_strangers_take_no_memory)
{
	char client[32];
	unsigned i;

	for (i = 0; i < 10000; i++) {
		snprintf(client, sizeof(client), "203.%u.%u.7:%u", i % 200,
			i / 200, 1024 + i);
		lab_begin(&ask, &lab, client, STUN_ALLOCATE, i);
		lab_write_transport(&ask, 17);
		ck_assert_uint_eq(lab_send(&ask), 401);
	}
	ck_assert_uint_eq(lab.turn.allocs.pool.fresh, 0);
	ck_assert_uint_eq(lab.turn.perms.pool.fresh, 0);
	ck_assert_uint_eq(quota_user_count(lab.shared.quota), 0);
	ck_assert_uint_eq(lab.open, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("turn_bounds");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_R16_quota_refuses_with_486);
	tcase_add_test(t, test_T9_quota_holds_against_an_adversary);
	tcase_add_test(t,
		test_T9_making_and_ending_is_bounded_by_the_minute);
	tcase_add_test(t, test_T10_no_port_is_lost);
	tcase_add_test(t,
		test_permissions_are_refreshed_when_there_is_room_for_no_more);
	tcase_add_test(t, test_port_that_will_not_bind_is_passed_over);
	tcase_add_test(t, test_permissions_of_one_request_are_bounded);
	tcase_add_test(t, test_making_and_ending_over_and_over_fills_no_log);
	tcase_add_test(t, test_full_range_is_508);
	tcase_add_test(t,
		test_draining_takes_no_new_allocation_and_keeps_the_old);
	tcase_add_test(t, test_T7_long_challenge_is_not_sent);
	tcase_add_test(t, test_T7_answers_to_strangers_are_small);
	tcase_add_test(t, test_T7_stranger_gets_ten_replies_and_a_user_all);
	tcase_add_test(t, test_T8_strangers_take_no_memory);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
