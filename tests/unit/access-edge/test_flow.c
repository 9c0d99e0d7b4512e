/* Flow tokens and the file of their keys. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access-edge/flow.h"
#include "common/store/pool_keys.h"
#include "tests/unit/check_main.h"

static char dir[32];
static char path[128];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/test-flow-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/flow.key", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static void load(struct flow_keys *keys, const char *machine)
{
	struct why why = {""};

	ck_assert_msg(flow_keys_load(keys, path, machine, &why) == 0, "%s",
		why.text);
}

START_TEST(test_key_is_made_once_and_for_us_alone)
{
	struct flow_keys a, b;
	struct stat st;

	setup();
	load(&a, "edge.int.test");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	load(&b, "EDGE.int.test");
	ck_assert_int_eq(memcmp(&a, &b, sizeof(a)), 0);
	load(&b, "other.int.test");
	ck_assert_int_ne(memcmp(a.edge_id, b.edge_id, 2), 0);
	teardown();
}
END_TEST

START_TEST(test_token_leads_back)
{
	struct flow_keys keys;
	struct flow flow;
	char token[FLOW_TOKEN_LEN + 1];

	setup();
	load(&keys, "edge.int.test");
	flow_token(&keys, FLOW_OUTBOUND, 0x1122334455667788, token);
	ck_assert_uint_eq(strlen(token), FLOW_TOKEN_LEN);
	ck_assert_int_eq(flow_check(&keys, str_of(token), wall_now(),
		&flow), FLOW_GOOD);
	ck_assert_uint_eq(flow.cid, 0x1122334455667788);
	ck_assert_uint_eq(flow.flags, FLOW_OUTBOUND);
	ck_assert(!flow.is_other_edge);
	load(&keys, "member.int.test");
	ck_assert_int_eq(flow_check(&keys, str_of(token), wall_now(),
		&flow), FLOW_GOOD);
	ck_assert(flow.is_other_edge);
	teardown();
}
END_TEST

START_TEST(test_S14_changed_and_foreign_tokens_are_forged)
{
	struct flow_keys keys;
	struct flow flow;
	char token[FLOW_TOKEN_LEN + 1];

	setup();
	load(&keys, "edge.int.test");
	flow_token(&keys, 0, 7, token);
	for (size_t i = 0; i < FLOW_TOKEN_LEN; i++) {
		char was = token[i];

		token[i] = was == 'x' ? 'y' : 'x';
		ck_assert_int_ne(flow_check(&keys, str_of(token),
			wall_now(), &flow), FLOW_GOOD);
		token[i] = was;
	}
	unlink(path);
	load(&keys, "edge.int.test"); /* another key */
	ck_assert_int_eq(flow_check(&keys, str_of(token), wall_now(),
		&flow), FLOW_FORGED);
	ck_assert_int_eq(flow_check(&keys, STR_LIT("alice"), wall_now(),
		&flow), FLOW_NONE);
	ck_assert_int_eq(flow_check(&keys, STR_LIT(""), wall_now(), &flow),
		FLOW_NONE);
	teardown();
}
END_TEST

START_TEST(test_S14_key_before_a_rotation_counts_for_a_day)
{
	struct flow_keys keys;
	struct flow flow;
	char old[FLOW_TOKEN_LEN + 1], new[FLOW_TOKEN_LEN + 1];
	struct why why = {""};
	struct wall now = wall_now();
	struct wall late = {now.s + 86400 + 10};

	setup();
	load(&keys, "edge.int.test");
	flow_token(&keys, 0, 7, old);
	ck_assert_int_eq(flow_keys_rotate(&keys, path, &why), 0);
	flow_token(&keys, 0, 7, new);
	ck_assert_str_ne(old, new);
	load(&keys, "edge.int.test"); /* as written to the file */
	ck_assert_uint_eq(keys.count, 2);
	ck_assert_int_eq(flow_check(&keys, str_of(old), now, &flow),
		FLOW_GOOD);
	ck_assert_int_eq(flow_check(&keys, str_of(old), late, &flow),
		FLOW_FORGED);
	ck_assert_int_eq(flow_check(&keys, str_of(new), late, &flow),
		FLOW_GOOD);
	ck_assert_int_eq(flow_keys_rotate(&keys, path, &why), 0);
	ck_assert_int_eq(flow_check(&keys, str_of(old), now, &flow),
		FLOW_FORGED);
	teardown();
}
END_TEST

START_TEST(test_bad_key_file_is_named_and_kept)
{
	static const char *const bad[] = {
		"", "rubbish\n", "1 2\n", "99 1 00\n", "1 -5 00\n",
		"1 1 00112233\n",
	};
	struct flow_keys keys;
	struct stat before, after;

	setup();
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct why why = {""};
		FILE *f = fopen(path, "w");

		ck_assert_ptr_nonnull(f);
		fputs(bad[i], f);
		fclose(f);
		stat(path, &before);
		ck_assert_int_eq(flow_keys_load(&keys, path, "e", &why),
			EDGE_EMALFORMED);
		ck_assert_ptr_nonnull(strstr(why.text, path));
		stat(path, &after);
		ck_assert_uint_eq(before.st_ino, after.st_ino);
	}
	teardown();
}
END_TEST

static void share(struct flow_keys *keys, const struct flow_keys *own,
	uint32_t current, uint32_t other)
{
	struct pool_keys shared = {.count = 2};

	shared.keys[0].purpose = shared.keys[1].purpose = POOL_KEY_FLOW;
	shared.keys[0].id = current;
	shared.keys[1].id = other;
	memset(shared.keys[0].secret, (int)(current & 0x0f), 32);
	memset(shared.keys[1].secret, (int)(other & 0x0f), 32);
	flow_keys_share(keys, own, &shared);
}

START_TEST(test_pool_members_know_each_others_tokens_while_keys_turn)
{
	char token[FLOW_TOKEN_LEN + 1];
	struct flow_keys own, a, b;
	struct flow flow;

	setup();
	load(&own, "a.int.test");
	share(&a, &own, 1, 2);
	load(&own, "b.int.test");
	share(&b, &own, 2, 1); /* it has the next generation already */
	flow_token(&b, 0, 7, token);
	ck_assert_int_eq(flow_check(&a, str_of(token), wall_now(), &flow),
		FLOW_GOOD);
	ck_assert(flow.is_other_edge);
	flow_token(&a, 0, 8, token);
	ck_assert_int_eq(flow_check(&b, str_of(token), wall_now(), &flow),
		FLOW_GOOD);
	teardown();
}
END_TEST

START_TEST(test_own_tokens_outlive_the_day_a_machine_joins_a_pool)
{
	char token[FLOW_TOKEN_LEN + 1];
	struct flow_keys own, keys;
	struct flow flow;

	setup();
	load(&own, "a.int.test");
	flow_token(&own, 0, 7, token);
	share(&keys, &own, 5, 6);
	keys.keys[1].made = wall_now();
	ck_assert_int_eq(flow_check(&keys, str_of(token), wall_now(), &flow),
		FLOW_GOOD);
	flow_keys_share(&keys, &own, NULL);
	ck_assert_uint_eq(keys.count, own.count);
	/* A number that is the pool's now is the pool's. */
	share(&keys, &own, own.keys[0].number + 16u, 6);
	ck_assert_int_eq(flow_check(&keys, str_of(token), wall_now(), &flow),
		FLOW_FORGED);
	teardown();
}
END_TEST

START_TEST(test_folder_that_can_not_be_written_is_named)
{
	struct flow_keys keys;
	struct why why = {""};

	ck_assert_int_eq(flow_keys_load(&keys, "/nowhere/flow.key", "e",
		&why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/flow.key"));
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/flow",
		test_key_is_made_once_and_for_us_alone,
		test_token_leads_back,
		test_S14_changed_and_foreign_tokens_are_forged,
		test_S14_key_before_a_rotation_counts_for_a_day,
		test_bad_key_file_is_named_and_kept,
		test_pool_members_know_each_others_tokens_while_keys_turn,
		test_own_tokens_outlive_the_day_a_machine_joins_a_pool,
		test_folder_that_can_not_be_written_is_named);
}
