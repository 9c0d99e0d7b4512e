/* Tests of common/store/pin.c: that the file is there is what pins; what it
 * says is for people, and may be damaged. */
#include <errno.h>
#include <sys/stat.h>

#include "common/run/file.h"
#include "common/store/pin.h"
#include "samples.h"

static char *state_dir;
static char dir[512];

static void setup(void)
{
	state_dir = sample_folder();
	snprintf(dir, sizeof(dir), "%s/replication-agent", state_dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}

static void teardown(void)
{
	sample_remove(state_dir);
}

START_TEST(test_pin_is_set_read_replaced_and_cleared)
{
	const struct wall now = wall_now();
	struct pin pin;

	ck_assert(!pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "");
	ck_assert_int_eq(pin_set(state_dir, "me", "because", NULL), 0);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "me");
	ck_assert_str_eq(pin.reason, "because");
	ck_assert_int_ge(pin.at.s, now.s);
	ck_assert_int_eq(pin_set(state_dir, "you", "\"so\"\n", NULL), 0);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "you");
	/* A line end would break the tables and logs that show it. */
	ck_assert_str_eq(pin.reason, "\"so\"?");
	ck_assert_int_eq(pin_clear(state_dir, NULL), 0);
	ck_assert(!pin_read(&pin, state_dir));
}
END_TEST

/* Root reads it, too, and its folder is the agent's. */
START_TEST(test_S18_pin_that_is_a_link_pins_and_is_not_read)
{
	char path[600];
	char aside[600];
	struct pin pin;

	ck_assert_int_eq(pin_set(state_dir, "me", "because", NULL), 0);
	snprintf(path, sizeof(path), "%s/pin.json", dir);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(symlink("aside", path), 0);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "");
	ck_assert_str_eq(pin.reason, "the pin file can't be read");
}
END_TEST

/* On a full disk a new name is all that can be had. */
START_TEST(test_spare_pin_stands_in_by_its_name)
{
	char path[600];
	struct pin pin;

	ck_assert_int_eq(pin_reserve(state_dir, NULL), 0);
	ck_assert(!pin_read(&pin, state_dir));
	snprintf(path, sizeof(path), "%s/.pin.json.new", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(pin_set(state_dir, "me", "because", NULL), 1);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "pin.spare");
	/* One that is there is not given up for it. */
	ck_assert_int_eq(pin_set(state_dir, "me", "because", NULL), 1);
	ck_assert_int_eq(pin_clear(state_dir, NULL), 0);
	ck_assert_int_lt(pin_set(state_dir, "me", "because", NULL), 0);
	ck_assert(!pin_read(&pin, state_dir));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(pin_set(state_dir, "me", "because", NULL), 0);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "me");
}
END_TEST

/* A pin that was damaged must not let a generation through. */
START_TEST(test_pin_that_can_not_be_read_pins)
{
	static const char *const TEXTS[] = {"", "{", "[]", "7",
		"{\"by\": 7, \"reason\": null, \"at\": \"x\"}", "\xff\xfe"};
	struct pin pin;

	for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
		ck_assert_int_eq(file_replace(dir, "pin.json", TEXTS[i],
			strlen(TEXTS[i]), 0600, NULL), 0);
		ck_assert_msg(pin_read(&pin, state_dir), "%s", TEXTS[i]);
		ck_assert_str_eq(pin.reason, "the pin file can't be read");
		ck_assert_int_eq(pin.at.s, 0);
	}
}
END_TEST

START_TEST(test_pin_of_another_size_or_kind_pins)
{
	char path[600];
	char *big = calloc(1, 5000);
	struct pin pin;

	memset(big, ' ', 4999);
	ck_assert_int_eq(file_replace(dir, "pin.json", big, 4999, 0600,
		NULL), 0);
	free(big);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_int_eq(pin_clear(state_dir, NULL), 0);
	snprintf(path, sizeof(path), "%s/pin.json", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert(pin_read(&pin, state_dir));
}
END_TEST

START_TEST(test_long_words_are_cut_and_long_paths_refused)
{
	char word[400];
	char path[5000];
	struct pin pin;

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	ck_assert_int_eq(pin_set(state_dir, word, word, NULL), 0);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_uint_eq(strlen(pin.by), sizeof(pin.by) - 1);
	ck_assert_uint_eq(strlen(pin.reason), sizeof(pin.reason) - 1);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_lt(pin_set(path, "me", "x", NULL), 0);
	ck_assert_int_lt(pin_clear(path, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pin");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_pin_is_set_read_replaced_and_cleared);
	tcase_add_test(tc,
		test_S18_pin_that_is_a_link_pins_and_is_not_read);
	tcase_add_test(tc, test_spare_pin_stands_in_by_its_name);
	tcase_add_test(tc, test_pin_that_can_not_be_read_pins);
	tcase_add_test(tc, test_pin_of_another_size_or_kind_pins);
	tcase_add_test(tc, test_long_words_are_cut_and_long_paths_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
