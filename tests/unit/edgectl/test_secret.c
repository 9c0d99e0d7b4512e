/* Passwords from files: the first line, whole. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/secret.h"
#include "tests/unit/check_main.h"

static int read_of(const char *text, char out[static SECRET_LEN])
{
	char path[] = "/tmp/test-secret-XXXXXX";
	struct why why = {""};
	int fd = mkstemp(path);
	int err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)),
		(ssize_t)strlen(text));
	close(fd);
	err = secret_read(out, path, &why);
	unlink(path);
	if (err != 0)
		ck_assert_ptr_nonnull(strstr(why.text, path));
	return err;
}

START_TEST(test_first_line_is_the_password)
{
	char out[SECRET_LEN];

	ck_assert_int_eq(read_of("secret\nmore\n", out), 0);
	ck_assert_str_eq(out, "secret");
	ck_assert_int_eq(read_of("with blanks \r\n", out), 0);
	ck_assert_str_eq(out, "with blanks ");
	ck_assert_int_eq(read_of("no end", out), 0);
	ck_assert_str_eq(out, "no end");
}
END_TEST

/* Half a password is a wrong one: say so. */
START_TEST(test_no_password_and_too_long_ones_are_named)
{
	char out[SECRET_LEN], text[SECRET_LEN + 10];

	ck_assert_int_eq(read_of("", out), EDGE_EMALFORMED);
	ck_assert_int_eq(read_of("\nsecret\n", out), EDGE_EMALFORMED);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(read_of(text, out), EDGE_ETOOBIG);
	text[SECRET_LEN - 2] = '\0';
	ck_assert_int_eq(read_of(text, out), 0);
	ck_assert_str_eq(out, text);
}
END_TEST

START_TEST(test_missing_file_is_named)
{
	char out[SECRET_LEN];
	struct why why = {""};

	ck_assert_int_eq(secret_read(out, "/nonexistent/secret", &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/secret"));
}
END_TEST

int main(void)
{
	RUN_SUITE("edgectl/secret", test_first_line_is_the_password,
		test_no_password_and_too_long_ones_are_named,
		test_missing_file_is_named);
}
