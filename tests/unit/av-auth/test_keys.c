/* The pool key's life: first start, restart, rotation, refusals. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "av-auth/keys.h"
#include "common/base/err.h"
#include "common/base/str.h"

static char folder[64];
static char path[128];
static struct keys keys;
static struct keys_place place;
static struct topology topology; /* has no keys of a pool */
static const struct keys_source source = {&topology, "", ""};
static struct why why;
static const struct wall NOW = {1767225600};

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_keys.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool.key", folder);
	place = (struct keys_place){.folder = folder, .owner = (uid_t)-1,
		.group = (gid_t)-1, .source = &source};
	memset(&keys, 0, sizeof(keys));
	memset(&why, 0, sizeof(why));
}

static void teardown(void)
{
	chmod(folder, 0700);
	unlink(path);
	rmdir(folder);
}

static struct wall after(int64_t s)
{
	return (struct wall){NOW.s + s};
}

START_TEST(test_first_start_makes_a_key_and_the_next_one_loads_it)
{
	struct av_key_ring first;
	struct stat st;

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
	ck_assert_uint_eq(keys.ring.keys[0].id, 1);
	ck_assert_int_eq(keys.ring.keys[0].created.s, NOW.s);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	first = keys.ring;
	keys_wipe(&keys);
	ck_assert_int_eq(keys_open(&keys, &place, after(60), &why), 0);
	ck_assert_mem_eq(&keys.ring, &first, sizeof(first));
}
END_TEST

START_TEST(test_root_gives_the_file_to_owner_and_group)
{
	struct stat st;

	if (geteuid() != 0)
		return;
	place.owner = 61184;
	place.group = 61193;
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 61184);
	ck_assert_uint_eq(st.st_gid, 61193);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(test_R8_garbled_file_stops_the_start_and_is_not_replaced)
{
	char back[16] = "";
	FILE *f = fopen(path, "w");

	fputs("garbage\n", f);
	fclose(f);
	chmod(path, 0640);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_ptr_nonnull(strstr(why.text, "move the file away"));
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(fgets(back, sizeof(back), f));
	fclose(f);
	ck_assert_str_eq(back, "garbage\n");
}
END_TEST

START_TEST(test_missing_folder_stops_the_start)
{
	place.folder = "/tmp/test_keys.there-is-none";
	ck_assert_int_lt(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, place.folder));
}
END_TEST

START_TEST(test_rotation_is_written_before_it_is_used)
{
	struct keys again = {.group = (gid_t)-1};

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_int_eq(keys_rotate(&keys, after(10), false, &why), 0);
	ck_assert_uint_eq(keys.ring.count, 2);
	ck_assert_uint_eq(keys.ring.keys[0].id, 2);
	ck_assert_int_eq(keys_open(&again, &place, after(20), &why), 0);
	ck_assert_mem_eq(&again.ring, &keys.ring, sizeof(keys.ring));
}
END_TEST

START_TEST(test_failed_rotation_changes_nothing)
{
	struct av_key_ring before;
	char beside[160];

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	before = keys.ring;
	snprintf(beside, sizeof(beside), "%s.new", path);
	ck_assert_int_eq(mkdir(beside, 0700), 0); /* in the writer's way */
	ck_assert_int_lt(keys_rotate(&keys, after(10), false, &why), 0);
	ck_assert_mem_eq(&keys.ring, &before, sizeof(before));
	rmdir(beside);
}
END_TEST

/* Four keys, all younger than a credential can live: a fifth would cut
 * calls, so it is asked for in so many words. */
START_TEST(test_T22_rotation_does_not_end_credentials_in_use)
{
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	for (int n = 1; n < AV_KEYS_MAX; n++)
		ck_assert_int_eq(keys_rotate(&keys, after(n), false, &why), 0);
	ck_assert_int_eq(keys_rotate(&keys, after(100), false, &why),
		EDGE_EBUSY);
	ck_assert_uint_eq(keys.ring.keys[0].id, AV_KEYS_MAX);
	/* the second key came at +1: then the first is free to go */
	ck_assert_int_eq(keys_rotate(&keys, after(KEYS_OVERLAP_S + 1), false,
				 &why), EDGE_EBUSY);
	ck_assert_int_eq(keys_rotate(&keys, after(KEYS_OVERLAP_S + 2), false,
				 &why), 0);
	ck_assert_uint_eq(keys.ring.count, AV_KEYS_MAX);
	ck_assert_uint_eq(keys.ring.keys[AV_KEYS_MAX - 1].id, 2);
}
END_TEST

START_TEST(test_drop_old_leaves_the_new_key_alone)
{
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	for (int n = 1; n < AV_KEYS_MAX; n++)
		ck_assert_int_eq(keys_rotate(&keys, after(n), false, &why), 0);
	ck_assert_int_eq(keys_rotate(&keys, after(100), true, &why), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
	ck_assert_uint_eq(keys.ring.keys[0].id, AV_KEYS_MAX + 1);
}
END_TEST

START_TEST(test_S16_what_is_shown_of_keys_has_no_bytes_of_them)
{
	char hex[2 * AV_KEY_LEN + 1];
	json_t *list;
	char *text;

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_int_eq(keys_rotate(&keys, after(60), false, &why), 0);
	list = keys_json(&keys, after(100));
	text = json_dumps(list, JSON_COMPACT);
	ck_assert_str_eq(text,
		"[{\"id\":2,\"from\":\"own\","
		"\"created\":\"2026-01-01T00:01:00Z\",\"age_s\":40,"
		"\"use\":\"issue\"},{\"id\":1,\"from\":\"own\",\"created\":"
		"\"2026-01-01T00:00:00Z\",\"age_s\":100,\"use\":\"check\"}]");
	str_hex(keys.ring.keys[0].sk1, AV_KEY_LEN, hex);
	ck_assert_ptr_null(strstr(text, hex));
	free(text);
	json_decref(list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *tc = tcase_create("keys");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		test_first_start_makes_a_key_and_the_next_one_loads_it);
	tcase_add_test(tc, test_root_gives_the_file_to_owner_and_group);
	tcase_add_test(tc,
		test_R8_garbled_file_stops_the_start_and_is_not_replaced);
	tcase_add_test(tc, test_missing_folder_stops_the_start);
	tcase_add_test(tc, test_rotation_is_written_before_it_is_used);
	tcase_add_test(tc, test_failed_rotation_changes_nothing);
	tcase_add_test(tc, test_T22_rotation_does_not_end_credentials_in_use);
	tcase_add_test(tc, test_drop_old_leaves_the_new_key_alone);
	tcase_add_test(tc,
		test_S16_what_is_shown_of_keys_has_no_bytes_of_them);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
