/* The key ring and its file: round trip, refusals, rights, durability. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/cred/av_key.h"

#define K0 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define K1 "100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define K2 "200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char folder[64];
static char path[128];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_av_key.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool.key", folder);
}

static void remove_folder(void)
{
	char beside[160];

	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	unlink(path);
	rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static int save(const struct av_key_ring *ring, struct why *why)
{
	return av_key_save(ring, path, (uid_t)-1, (gid_t)-1, why);
}

static int load(struct av_key_ring *ring, struct why *why)
{
	why->text[0] = '\0';
	return av_key_load(ring, path, why);
}

START_TEST(test_what_is_saved_loads_again)
{
	struct av_key_ring ring = {.count = 0};
	struct av_key_ring back;
	struct why why;
	struct stat st;

	for (int64_t n = 1; n <= AV_KEYS_MAX + 1; n++) {
		av_key_ring_rotate(&ring, (struct wall){1767225600 + n});
		ck_assert_int_eq(save(&ring, &why), 0);
		ck_assert_int_eq(load(&back, &why), 0);
		ck_assert_mem_eq(&ring, &back, sizeof(ring));
		ck_assert_uint_eq(back.keys[0].id, n);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(test_save_sets_owner_and_group)
{
	struct av_key_ring ring = {.count = 0};
	struct why why;
	struct stat st;

	if (geteuid() != 0)
		return;
	av_key_ring_rotate(&ring, (struct wall){1});
	ck_assert_int_eq(av_key_save(&ring, path, 61185, 61193, &why),
		0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 61185);
	ck_assert_uint_eq(st.st_gid, 61193);
}
END_TEST

START_TEST(test_save_replaces_a_leftover_and_leaves_none)
{
	struct av_key_ring ring = {.count = 0};
	char beside[160];
	struct why why;

	snprintf(beside, sizeof(beside), "%s.new", path);
	close(open(beside, O_CREAT | O_WRONLY, 0666));
	av_key_ring_rotate(&ring, (struct wall){1});
	ck_assert_int_eq(save(&ring, &why), 0);
	ck_assert_int_eq(access(beside, F_OK), -1);
}
END_TEST

START_TEST(test_failed_save_names_the_file_and_keeps_the_old_one)
{
	struct av_key_ring ring = {.count = 0};
	struct why why = {""};
	char beside[160];

	write_file("key 1 1 " K0 " " K1 " " K2 "\n", 0640);
	snprintf(beside, sizeof(beside), "%s.new", path);
	ck_assert_int_eq(mkdir(beside, 0700), 0); /* unlink can't remove it */
	av_key_ring_rotate(&ring, (struct wall){1});
	ck_assert_int_lt(save(&ring, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_int_eq(rmdir(beside), 0);
	ck_assert_int_eq(load(&ring, &why), 0);
	ck_assert_uint_eq(ring.keys[0].id, 1);
}
END_TEST

START_TEST(test_missing_file_is_told_apart)
{
	struct av_key_ring ring;
	struct why why;

	ck_assert_int_eq(load(&ring, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, path));
}
END_TEST

START_TEST(test_file_that_others_may_read_is_refused)
{
	static const mode_t BAD[] = {0644, 0660, 0641, 0642};
	struct av_key_ring ring;
	struct why why;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		write_file("key 1 1 " K0 " " K1 " " K2 "\n", BAD[i]);
		ck_assert_int_eq(load(&ring, &why), EDGE_ECONFIG);
		ck_assert_ptr_nonnull(strstr(why.text, "chmod 0640"));
	}
	write_file("key 1 1 " K0 " " K1 " " K2 "\n", 0600);
	ck_assert_int_eq(load(&ring, &why), 0);
}
END_TEST

START_TEST(test_link_and_folder_are_refused)
{
	struct av_key_ring ring;
	struct why why;

	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	ck_assert_int_eq(load(&ring, &why), -ELOOP);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(load(&ring, &why), EDGE_ECONFIG);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} GARBLED[] = {
	{"", "no key"},
	{"# only a comment\n", "no key"},
	{"hello\n", ":1: does not begin"},
	{"\n\nkey x 1 " K0 " " K1 " " K2 "\n", ":3: the key's number"},
	{"key 1 yesterday " K0 " " K1 " " K2 "\n", "Unix seconds"},
	{"key 1 99999999999 " K0 " " K1 " " K2 "\n", "Unix seconds"},
	{"key 1 1 " K0 " " K1 "\n", "64 random hex digits"},
	{"key 1 1   \n", "64 random hex digits"},
	/* R11: short, empty and constant secrets */
	{"key 1 1 abcd " K1 " " K2 "\n", "64 random hex digits"},
	{"key 1 1 0000000000000000000000000000000000000000000000000000000000"
	  "000000 " K1 " " K2 "\n", "64 random hex digits"},
	{"key 1 1 " K0 " " K0 " " K2 "\n", "all different"},
	{"key 1 1 " K0 " " K1 " " K1 "\n", "all different"},
	{"key 1 1 " K0 " " K1 " " K0 "\n", "all different"},
	{"key 1 1 " K0 " " K1 " " K2 " more\n", "more text"},
	{"key 1 1 " K0 " " K1 " " K2 "\nkey 2 1 " K0 " " K1 " " K2 "\n",
		":2: the newest key"},
	{"key 1 1 " K0 " " K1 " " K2 "\nkey 1 1 " K0 " " K1 " " K2 "\n",
		":2: the newest key"},
	{"pool 7 1 " K0 " " K1 " " K2 "\npool 7 1 " K0 " " K1 " " K2 "\n",
		":2: the newest key"},
};

START_TEST(test_R11_garbled_file_is_refused_with_its_line)
{
	struct av_key_ring ring = {.count = 77};
	struct why why;

	write_file(GARBLED[_i].text, 0640);
	ck_assert_int_eq(load(&ring, &why), EDGE_EMALFORMED);
	ck_assert_msg(strstr(why.text, GARBLED[_i].says) != NULL, "%s",
		why.text);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_uint_eq(ring.count, 77); /* untouched */
	/* S16: no part of a key in what a person reads or a log keeps */
	ck_assert_ptr_null(strstr(why.text, "00010203"));
	ck_assert_ptr_null(strstr(why.text, "0405060708"));
}
END_TEST

START_TEST(test_too_many_keys_and_too_big_a_file)
{
	struct av_key_ring ring;
	char text[8192];
	struct why why;
	size_t len = 0;

	for (int n = 5; n > 0; n--)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"key %d 1 " K0 " " K1 " " K2 "\n", n);
	write_file(text, 0640);
	ck_assert_int_eq(load(&ring, &why), EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, ":5: there are more than four"));
	memset(text, '#', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	write_file(text, 0640);
	ck_assert_int_eq(load(&ring, &why), EDGE_ETOOBIG);
}
END_TEST

START_TEST(test_rotation_makes_keys_that_all_differ)
{
	struct av_key_ring ring = {.count = 0};

	for (int n = 0; n < 8; n++)
		av_key_ring_rotate(&ring, (struct wall){n});
	ck_assert_uint_eq(ring.count, AV_KEYS_MAX);
	for (size_t i = 0; i < ring.count; i++) {
		struct av_key *k = &ring.keys[i];

		ck_assert_uint_eq(k->id, 8 - i);
		ck_assert_int_eq(k->created.s, 7 - (int64_t)i);
		ck_assert_mem_ne(k->sk0, k->sk1, AV_KEY_LEN);
		ck_assert_mem_ne(k->sk1, k->sk2, AV_KEY_LEN);
		if (i > 0)
			ck_assert_mem_ne(k->sk1, k[-1].sk1, AV_KEY_LEN);
	}
}
END_TEST

/* A key is needed until its successor has been in use for the overlap. */
START_TEST(test_prune_forgets_only_keys_that_nothing_needs)
{
	struct av_key_ring ring = {.count = 0};

	av_key_ring_rotate(&ring, (struct wall){0});
	av_key_ring_rotate(&ring, (struct wall){1000});
	av_key_ring_rotate(&ring, (struct wall){2000});
	ck_assert_uint_eq(av_key_ring_prune(&ring, (struct wall){1100}, 100),
		0);
	ck_assert_uint_eq(av_key_ring_prune(&ring, (struct wall){1101}, 100),
		1);
	ck_assert_uint_eq(ring.count, 2);
	ck_assert_uint_eq(ring.keys[1].id, 2);
	ck_assert_uint_eq(av_key_ring_prune(&ring, (struct wall){99999}, 100),
		1);
	ck_assert_uint_eq(ring.count, 1); /* the newest never goes */
	ck_assert_uint_eq(ring.keys[0].id, 3);
}
END_TEST

START_TEST(test_wipe_leaves_nothing)
{
	static const struct av_key_ring NOTHING;
	struct av_key_ring ring = {.count = 0};

	av_key_ring_rotate(&ring, (struct wall){5});
	av_key_ring_wipe(&ring);
	ck_assert_mem_eq(&ring, &NOTHING, sizeof(ring));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("av_key");
	TCase *tc = tcase_create("av_key");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, test_what_is_saved_loads_again);
	tcase_add_test(tc, test_save_sets_owner_and_group);
	tcase_add_test(tc, test_save_replaces_a_leftover_and_leaves_none);
	tcase_add_test(tc,
		test_failed_save_names_the_file_and_keeps_the_old_one);
	tcase_add_test(tc, test_missing_file_is_told_apart);
	tcase_add_test(tc, test_file_that_others_may_read_is_refused);
	tcase_add_test(tc, test_link_and_folder_are_refused);
	tcase_add_loop_test(tc, test_R11_garbled_file_is_refused_with_its_line,
		0, ARRAY_COUNT(GARBLED));
	tcase_add_test(tc, test_too_many_keys_and_too_big_a_file);
	tcase_add_test(tc, test_rotation_makes_keys_that_all_differ);
	tcase_add_test(tc, test_prune_forgets_only_keys_that_nothing_needs);
	tcase_add_test(tc, test_wipe_leaves_nothing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
