/* Tests of edgectl/doctor_read.c on fixtures. */
#include <string.h>

#include <check.h>

#include "common/base/attr.h"
#include "edgectl/doctor/doctor_read.h"

START_TEST(test_mode_decides_who_may_read)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		gid_t group;
		bool may;
	} ROWS[] = {
		{0600, 100, 1, true},  /* the owner */
		{0600, 101, 1, false}, /* somebody else's */
		{0040, 100, 1, false}, /* the owner's bits count first */
		{0640, 0, 200, true},  /* own group */
		{0640, 0, 300, true},  /* supplementary group */
		{0640, 0, 400, false}, {0604, 0, 400, true}, /* others */
		{0604, 0, 200, false}, /* the group's bits count first */
	};
	const gid_t groups[] = {300};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		const struct stat st = {
			.st_mode = ROWS[i].mode,
			.st_uid = ROWS[i].owner,
			.st_gid = ROWS[i].group,
		};

		struct stat folder = st;

		folder.st_mode >>= 2; /* r becomes x */
		ck_assert_msg(doctor_may(&st, DOCTOR_READ, 100, 200, groups,
			1) == ROWS[i].may, "row %zu", i);
		ck_assert_msg(doctor_may(&folder, DOCTOR_PASS, 100, 200,
			groups, 1) == ROWS[i].may, "folder, row %zu", i);
	}
}
END_TEST

START_TEST(test_root_reads_everything)
{
	const struct stat st = {.st_mode = 0, .st_uid = 5, .st_gid = 5};

	ck_assert(doctor_may(&st, DOCTOR_READ, 0, 0, NULL, 0));
}
END_TEST

START_TEST(test_reserved_ports_cover_a_range)
{
	static const struct {
		const char *list;
		bool covered;
	} ROWS[] = {
		{"50000-59999\n", true},
		{"1024,50000-54999,55000-59999\n", true},
		{"50000-54999,55001-59999\n", false},
		{"50001-59999\n", false},
		{"50000-59998\n", false},
		{"1-65535\n", true},
		{"\n", false},
		{"", false},
		{"junk,50000-x,50000-59999\n", true},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
		ck_assert_msg(doctor_ports_cover(str_of(ROWS[i].list), 50000,
				      10000) == ROWS[i].covered,
			"%s", ROWS[i].list);
}
END_TEST

static const char ROUTES[] =
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\t"
	"MTU\tWindow\tIRTT\n"
	"eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	"eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	"eth1\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
	"eth2\t00000000\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n";

START_TEST(test_default_routes_are_found_in_order)
{
	char device[16];

	ck_assert(doctor_default_device(str_of(ROUTES), 0, device));
	ck_assert_str_eq(device, "eth0");
	ck_assert(doctor_default_device(str_of(ROUTES), 1, device));
	ck_assert_str_eq(device, "eth1");
	ck_assert(!doctor_default_device(str_of(ROUTES), 2, device));
	ck_assert(!doctor_default_device(str_of(""), 0, device));
}
END_TEST

START_TEST(test_words_of_a_list)
{
	ck_assert(doctor_has_word(STR_LIT("lockdown,landlock,bpf\n"),
		"landlock"));
	ck_assert(doctor_has_word(STR_LIT("landlock"), "landlock"));
	ck_assert(!doctor_has_word(STR_LIT("landlockx,bpf"), "landlock"));
	ck_assert(!doctor_has_word(STR_LIT(""), "landlock"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/doctor_read");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_mode_decides_who_may_read);
	tcase_add_test(tc, test_root_reads_everything);
	tcase_add_test(tc, test_reserved_ports_cover_a_range);
	tcase_add_test(tc, test_default_routes_are_found_in_order);
	tcase_add_test(tc, test_words_of_a_list);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
