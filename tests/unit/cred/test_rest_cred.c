/* Credentials from a shared secret, and the file of the secrets. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/cred/rest_cred.h"

#define SECRET "north-sea-lighthouse-keeps-burning-7411"
#define OTHER  "another-very-different-secret-of-9-words"

static char folder[64];
static char path[96];
static struct rest_ring ring;
static struct why why;

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_rest_cred.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/rest.secrets", folder);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static int load(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
	why.text[0] = '\0';
	return rest_ring_load(&ring, path, &why);
}

/* Made with `openssl dgst -sha1 -hmac`, as coturn's documentation says. */
START_TEST(test_password_is_what_applications_compute)
{
	struct rest_secret s = {.len = strlen(SECRET)};
	char password[REST_PASSWORD_TEXT];

	memcpy(s.bytes, SECRET, s.len);
	rest_password(&s, STR_LIT("1900003600:alice"), password);
	ck_assert_str_eq(password, "ZRNRRoXscIj8W0YLOJi9DYYZGkA=");
}
END_TEST

START_TEST(test_user_names_are_known_by_their_shape)
{
	static const char *const bad[] = {
		"", "alice", ":alice", "12a:alice", "-1:x", "+1:x", " 1:x",
		"1900000000", "18446744073709551616:x",
		"9223372036854775808:x", "9223372036854775807:x",
	};
	struct rest_user u;
	size_t i;

	ck_assert_int_eq(rest_user_parse(STR_LIT("1900003600:a:b"), &u), 0);
	ck_assert_int_eq(u.expires.s, 1900003600);
	ck_assert(str_eq_z(u.name, "a:b"));
	ck_assert_int_eq(rest_user_parse(STR_LIT("1900003600:"), &u), 0);
	ck_assert_uint_eq(u.name.n, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(rest_user_parse(str_of(bad[i]), &u) ==
			EDGE_EMALFORMED, "%s", bad[i]);
}
END_TEST

START_TEST(test_client_id_is_the_name_whatever_the_expiry)
{
	uint8_t id[3][AV_CRED_CLIENT_ID_LEN];
	struct rest_user u;

	ck_assert_int_eq(rest_user_parse(STR_LIT("1:alice"), &u), 0);
	rest_user_client_id(&u, id[0]);
	ck_assert_int_eq(rest_user_parse(STR_LIT("2:alice"), &u), 0);
	rest_user_client_id(&u, id[1]);
	ck_assert_int_eq(rest_user_parse(STR_LIT("1:bob"), &u), 0);
	rest_user_client_id(&u, id[2]);
	ck_assert_mem_eq(id[0], id[1], sizeof(id[0]));
	ck_assert_mem_ne(id[0], id[2], sizeof(id[0]));
}
END_TEST

START_TEST(test_secrets_are_read_in_their_order)
{
	ck_assert_int_eq(load("# new, then old\n" SECRET "\n\n  " OTHER
		"\n", 0400), 0);
	ck_assert_uint_eq(ring.count, 2);
	ck_assert_uint_eq(ring.secrets[0].len, strlen(SECRET));
	ck_assert_mem_eq(ring.secrets[1].bytes, OTHER, strlen(OTHER));
}
END_TEST

START_TEST(test_R11_weak_secrets_are_refused_with_their_line)
{
	static const struct {
		const char *text;
		const char *told;
	} rows[] = {
		{"", "there is no secret"},
		{"# only this\n", "there is no secret"},
		{"\n\nshort\n", ":3: a secret has at least 32"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "random"},
		{SECRET " two\n", "without blanks"},
		{SECRET "\n" SECRET "\n", ":2: this secret is there"},
		{SECRET "1\n" SECRET "2\n" SECRET "3\n" SECRET "4\n" SECRET
			"5\n", ":5: there are more than four"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(load(rows[i].text, 0600), EDGE_EMALFORMED);
		ck_assert_msg(strstr(why.text, rows[i].told) != NULL, "%s",
			why.text);
		/* What was typed is not repeated: it may be half of one. */
		ck_assert_ptr_null(strstr(why.text, "lighthouse"));
	}
}
END_TEST

START_TEST(test_file_that_others_may_read_is_refused)
{
	ck_assert_int_eq(load(SECRET "\n", 0440), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "chmod 0400"));
	ck_assert_int_eq(load(SECRET "\n", 0604), EDGE_ECONFIG);
	ck_assert_int_eq(load(SECRET "\n", 0600), 0);
	unlink(path);
	ck_assert_int_eq(rest_ring_load(&ring, path, &why), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rest_cred");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, test_password_is_what_applications_compute);
	tcase_add_test(t, test_user_names_are_known_by_their_shape);
	tcase_add_test(t, test_client_id_is_the_name_whatever_the_expiry);
	tcase_add_test(t, test_secrets_are_read_in_their_order);
	tcase_add_test(t, test_R11_weak_secrets_are_refused_with_their_line);
	tcase_add_test(t, test_file_that_others_may_read_is_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
