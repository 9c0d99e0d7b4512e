/* Diagnostics: the table, and who is told how much. */
#include "access-edge/diag.h"

#include <check.h>
#include <string.h>

#include "common/sip/sip_text.h"
#include "tests/unit/check_main.h"

START_TEST(test_clients_are_told_number_and_reason_only)
{
	struct diag_facts facts = {""};
	char value[DIAG_VALUE_LEN];

	diag_fact(&facts, "tls-target", "sip.example.org");
	for (size_t i = 0; i < diag_count(); i++) {
		const char *text = diag_value(diag_at(i)->id, true,
			"sip.a.test", &facts, value);

		ck_assert_ptr_null(strstr(text, "source="));
		ck_assert_ptr_null(strstr(text, "example.org"));
		ck_assert_ptr_nonnull(strstr(text, diag_at(i)->text));
	}
}
END_TEST

START_TEST(test_inside_is_told_everything)
{
	struct diag_facts facts = {""};
	char value[DIAG_VALUE_LEN];

	ck_assert_str_eq(diag_value(DIAG_CLIENT_CONNECTION, false,
		"sip.a.test", NULL, value),
		"1006;reason=\"Error routing on client connection\";"
		"source=\"sip.a.test\"");
	/* As a trace of the original has it. */
	diag_fact(&facts, "domain", "example.org");
	diag_fact(&facts, "fqdn1", "edge.sub.example.org:5061");
	ck_assert_str_eq(diag_value(DIAG_SRV_MISMATCH, false, "sip.a.test",
		&facts, value), "1009;reason=\"No match for domain in DNS "
		"SRV results\";domain=\"example.org\";"
		"fqdn1=\"edge.sub.example.org:5061\";source=\"sip.a.test\"");
}
END_TEST

START_TEST(test_S2_facts_stay_inside_their_quotes_and_their_line)
{
	struct diag_facts facts = {""};
	char longer[1000];
	size_t before;

	diag_fact(&facts, "domain", "a\";x=\"b\\\r\nEvil: 1");
	ck_assert_str_eq(facts.text,
		";domain=\"a\\\";x=\\\"b\\\\??Evil: 1\"");
	before = strlen(facts.text);
	memset(longer, '"', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	diag_fact(&facts, "big", longer);
	ck_assert_uint_lt(strlen(facts.text), sizeof(facts.text));
	/* Left out whole: half a value is no value. */
	ck_assert_uint_eq(strlen(facts.text), before);
	for (int i = 0; i < 100; i++)
		diag_fact(&facts, "n", "0123456789");
	ck_assert_uint_lt(strlen(facts.text), sizeof(facts.text));
	ck_assert_int_eq(facts.text[strlen(facts.text) - 1], '"');
}
END_TEST

/* Rows of the protocol's table, each once, with its status. */
START_TEST(test_every_cause_has_its_status)
{
	static const struct {
		unsigned id;
		unsigned status;
	} want[] = {
		{1000, 403}, {1001, 403}, {1002, 403}, {1003, 404},
		{1004, 481}, {1005, 404}, {1006, 480}, {1007, 480},
		{1008, 504}, {1009, 504}, {1010, 504}, {1011, 0},
		{1012, 403}, {1013, 403}, {1014, 504}, {1015, 403},
		{1016, 403}, {1017, 403}, {1018, 400}, {1027, 403},
		{1028, 504}, {1033, 0}, {1034, 0}, {1035, 0}, {1036, 0},
		{1038, 504}, {1039, 504}, {1046, 504}, {1047, 504},
	};

	ck_assert_uint_eq(diag_count(), ARRAY_COUNT(want));
	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		ck_assert_uint_eq(diag_at(i)->id, want[i].id);
		ck_assert_uint_eq(diag_status(diag_at(i)->id),
			want[i].status);
		ck_assert_str_ne(diag_text(diag_at(i)->id), "");
	}
	ck_assert_str_eq(diag_text(DIAG_NONE), "");
	ck_assert_uint_eq(diag_status(DIAG_NONE), 0);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/diag",
		test_clients_are_told_number_and_reason_only,
		test_inside_is_told_everything,
		test_S2_facts_stay_inside_their_quotes_and_their_line,
		test_every_cause_has_its_status);
}
