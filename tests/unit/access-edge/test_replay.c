/*
 * Whole conversations from tests/replay, octet for octet: clients of the
 * original, anonymous joiners, plain SIP clients. The recorder of signed
 * fields compares every message that passes.
 */
#include "tests/unit/access-edge/replay.h"

static const char *const scripts[] = {
	"anonymous-join",
	"foreign-token",
	"old-client",
	"sign-in",
};

START_TEST(test_conversation_passes_octet_for_octet)
{
	char path[128];

	snprintf(path, sizeof(path), "tests/replay/%s.sip", scripts[_i]);
	replay_run(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/replay");
	TCase *c = tcase_create("replay");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, test_conversation_passes_octet_for_octet, 0,
		ARRAY_COUNT(scripts));
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
