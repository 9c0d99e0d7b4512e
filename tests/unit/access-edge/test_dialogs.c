/*
 * Dialogs in any order: random scripts with fixed seeds, and those that a
 * fuzzer found (tests/fuzz/fuzz_dialogs.c plays the same).
 */
#include "tests/unit/access-edge/dialogs.h"

#define SEEDS 6

START_TEST(test_S4_any_order_of_steps_leaves_nothing_behind)
{
	static struct dialogs d;
	uint32_t x = 2463534242u + (uint32_t)_i * 7919u;
	uint8_t script[DIALOG_STEPS * 2];

	dialogs_init(&d);
	for (unsigned round = 0; round < 8; round++) {
		for (size_t i = 0; i < sizeof(script); i++) {
			x ^= x << 13; /* xorshift32: the same each time */
			x ^= x >> 17;
			x ^= x << 5;
			script[i] = (uint8_t)(x >> 8);
		}
		if (!dialogs_play(&d, script, sizeof(script)))
			break;
	}
	dialogs_fini(&d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/dialogs");
	TCase *c = tcase_create("dialogs");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c,
		test_S4_any_order_of_steps_leaves_nothing_behind, 0, SEEDS);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
