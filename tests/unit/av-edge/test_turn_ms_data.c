/* Send, Set Active Destination, numbers of [MS-TURN], without sockets. */
#include <check.h>
#include <errno.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "tests/unit/av-edge/lab_ms_two.h"
#include "tests/unit/av-edge/suite.h"

/* ---- Send -------------------------------------------------------------- */

START_TEST(test_send_permits_the_address_and_carries_the_bytes)
{
	static const char *const texts[] = {"", "a", "ab", "abc", "abcd"};
	size_t i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert(!is_permitted(PEER));
	for (i = 0; i < ARRAY_COUNT(texts); i++)
		ck_assert(ms_data(&ask, &alice, 2 + (unsigned)i, PEER,
			texts[i]));
	ck_assert(is_permitted(PEER));
	ck_assert(is_permitted("8.8.8.8:1")); /* by address */
	ck_assert(!is_permitted(OTHER));
	ck_assert_uint_eq(count(AV_REQ_MS_SEND), 5);
	/* until the allocation ends, not for five minutes */
	lab_advance(&lab, 590000);
	ck_assert(is_permitted(PEER));
}
END_TEST

START_TEST(test_T1_send_and_destination_obey_the_peer_policy)
{
	static const char *const denied[] = {
		"127.0.0.1:3478", "10.1.2.3:5060", "192.168.0.1:80",
		"169.254.169.254:80", "0.0.0.0:9", "224.0.0.1:9",
		"255.255.255.255:9", "100.64.0.1:9",
	};
	size_t i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < ARRAY_COUNT(denied); i++) {
		ck_assert_msg(!ms_data(&ask, &alice, 10 + 2 * (unsigned)i,
			denied[i], "x"), "%s", denied[i]);
		ck_assert_uint_eq(ms_aim(&ask, &alice, 11 + 2 * (unsigned)i,
			denied[i]), 400);
		ck_assert(!is_permitted(denied[i]));
	}
	ck_assert_uint_eq(count(AV_DROP_NO_PERMISSION), ARRAY_COUNT(denied));
	ck_assert_ptr_null(destination());
	ck_assert_uint_eq(ms_alloc(&alice)->perm_count, 0);
}
END_TEST

START_TEST(test_T3_ipv6_spellings_are_of_another_family)
{
	struct addr a = lab_addr("[::ffff:127.0.0.1]:80");

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert(!ms_data(&ask, &alice, 2, "[2a00::1]:9", "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, "[2a00::1]:9"), 400);
	a.family = 6;
	ms_begin(&ask, &alice, STUN_MS_SET_DESTINATION, 4);
	stun_write_addr(&ask.w, STUN_DESTINATION, &a);
	ms_sign(&ask);
	ck_assert_uint_eq(ms_send(&ask), 400);
}
END_TEST

START_TEST(test_send_without_anything_it_needs_is_dropped_in_silence)
{
	struct addr peer = lab_addr(PEER), no_port = lab_addr("8.8.8.8");

	/* before any allocation */
	ck_assert(!ms_data(&ask, &alice, 1, PEER, "x"));
	ck_assert_uint_eq(count(AV_DROP_NO_ALLOCATION), 1);
	alice.number.number = 0;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	/* no data, no destination, no port, no integrity, no user name */
	ms_begin(&ask, &alice, STUN_MS_SEND, 3);
	stun_write_addr(&ask.w, STUN_DESTINATION, &peer);
	ms_sign(&ask);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_ptr_null(ask.out.from);
	ms_begin(&ask, &alice, STUN_MS_SEND, 4);
	stun_write_text(&ask.w, STUN_PAYLOAD, STR_LIT("x"));
	ms_sign(&ask);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_ptr_null(ask.out.from);
	ms_begin(&ask, &alice, STUN_MS_SEND, 5);
	stun_write_addr(&ask.w, STUN_DESTINATION, &no_port);
	stun_write_text(&ask.w, STUN_PAYLOAD, STR_LIT("x"));
	ms_sign(&ask);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_ptr_null(ask.out.from);
	ck_assert_uint_eq(count(AV_DROP_MALFORMED), 3);
	ms_begin(&ask, &alice, STUN_MS_SEND, 6);
	stun_write_addr(&ask.w, STUN_DESTINATION, &peer);
	stun_write_text(&ask.w, STUN_PAYLOAD, STR_LIT("x"));
	ck_assert_uint_eq(ms_send(&ask), 999);
	ms_begin(&ask, &alice, STUN_MS_SEND, 7);
	stun_write_addr(&ask.w, STUN_DESTINATION, &peer);
	stun_write_text(&ask.w, STUN_PAYLOAD, STR_LIT("x"));
	stun_ms_write_integrity(&ask.w, &alice.key);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_uint_eq(count(AV_AUTH_INCOMPLETE), 2);
	ck_assert(!is_permitted(PEER));
}
END_TEST

START_TEST(test_T12_nothing_after_the_integrity_counts)
{
	struct addr peer = lab_addr(PEER), other = lab_addr(OTHER);

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ms_begin(&ask, &alice, STUN_MS_SEND, 2);
	stun_write_text(&ask.w, STUN_PAYLOAD, STR_LIT("x"));
	ms_sign(&ask);
	stun_write_addr(&ask.w, STUN_DESTINATION, &peer);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_ptr_null(ask.out.from);
	ms_begin(&ask, &alice, STUN_MS_SET_DESTINATION, 3);
	stun_write_addr(&ask.w, STUN_DESTINATION, &peer);
	ms_sign(&ask);
	stun_write_addr(&ask.w, STUN_DESTINATION, &other);
	ms_send(&ask);
	ck_assert(!is_permitted(OTHER));
}
END_TEST

START_TEST(test_permissions_have_a_bound)
{
	char peer[32];
	unsigned i, sent = 0;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < PERM_PER_ALLOC + 5; i++) {
		snprintf(peer, sizeof(peer), "8.8.%u.8:9", i);
		sent += ms_data(&ask, &alice, 2 + i, peer, "x");
	}
	ck_assert_uint_eq(sent, PERM_PER_ALLOC);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 900, "8.9.9.9:9"), 500);
	ck_assert_ptr_null(destination());
}
END_TEST

/* ---- sequence numbers -------------------------------------------------- */

START_TEST(test_T22_numbers_are_taken_once)
{
	static const struct {
		uint32_t number;
		bool is_sent;
	} cases[] = {
		{1, true}, {2, true}, {4, true}, {3, true}, {3, false},
		{1, false}, {100, true}, {36, false}, {37, true},
	};
	size_t i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		alice.number.number = cases[i].number - 1;
		ck_assert_msg(ms_data(&ask, &alice, 2 + (unsigned)i, PEER,
			"x") == cases[i].is_sent, "case %zu", i);
	}
	ck_assert_uint_eq(count(AV_DROP_SEQUENCE), 3);
}
END_TEST

START_TEST(test_T11_connection_id_of_another_allocation_is_dropped)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 2), 0);
	alice.number = bob.number;
	ck_assert(!ms_data(&ask, &alice, 3, PEER, "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 4, PEER), 999);
	ck_assert_uint_eq(count(AV_DROP_SEQUENCE), 2);
}
END_TEST

START_TEST(test_who_never_counts_need_not)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	alice.counts = false;
	ck_assert(ms_data(&ask, &alice, 2, PEER, "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, PEER), 0);
	alice.counts = true;
	ck_assert(ms_data(&ask, &alice, 4, PEER, "x"));
	alice.counts = false;
	ck_assert(!ms_data(&ask, &alice, 5, PEER, "x"));
}
END_TEST

START_TEST(test_wrong_integrity_takes_no_number)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	alice.key.bytes[0] ^= 1;
	ck_assert(!ms_data(&ask, &alice, 2, PEER, "x"));
	alice.key.bytes[0] ^= 1;
	alice.number.number = 0;
	ck_assert(ms_data(&ask, &alice, 3, PEER, "x"));
}
END_TEST

/* Found by the fuzzer: a Send with the transaction id of a refresh that was
 * answered is no retransmission of it. */
START_TEST(test_transaction_id_of_another_request_is_no_retransmission)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0); /* no number */
	alice.counts = false;
	ck_assert(!ms_data(&ask, &alice, 2, PEER, "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 999);
	ck_assert_uint_eq(count(AV_DROP_SEQUENCE), 2);
	ck_assert(ms_data(&ask, &alice, 3, PEER, "x"));
}
END_TEST

/* The 5-tuple had an allocation that ended; its client still refreshes. */
START_TEST(test_allocate_with_the_number_of_an_older_allocation)
{
	struct stun_ms_number old, number;
	unsigned i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	old = alice.number;
	old.number = 17;
	lab_advance(&lab, 700000);
	ck_assert_ptr_null(ms_alloc(&alice));
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 2);
	stun_ms_write_number(&ask.w, &old);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(stun_ms_number(&ask.m, &number), 0);
		ck_assert_uint_eq(number.number, 0);
		ck_assert_mem_ne(number.connection, old.connection, 20);
		ck_assert_uint_eq(ms_again(&ask), 0);
	}
}
END_TEST

/* ---- Set Active Destination -------------------------------------------- */

START_TEST(test_destination_is_set_replaced_and_cleared)
{
	struct stun_ms_number number;
	char text[ADDR_TEXT_LEN];

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 0);
	ck_assert(ask.is_signed);
	ck_assert_int_eq(stun_ms_type(&ask.m), STUN_MS_DESTINATION_SET);
	ck_assert_int_eq(stun_ms_number(&ask.m, &number), 0);
	ck_assert_uint_eq(number.number, 1);
	ck_assert_str_eq(addr_text(&destination()->peer, text), PEER);
	ck_assert(hot_is_live(destination(), lab.turn.now));
	ck_assert(is_permitted(PEER));

	/* the same once more, as a request of its own */
	ck_assert_uint_eq(ms_aim(&ask, &alice, 9, PEER), 0);
	ck_assert_str_eq(addr_text(&destination()->peer, text), PEER);
	ck_assert_uint_eq(ms_alloc(&alice)->hot_count, 1);
	ck_assert_uint_eq(ms_alloc(&alice)->perm_count, 1);

	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, OTHER), 0);
	ck_assert_str_eq(addr_text(&destination()->peer, text), OTHER);
	ck_assert_uint_eq(ms_alloc(&alice)->hot_count, 1);
	ck_assert(is_permitted(PEER)); /* an earlier one stays permitted */

	/* lives as long as the allocation */
	lab_advance(&lab, 595000);
	ck_assert(hot_is_live(destination(), lab.turn.now));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 4, NULL), 0);
	ck_assert_ptr_null(destination());
	ck_assert_uint_eq(ms_aim(&ask, &alice, 5, NULL), 0);
}
END_TEST

START_TEST(test_on_error_the_destination_stays)
{
	char text[ADDR_TEXT_LEN];

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, "10.0.0.1:9"), 400);
	ck_assert(ask.is_signed);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 4, "8.8.4.4:0"), 400);
	ms_begin(&ask, &alice, STUN_MS_SET_DESTINATION, 5);
	wbuf_u16(&ask.w.w, 0x0011);
	wbuf_u16(&ask.w.w, 20);
	wbuf_bytes(&ask.w.w, "\0\1\0\11aaaabbbbccccdddd", 20);
	ms_sign(&ask);
	ck_assert_uint_eq(ms_send(&ask), 400);
	ck_assert_str_eq(addr_text(&destination()->peer, text), PEER);
	ck_assert(hot_is_live(destination(), lab.turn.now));
}
END_TEST

START_TEST(test_destination_without_an_allocation_is_437_signed)
{
	ck_assert_uint_eq(ms_aim(&ask, &alice, 1, PEER), 437);
	ck_assert(ask.is_signed);
	/* to who can't sign: nothing */
	alice.key.bytes[0] ^= 1;
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 999);
	alice.cred.user[9] ^= 1;
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, PEER), 999);
}
END_TEST

/* It has no nonce, so it proves nothing about where it comes from. */
START_TEST(test_T7_destination_without_an_allocation_spends_the_budget)
{
	unsigned i, answered = 0;

	ck_assert_int_eq(strangers_set_rate(lab.shared.strangers, 10), 0);
	for (i = 0; i < 40; i++)
		answered += ms_aim(&ask, &alice, i, PEER) == 437;
	ck_assert_uint_le(answered, 11);
}
END_TEST

START_TEST(test_retransmitted_destination_is_answered_again)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 0);
	ck_assert_uint_eq(ms_again(&ask), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, "10.0.0.1:9"), 400);
	ck_assert_uint_eq(ms_again(&ask), 400);
	ck_assert_uint_eq(count(AV_DROP_SEQUENCE), 0);
}
END_TEST

START_TEST(test_our_relay_address_is_a_hairpin)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, LAB_RELAY ":50001"), 0);
	ck_assert(destination()->is_hairpin);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, PEER), 0);
	ck_assert(!destination()->is_hairpin);
}
END_TEST

START_TEST(test_T5_new_rules_end_what_they_forbid)
{
	struct rules *next = lab_rules(64, &lab.rules->keys);

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 2, PEER), 0);
	peer_policy_add_suite(&next->peers, &(struct addr){.family = 4,
		.ip = {[10] = 255, 255, 8, 8, 8, 8}});
	turn_set_rules(&lab.turn, rules_ref(next));
	ck_assert(!hot_is_live(destination(), lab.turn.now));
	ck_assert(!is_permitted(PEER));
	ck_assert(!ms_data(&ask, &alice, 3, PEER, "x"));
	rules_unref(next);
}
END_TEST

/* ---- what is nobody's -------------------------------------------------- */

START_TEST(test_answers_indications_and_shared_secret_are_dropped)
{
	static const enum stun_ms_type types[] = {
		STUN_MS_ALLOCATED, STUN_MS_ALLOCATE_ERROR, STUN_MS_DATA,
		STUN_MS_DESTINATION_SET, STUN_MS_DESTINATION_ERROR,
		STUN_MS_SECRET, STUN_MS_SECRET_GIVEN, STUN_MS_SECRET_ERROR,
	};
	size_t i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < ARRAY_COUNT(types); i++) {
		ms_begin(&ask, &alice, types[i], 2);
		ms_sign_fully(&ask);
		ck_assert_uint_eq(ms_send(&ask), 999);
	}
	ck_assert_uint_eq(count(AV_REQ_OTHER), ARRAY_COUNT(types));
}
END_TEST

START_TEST(test_client_of_the_rfc_is_left_alone)
{
	static struct lab_ask rfc;
	struct lab_cred cred = lab_user(&lab, "sip:alice@contoso.test");

	ck_assert_uint_eq(lab_allocate(&rfc, &lab, ALICE, &cred, 1), 0);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 999);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, PEER), 999);
	ck_assert_uint_eq(count(AV_DROP_STRAY), 2);
	ck_assert_uint_eq(lab.open, 1);
}
END_TEST

/* Any one bit changed: never a crash, never an allocation or permission. */
START_TEST(test_T14_changed_bits_do_nothing)
{
	unsigned bit;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert(ms_data(&ask, &alice, 2, PEER, "some data"));
	for (bit = 0; bit < ask.len * 8; bit++) {
		ask.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ms_again(&ask);
		ck_assert_msg(ask.out.from == NULL, "bit %u", bit);
		ask.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_uint_eq(ms_alloc(&alice)->perm_count, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_send_permits_the_address_and_carries_the_bytes,
		test_T1_send_and_destination_obey_the_peer_policy,
		test_T3_ipv6_spellings_are_of_another_family,
		test_send_without_anything_it_needs_is_dropped_in_silence,
		test_T12_nothing_after_the_integrity_counts,
		test_permissions_have_a_bound,
		test_T22_numbers_are_taken_once,
		test_T11_connection_id_of_another_allocation_is_dropped,
		test_who_never_counts_need_not,
		test_wrong_integrity_takes_no_number,
		test_transaction_id_of_another_request_is_no_retransmission,
		test_allocate_with_the_number_of_an_older_allocation,
		test_destination_is_set_replaced_and_cleared,
		test_on_error_the_destination_stays,
		test_destination_without_an_allocation_is_437_signed,
		test_T7_destination_without_an_allocation_spends_the_budget,
		test_retransmitted_destination_is_answered_again,
		test_our_relay_address_is_a_hairpin,
		test_T5_new_rules_end_what_they_forbid,
		test_answers_indications_and_shared_secret_are_dropped,
		test_client_of_the_rfc_is_left_alone,
		test_T14_changed_bits_do_nothing,
	};

	return suite_run("turn_ms_data", tests, ARRAY_COUNT(tests), two_begin,
		two_end);
}
