/*
 * The agent killed at any system call of taking a bundle, and started again:
 * what is current is whole, the old or the new one, and no version is ever
 * less than one that was there (requirement R29; replication protocol B5).
 * KILLS=1000 for the long form.
 */
#include "common/base/rand.h"
#include "keepers.h"
#include "tests/unit/store/kills.h"

#define KILLS 50

static int read_now(struct why *why)
{
	int number = current_number();

	if (number < 0)
		why_set(why, -1, "what is current is not whole");
	return number;
}

/* A start, a bundle, its activation, and one more: as the daemon does it. */
static int take(int number)
{
	keeper_fini(&keeper);
	if (keeper_init(&keeper, &test_conf, NULL) < 0 ||
		keeper_recover(&keeper, NULL) < 0)
		return 1;
	if (bring(1, number - 1) != 200)
		return 2;
	return bring(1, number) == 200 ? 0 : 3;
}

static pid_t start_agent(int number)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	raise(SIGSTOP);
	_exit(take(number));
}

/* How many boundaries a whole run has; -1 when tracing is not allowed. */
static int count_steps(int number)
{
	pid_t pid = start_agent(number);
	int status = 0;
	int steps = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return -1;
	for (;;) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			break;
		steps++;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return steps;
}

static void sweep(void)
{
	struct generation_info *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	for (size_t i = 0; i < count; i++)
		if (!rows[i].is_current && !rows[i].is_previous)
			unlink(rows[i].path);
	free(rows);
}

static int kills_wanted(void)
{
	const char *text = getenv("KILLS");

	return text != NULL ? atoi(text) : KILLS;
}

/* What the next start makes of it; the highest mark must hold. */
static void check_restart(int before, int number)
{
	struct record_facts facts;
	int now;

	keeper_fini(&keeper);
	open_keeper();
	now = current_number();
	ck_assert_msg(now == before || now == number - 1 || now == number,
		"%d: %d", number, now);
	record_get(keeper.record, &facts);
	ck_assert(!facts.intent.is_set);
	ck_assert_int_ge((int)facts.highest.version.serial, now);
	/* What is current is known; with a newer one seen it is a replay. */
	ck_assert_int_eq(bring(1, now),
		now < (int)facts.highest.version.serial ? 409 : 200);
}

START_TEST(test_R29_killed_agent_leaves_old_or_new_and_goes_on)
{
	const int kills = kills_wanted();
	const int shift = (int)rand_below(1000);
	int steps;
	int number = 3;
	pid_t reader;

	if (under_valgrind())
		return;
	ck_assert_int_eq(bring(1, 1), 200);
	steps = count_steps(number);
	if (steps < 0) {
		fputs("not allowed to trace: nothing was tried\n", stderr);
		return;
	}
	reader = start_reader(read_now);
	for (int i = 0; i < kills; i++) {
		const int at = (int)(((long)i * steps + shift) / kills) %
			steps;
		const int before = current_number();

		number += 2;
		ck_assert_int_ge(before, 1);
		kill_at(start_agent(number), at);
		check_restart(before, number);
		if (i % 16 == 0)
			sweep();
	}
	end_reader(reader);
	ck_assert_int_eq(bring(1, number + 1), 200);
	ck_assert_int_eq(current_number(), number + 1);
	fprintf(stderr, "%d kills over %d boundaries\n", kills, steps);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_kills");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 1800);
	tcase_add_test(tc,
		test_R29_killed_agent_leaves_old_or_new_and_goes_on);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
