/* Who may register under which id, as the topology has it. */
#include <check.h>
#include <string.h>

#include "webconf-edge/id_right.h"

#define UUID "0f7a2c1e-5b7d-4f0e-9a53-1f2f3b4c5d6e"
#define FE   "fe.a.test"
#define FE2  "fe2.a.test"

static const uint8_t BOUND[WCE_ID_LEN] = {0x0f, 0x7a, 0x2c, 0x1e, 0x5b, 0x7d,
	0x4f, 0x0e, 0x9a, 0x53, 0x1f, 0x2f, 0x3b, 0x4c, 0x5d, 0x6e};
static const uint8_t FREE[WCE_ID_LEN] = {0x0f, 0x7a, 0x2c, 0x1e, 0x5b, 0x7d,
	0x4f, 0x0e, 0x9a, 0x53, 0x1f, 0x2f, 0x3b, 0x4c, 0x5d, 0x6f};

static struct topology_trust rows[3];
static struct topology t;

static void setup(void)
{
	const struct topology_trust fe = {.fqdn = FE,
		.grant = TOPOLOGY_GRANT_WEBCONF, .server_uuid = UUID};
	const struct topology_trust fe2 = {.fqdn = FE2,
		.grant = TOPOLOGY_GRANT_WEBCONF};
	/* Of another right, which has no such id. */
	const struct topology_trust sip = {.fqdn = FE2,
		.grant = TOPOLOGY_GRANT_SIP, .server_uuid = UUID};

	rows[0] = sip;
	rows[1] = fe2;
	rows[2] = fe;
	memset(&t, 0, sizeof(t));
	t.trusted = rows;
	t.trusted_count = 3;
}

START_TEST(test_T11_bound_id_is_its_servers_alone)
{
	ck_assert_ptr_null(id_right_refusal(&t, FE, BOUND));
	ck_assert_ptr_nonnull(id_right_refusal(&t, FE2, BOUND));
	ck_assert_ptr_nonnull(id_right_refusal(&t, "other.a.test", BOUND));
	/* And it has no other one. */
	ck_assert_ptr_nonnull(id_right_refusal(&t, FE, FREE));
}
END_TEST

START_TEST(test_unbound_ids_are_for_those_who_are_not_bound)
{
	ck_assert_ptr_null(id_right_refusal(&t, FE2, FREE));
	rows[2].server_uuid[0] = '\0';
	ck_assert_ptr_null(id_right_refusal(&t, FE, BOUND));
	ck_assert_ptr_null(id_right_refusal(&t, FE2, BOUND));
	ck_assert_ptr_null(id_right_refusal(&t, FE, FREE));
}
END_TEST

START_TEST(test_names_and_digits_are_compared_in_any_case)
{
	strcpy(rows[2].server_uuid, "0F7A2C1E-5B7D-4F0E-9A53-1F2F3B4C5D6E");
	ck_assert_ptr_null(id_right_refusal(&t, "FE.a.Test", BOUND));
	ck_assert_ptr_nonnull(id_right_refusal(&t, FE2, BOUND));
}
END_TEST

/* Whatever a store holds: what can't be read binds to nothing. */
START_TEST(test_what_is_no_id_lets_nobody_in)
{
	static const char *const bad[] = {"0f7a2c1e", UUID "00", "-",
		"zf7a2c1e-5b7d-4f0e-9a53-1f2f3b4c5d6e"};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		strcpy(rows[2].server_uuid, bad[i]);
		ck_assert_ptr_nonnull(id_right_refusal(&t, FE, BOUND));
		ck_assert_ptr_nonnull(id_right_refusal(&t, FE, FREE));
		ck_assert_ptr_null(id_right_refusal(&t, FE2, BOUND));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("id_right");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_T11_bound_id_is_its_servers_alone);
	tcase_add_test(tc, test_unbound_ids_are_for_those_who_are_not_bound);
	tcase_add_test(tc, test_names_and_digits_are_compared_in_any_case);
	tcase_add_test(tc, test_what_is_no_id_lets_nobody_in);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
