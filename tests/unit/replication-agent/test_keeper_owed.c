/*
 * Decisions that no disk takes (replication-agent/keeper_owed.c): they hold,
 * and are written when it does. The bundle that a daemon refused must not
 * come back meanwhile.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "keepers.h"

#define SKIPPED 77
#define REASON  "av-edge: does not like it"

/* Names that can't be written, as when the disk is full. */
static void block(bool on)
{
	static const char *const NAMES[] = {"pin.json", "state.json",
		"pin.spare"};

	for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/replication-agent/.%s.new",
			state_dir, NAMES[i]);
		ck_assert_int_eq(on ? mkdir(path, 0700) : rmdir(path), 0);
	}
}

static void revert(void)
{
	struct record_facts facts;

	record_get(keeper.record, &facts);
	keeper_revert(&keeper, &facts, REASON);
}

static void reopen(void)
{
	keeper_fini(&keeper);
	open_keeper();
}

static int bring_again(int number)
{
	struct bundle_bytes b;
	int status;

	make_number(&b, 1, number);
	status = activate(&b, (struct bundle_version){1, (uint64_t)number});
	bundle_bytes_fini(&b);
	return status;
}

static bool is_pinned(struct pin *pin)
{
	struct keeper_view view;

	keeper_see(&keeper, &view);
	return keeper_is_pinned(&keeper, &view, pin);
}

static bool is_owed(void)
{
	struct keeper_view view;

	keeper_see(&keeper, &view);
	return view.is_pin_owed;
}

START_TEST(test_R29_pin_that_can_not_be_written_holds)
{
	struct record_facts facts;
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	block(true);
	revert();
	ck_assert_int_eq(current_number(), 1);
	ck_assert(!pin_read(&pin, state_dir));
	ck_assert(is_pinned(&pin));
	ck_assert(is_owed());
	ck_assert_ptr_nonnull(strstr(pin.reason, REASON));
	ck_assert_int_gt(pin.at.s, 0);
	ck_assert_int_eq(bring_again(2), 409);
	ck_assert_int_eq(current_number(), 1);
	/* Nothing can be written still. */
	keeper_look(&keeper);
	ck_assert(is_owed());
	ck_assert_int_eq(bring_again(2), 409);
	block(false);
	keeper_look(&keeper);
	ck_assert(!is_owed());
	reopen();
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_ptr_nonnull(strstr(pin.reason, REASON));
	record_get(keeper.record, &facts);
	ck_assert_str_ne(facts.last_error.code, "");
	ck_assert(!facts.is_reverting);
	ck_assert(!facts.intent.is_set);
}
END_TEST

START_TEST(test_R29_spare_pin_outlives_the_process)
{
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	keeper_look(&keeper); /* makes the spare */
	block(true);
	revert();
	ck_assert_int_eq(current_number(), 1);
	ck_assert(is_pinned(&pin));
	ck_assert_ptr_nonnull(strstr(pin.reason, REASON));
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_str_eq(pin.by, "pin.spare");
	keeper_look(&keeper);
	ck_assert(is_owed());
	block(false);
	keeper_look(&keeper);
	ck_assert(!is_owed());
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_ptr_nonnull(strstr(pin.reason, REASON));
}
END_TEST

START_TEST(test_pin_that_is_owed_is_let_go_of)
{
	struct keeper_result r = {.status = 0};
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	block(true);
	revert();
	ck_assert(is_pinned(&pin));
	keeper_unpin(&keeper, &r);
	ck_assert_int_eq(r.status, 200);
	keeper_result_fini(&r);
	ck_assert(!is_pinned(&pin));
	block(false);
	keeper_look(&keeper);
	ck_assert(!pin_read(&pin, state_dir));
	ck_assert_int_eq(bring_again(2), 200);
}
END_TEST

/* By hand, or by edgectl when we did not answer. */
START_TEST(test_spare_pin_that_somebody_removed_does_not_come_back)
{
	struct why why = {""};
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	keeper_look(&keeper);
	block(true);
	revert();
	ck_assert(is_pinned(&pin));
	ck_assert_int_eq(pin_clear(state_dir, &why), 0);
	ck_assert(!is_pinned(&pin));
	block(false);
	keeper_look(&keeper);
	ck_assert(!pin_read(&pin, state_dir));
	ck_assert(!is_owed());
}
END_TEST

/* edgectl has the lock of the store at the wrong moment. */
START_TEST(test_R29_way_back_that_was_barred_is_gone_later)
{
	char path[PATH_MAX];
	int fd;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	snprintf(path, sizeof(path), "%s/topology/lock", state_dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	revert();
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 2);
	close(fd);
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 1);
	ck_assert_int_eq(bring_again(2), 409);
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 1);
}
END_TEST

/* What was seen of a new publisher holds although nothing can be written. */
START_TEST(test_B9_8_epoch_that_can_not_be_written_fences_the_old)
{
	struct bundle_bytes b;

	ck_assert_int_eq(bring(1, 1), 200);
	block(true);
	make_number(&b, 2, 2);
	ck_assert_int_ne(stage(&b), 201);
	block(false);
	ck_assert_int_eq(bring(1, 3), 409);
	ck_assert_int_eq(current_number(), 1);
	ck_assert_int_eq(stage(&b), 201);
	bundle_bytes_fini(&b);
}
END_TEST

/* An old intention to go back must not hit what came after it. */
START_TEST(test_way_back_ends_with_the_next_activation)
{
	struct record_facts facts;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	record_get(keeper.record, &facts);
	facts.is_reverting = true;
	ck_assert_int_eq(record_put(keeper.record, &facts, NULL), 0);
	ck_assert_int_eq(bring(1, 3), 200);
	reopen();
	ck_assert_int_eq(current_number(), 3);
}
END_TEST

/* ---- a disk that is really full ------------------------------------------ */

static void fill(const char *path)
{
	static const char ROOM[4096];
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, ROOM, sizeof(ROOM)) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

/* On a small file system of its own. */
static void on_full_disk(void)
{
	char path[PATH_MAX];
	struct pin pin;

	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(bring(1, i), 200);
	keeper_look(&keeper);
	snprintf(path, sizeof(path), "%s/filler", state_dir);
	fill(path);
	revert();
	ck_assert_int_eq(current_number(), 2);
	ck_assert(is_pinned(&pin));
	ck_assert_int_eq(bring_again(3), 409);
	keeper_fini(&keeper);
	ck_assert_int_eq(keeper_init(&keeper, &test_conf, NULL), 0);
	(void)(keeper_recover(&keeper, NULL) == 0); /* it may not save */
	ck_assert_int_eq(bring_again(3), 409);
	ck_assert_int_eq(current_number(), 2);
	ck_assert_int_eq(unlink(path), 0);
	keeper_look(&keeper);
	ck_assert_int_eq(bring_again(3), 409);
}

START_TEST(test_R29_full_disk_does_not_make_it_bounce)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		keeper_fini(&keeper);
		if (unshare(CLONE_NEWNS) < 0 ||
			mount("none", "/", "none", MS_REC | MS_PRIVATE,
				NULL) < 0 ||
			mount("tmpfs", state_dir, "tmpfs", 0,
				"size=2048k") < 0)
			_exit(SKIPPED); /* not root */
		make_place();
		open_keeper();
		on_full_disk();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SKIPPED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_owed");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_R29_pin_that_can_not_be_written_holds);
	tcase_add_test(tc, test_R29_spare_pin_outlives_the_process);
	tcase_add_test(tc, test_pin_that_is_owed_is_let_go_of);
	tcase_add_test(tc,
		test_spare_pin_that_somebody_removed_does_not_come_back);
	tcase_add_test(tc, test_R29_way_back_that_was_barred_is_gone_later);
	tcase_add_test(tc,
		test_B9_8_epoch_that_can_not_be_written_fences_the_old);
	tcase_add_test(tc, test_way_back_ends_with_the_next_activation);
	tcase_add_test(tc, test_R29_full_disk_does_not_make_it_bounce);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
