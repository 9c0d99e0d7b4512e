/* Asking all shards: nobody is missed, one can be ended, nothing leaks. */
#include <stdio.h>

#include "av-edge/census.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/suite.h"

#define SERVER "127.0.1.12:23479"

static struct relay *relay;
static struct loop *loop;
static struct list open_questions;
static struct lab_cred alice, bob;
static struct client clients[20];
static size_t row_count;
static struct alloc first;
static bool is_answered;

static void setup(void)
{
	struct av_key_ring ring = {.count = 0};
	struct addr at = lab_addr(SERVER);
	struct why why = {""};
	struct rules *rules;

	log_set_level(LOG_LEVEL_ERROR);
	av_key_ring_rotate(&ring, wall_now());
	rules = lab_rules(100, &ring);
	rules->media[RULES_V4].bind = lab_addr("127.0.1.12");
	rules->media[RULES_V4].shown = lab_addr("127.0.1.12");
	rules->media[RULES_V4].port = 42000;
	ck_assert_int_eq(relay_new(&relay, rules, 3), 0);
	ck_assert_msg(relay_open_port(relay, &at, TOPOLOGY_EXTERNAL, false,
		&why) == 0, "%s", why.text);
	ck_assert_int_eq(relay_start(relay), 0);
	alice = lab_cred_for(&ring, "sip:alice@contoso.test", 1000);
	bob = lab_cred_for(&ring, "sip:bob@contoso.test", 1000);
	rules_unref(rules);
	ck_assert_int_eq(loop_new(&loop), 0);
	list_init(&open_questions);
	for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
		client_open(&clients[i], "127.0.3.1:0", SERVER,
			i < 15 ? &alice : &bob);
		ck_assert_uint_eq(client_allocate(&clients[i]), 0);
	}
}

static void teardown(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(clients); i++)
		close(clients[i].fd);
	relay_free(relay);
	census_free_all(&open_questions);
	loop_free(loop);
}

static void on_rows(struct alloc *rows, size_t count, void *arg)
{
	(void)arg;
	ck_assert_ptr_nonnull(rows);
	row_count = count;
	if (count > 0)
		first = rows[0];
	is_answered = true;
}

static void start(const struct alloc_filter *filter, uint64_t end_id)
{
	const struct census_spec spec = {
		.relay = relay,
		.loop = loop,
		.open = &open_questions,
		.filter = filter,
		.end_id = end_id,
		.cb = on_rows,
		.arg = malloc(10),
	};

	is_answered = false;
	ck_assert_int_eq(census_start(&spec), 0);
}

static void ask(const struct alloc_filter *filter, uint64_t end_id)
{
	unsigned turns = 0;

	start(filter, end_id);
	while (!is_answered && turns++ < 100)
		loop_turn(loop, 20);
	ck_assert(is_answered);
	ck_assert(list_is_empty(&open_questions));
}

START_TEST(test_all_shards_are_heard_and_keys_stay_at_home)
{
	static const uint8_t zeros[STUN_KEY_LEN];

	ask(NULL, 0);
	ck_assert_uint_eq(row_count, 20);
	ck_assert_mem_eq(first.key, zeros, sizeof(zeros));
}
END_TEST

START_TEST(test_one_user_alone)
{
	struct alloc_filter f = {.user_count = 1};

	ask(NULL, 0);
	memcpy(f.users[0], first.client_id, sizeof(f.users[0]));
	ask(&f, 0);
	ck_assert(row_count == 15 || row_count == 5);
	f.users[0][0] ^= 1;
	ask(&f, 0);
	ck_assert_uint_eq(row_count, 0);
}
END_TEST

START_TEST(test_one_is_ended_by_its_id_and_only_once)
{
	uint64_t id;

	ask(NULL, 0);
	id = first.id;
	ask(NULL, id);
	ck_assert_uint_eq(row_count, 1);
	ck_assert_uint_eq(first.id, id);
	ask(NULL, id);
	ck_assert_uint_eq(row_count, 0);
	ask(NULL, 0);
	ck_assert_uint_eq(row_count, 19);
	ck_assert_uint_eq(relay_counter(relay, AV_ENDED_CLOSED), 1);
}
END_TEST

START_TEST(test_question_under_way_at_the_end_is_forgotten)
{
	start(NULL, 0);
	ck_assert(!list_is_empty(&open_questions));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_all_shards_are_heard_and_keys_stay_at_home,
		test_one_user_alone,
		test_one_is_ended_by_its_id_and_only_once,
		test_question_under_way_at_the_end_is_forgotten,
	};

	return suite_run("census", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
