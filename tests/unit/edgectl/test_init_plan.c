/* Tests of edgectl/init_plan.c: answers to files. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/run/yaml.h"
#include "edgectl/init_plan.h"

static struct init_plan plan;
static struct why why;

static void setup(void)
{
	memset(&plan, 0, sizeof(plan));
	memset(&why, 0, sizeof(why));
	strcpy(plan.directory, "/tmp/lab");
	init_plan_loopback(&plan);
}

static struct yaml_doc *load(const char *text)
{
	struct yaml_doc *doc = NULL;

	ck_assert_msg(yaml_parse(&doc, "made", str_of(text), &why) == 0,
		"%s\n%s", why.text, text);
	return doc;
}

START_TEST(test_loopback_lab_is_complete)
{
	setup();
	ck_assert_int_eq(init_plan_check(&plan, &why), 0);
	ck_assert(plan.lab);
	ck_assert_str_eq(plan.directory, "/tmp/lab");
}
END_TEST

START_TEST(test_files_are_yaml_that_names_everything)
{
	struct yaml_doc *doc;
	char *text;

	setup();
	text = init_plan_edge_yaml(&plan);
	doc = load(text);
	ck_assert(str_eq_z(yaml_text(yaml_get(yaml_root(doc), "machine")),
		"edge.int.lab.test"));
	ck_assert_ptr_nonnull(yaml_get(yaml_get(yaml_root(doc), "certificates"),
		"external-sip"));
	ck_assert_ptr_nonnull(yaml_get(yaml_get(yaml_root(doc), "certificates"),
		"external-webconf"));
	yaml_free(doc);
	free(text);
	text = init_plan_topology_yaml(&plan);
	doc = load(text);
	ck_assert(str_eq_z(yaml_text(yaml_get(yaml_root(doc), "lab")), "true"));
	ck_assert_ptr_nonnull(yaml_get(yaml_get(yaml_root(doc), "edges"),
		"edge.int.lab.test"));
	yaml_free(doc);
	free(text);
}
END_TEST

START_TEST(test_high_ports_move_every_port)
{
	static const char *const WANT[] =
		{"next_hop: inside.int.lab.test:15061", "port: 10443",
			"federation_port: 15061", "udp_port: 13478",
			"sip: 15061", "av_auth: 15062", "turn_udp: 13478"};
	char *text;

	setup();
	plan.port_add = 10000;
	init_plan_loopback(&plan);
	text = init_plan_topology_yaml(&plan);
	for (size_t i = 0; i < ARRAY_COUNT(WANT); i++)
		ck_assert_msg(strstr(text, WANT[i]) != NULL, "%s in\n%s",
			WANT[i], text);
	yaml_free(load(text));
	free(text);
}
END_TEST

START_TEST(test_one_address_for_both_gives_way_on_443)
{
	char *text;

	setup();
	strcpy(plan.av_address, plan.access_address);
	text = init_plan_topology_yaml(&plan);
	ck_assert_ptr_nonnull(strstr(text, "tcp_port: 444"));
	ck_assert_ptr_nonnull(strstr(text,
		"webconf: {name: webcon.lab.test}"));
	free(text);
}
END_TEST

static const struct {
	const char *av;
	const char *webconf;
	const char *want;
} SHARED[] = {
	{"192.0.2.1", "192.0.2.1", "webcon.lab.test, port: 445}"},
	{"192.0.2.2", "192.0.2.1", "webcon.lab.test, port: 444}"},
	{"192.0.2.2", "192.0.2.2", "webcon.lab.test, port: 444}"},
	{"192.0.2.1", "192.0.2.2", "webcon.lab.test}"},
};

START_TEST(test_web_conferences_give_way_to_all)
{
	char *text;

	setup();
	strcpy(plan.access_address, "192.0.2.1");
	strcpy(plan.av_address, SHARED[_i].av);
	strcpy(plan.webconf_address, SHARED[_i].webconf);
	text = init_plan_topology_yaml(&plan);
	ck_assert_msg(strstr(text, SHARED[_i].want) != NULL, "%s in\n%s",
		SHARED[_i].want, text);
	yaml_free(load(text));
	free(text);
}
END_TEST

START_TEST(test_without_an_address_there_are_no_web_conferences)
{
	char *text;

	setup();
	plan.webconf_address[0] = '\0';
	ck_assert_int_eq(init_plan_check(&plan, &why), 0);
	text = init_plan_topology_yaml(&plan);
	ck_assert_ptr_null(strstr(text, "webconf"));
	free(text);
	text = init_plan_edge_yaml(&plan);
	ck_assert_ptr_null(strstr(text, "webconf"));
	free(text);
	setup();
	plan.webconf_name[0] = '\0';
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--webconf-name"));
}
END_TEST

START_TEST(test_wrong_answers_name_the_option)
{
	setup();
	strcpy(plan.access_address, "192.0.2.256");
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--access-address"));
	setup();
	strcpy(plan.av_name, "av lab.test");
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--av-name"));
	setup();
	plan.next_hop[0] = '\0';
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--next-hop"));
	setup();
	plan.domain_count = 0;
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--domain"));
	setup();
	strcpy(plan.internal_address, plan.access_address);
	ck_assert_int_eq(init_plan_check(&plan, &why), EDGE_ECONFIG);
}
END_TEST

START_TEST(test_one_answer_is_checked_for_itself)
{
	setup();
	plan.domain_count = 0;
	strcpy(plan.av_nat, "nowhere");
	ck_assert_int_eq(init_plan_check_one(&plan, "machine", &why), 0);
	ck_assert_int_eq(init_plan_check_one(&plan, "certificates", &why), 0);
	ck_assert_int_eq(init_plan_check_one(&plan, "domain", &why),
		EDGE_ECONFIG);
	ck_assert_int_eq(init_plan_check_one(&plan, "av-nat", &why),
		EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "--av-nat nowhere"));
}
END_TEST

START_TEST(test_outside_certificate_has_a_name_for_each_domain)
{
	char room[INIT_NAME_LEN];

	setup();
	strcpy(plan.domains[1], "second.test");
	plan.domain_count = 2;
	ck_assert_str_eq(init_plan_outside_name(&plan, 0, room),
		"sip.lab.test");
	ck_assert_str_eq(init_plan_outside_name(&plan, 1, room),
		"sip.second.test");
	ck_assert_ptr_null(init_plan_outside_name(&plan, 2, room));
}
END_TEST

START_TEST(test_names_are_dns_names_in_lower_case)
{
	ck_assert(init_is_name("sip.example.com"));
	ck_assert(!init_is_name("sip"));
	ck_assert(!init_is_name("Sip.example.com"));
	ck_assert(!init_is_name("sip.example.com,DNS:evil"));
	ck_assert(!init_is_name(""));
	ck_assert(!init_is_name("-a.test"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/init_plan");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_loopback_lab_is_complete);
	tcase_add_test(tc, test_files_are_yaml_that_names_everything);
	tcase_add_test(tc, test_high_ports_move_every_port);
	tcase_add_test(tc, test_one_address_for_both_gives_way_on_443);
	tcase_add_loop_test(tc, test_web_conferences_give_way_to_all, 0,
		(int)ARRAY_COUNT(SHARED));
	tcase_add_test(tc,
		test_without_an_address_there_are_no_web_conferences);
	tcase_add_test(tc, test_wrong_answers_name_the_option);
	tcase_add_test(tc, test_one_answer_is_checked_for_itself);
	tcase_add_test(tc, test_outside_certificate_has_a_name_for_each_domain);
	tcase_add_test(tc, test_names_are_dns_names_in_lower_case);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
