/* Tests of common/run/setting*.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/run/setting.h"

static void assert_gives(const char *component, const char *name,
	const char *text, const char *want)
{
	const struct setting_def *def = setting_find(component, name);
	struct str item = str_of(text);
	struct why why = {""};
	char *json = NULL;
	int err;

	ck_assert_ptr_nonnull(def);
	err = setting_from_text(def, &item, 1, false, &json, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	ck_assert_str_eq(json, want);
	free(json);
}

static void assert_refused(const char *component, const char *name,
	const char *text, const char *want)
{
	const struct setting_def *def = setting_find(component, name);
	struct str item = str_of(text);
	struct why why = {""};
	char *json = NULL;

	ck_assert_ptr_nonnull(def);
	ck_assert_msg(setting_from_text(def, &item, 1, false, &json, &why) ==
			EDGE_ECONFIG, "taken: %s", text);
	ck_assert_str_eq(why.text, want);
}

static bool is_snake(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
		strlen(name);
}

/* A list of one item as a person writes it: taken? */
static bool is_url(const char *text)
{
	const struct setting_def *def =
		setting_find("replication-agent", "pull_from");
	struct str item = str_of(text);
	char *json = NULL;
	int err = setting_from_text(def, &item, 1, true, &json, NULL);

	free(json);
	return err == 0;
}

START_TEST(test_urls_are_bases_and_nothing_else)
{
	ck_assert(is_url("https://mirror.example.com"));
	ck_assert(is_url("http://mirror.example.com:8080/edge/a%20b"));
	ck_assert(!is_url(""));
	ck_assert(!is_url("mirror.example.com"));
	ck_assert(!is_url("ftp://mirror.example.com"));
	ck_assert(!is_url("file:///etc/passwd"));
	ck_assert(!is_url("https://"));
	ck_assert(!is_url("https:///edge"));
	ck_assert(!is_url("https://user@mirror.example.com"));
	ck_assert(!is_url("https://mirror.example.com/?q=1"));
	ck_assert(!is_url("https://mirror.example.com/#a"));
	ck_assert(!is_url("https://mirror.example.com/a b"));
	ck_assert(!is_url("https://mirror.example.com/\r\nX: y"));
	ck_assert(!is_url("https://-x/"));
}
END_TEST

START_TEST(test_table_is_sound)
{
	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);
		struct why why = {""};
		struct setting_set *set = NULL;
		char *text;

		ck_assert_msg(setting_check(def, def->fallback, &why) == 0,
			"%s", why.text);
		ck_assert_msg(is_snake(def->name), "%s", def->name);
		ck_assert_msg(setting_find(def->component, def->name) == def,
			"%s twice", def->name);
		ck_assert_ptr_nonnull(def->unit);
		ck_assert_uint_gt(strlen(def->help), 15);
		ck_assert_int_eq(def->help[strlen(def->help) - 1], '.');
		text = setting_to_text(def, def->fallback);
		ck_assert_ptr_nonnull(text);
		free(text);
		ck_assert_int_eq(setting_set_new(&set, def->component), 0);
		ck_assert(setting_is_default(set, def->name));
		setting_set_free(set);
	}
}
END_TEST

START_TEST(test_durations_are_read_and_written)
{
	assert_gives("av-auth", "max_token_lifetime", "8h", "28800");
	assert_gives("av-auth", "max_token_lifetime", "90s", "90");
	assert_gives("av-auth", "max_token_lifetime", "1h30m", "5400");
	assert_gives("av-edge", "credential_skew", "0", "0");
	assert_gives("av-edge", "allocation_lifetime", "2d", "172800");
	assert_refused("av-auth", "max_token_lifetime", "9h",
		"max_token_lifetime: a time from 1m to 8h belongs here, e.g. "
		"90s or 8h");
	assert_refused("av-auth", "max_token_lifetime", "59s",
		"max_token_lifetime: a time from 1m to 8h belongs here, e.g. "
		"90s or 8h");
	for (const char *const *bad = (const char *const[]){"3600", "h", "8",
		     "8 h", "-8h", "8h8", "30m1h", "1h1h", "99999999999h",
		     "", "8H", "0x1s", NULL}; *bad != NULL; bad++)
		assert_refused("av-auth", "max_token_lifetime", *bad,
			"max_token_lifetime: a time from 1m to 8h belongs "
			"here, e.g. 90s or 8h");
}
END_TEST

static void assert_text(const char *component, const char *name,
	const char *json, const char *want)
{
	char *text = setting_to_text(setting_find(component, name), json);

	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(test_values_are_written_for_people)
{
	assert_text("av-auth", "max_token_lifetime", "28800", "8h");
	assert_text("av-auth", "max_token_lifetime", "5400", "90m");
	assert_text("av-auth", "max_token_lifetime", "61", "61s");
	assert_text("av-edge", "credential_skew", "0", "0s");
	assert_text("av-edge", "allocation_lifetime", "172800", "2d");
	assert_text("access-edge", "client_rate", "20", "20");
	assert_text("access-edge", "ms_headers", "true", "true");
	assert_text("access-edge", "tls_min", "\"1.2\"", "1.2");
	assert_text("av-edge", "allow_peers", "[]", "[]");
	assert_text("av-edge", "allow_peers",
		"[\"192.0.2.0/24\",\"2001:db8::/32\"]",
		"[192.0.2.0/24, 2001:db8::/32]");
}
END_TEST

START_TEST(test_R7_bad_values_are_refused_with_what_is_right)
{
	assert_gives("access-edge", "ms_headers", "false", "false");
	assert_refused("access-edge", "ms_headers", "no",
		"ms_headers: true or false belongs here");
	assert_gives("access-edge", "outgoing_tls_count", "4", "4");
	assert_refused("access-edge", "outgoing_tls_count", "5",
		"outgoing_tls_count: a number from 1 to 4 belongs here");
	assert_refused("access-edge", "outgoing_tls_count", "-1",
		"outgoing_tls_count: a number from 1 to 4 belongs here");
	assert_refused("access-edge", "max_client_message_body_size_kb",
		"63", "max_client_message_body_size_kb: a number from 64 to "
		"256 belongs here, in KiB");
	assert_gives("access-edge", "tls_min", "1.0", "\"1.0\"");
	assert_refused("access-edge", "tls_min", "1.1",
		"tls_min: one of 1.0, 1.2, 1.3 belongs here");
	assert_gives("av-edge", "realm", "contoso.test", "\"contoso.test\"");
	assert_refused("av-edge", "realm", "a \"b\"",
		"realm: a DNS name belongs here, e.g. example.com");
}
END_TEST

START_TEST(test_lists_are_checked_item_by_item)
{
	const struct setting_def *peers = setting_find("av-edge",
		"allow_peers");
	const struct setting_def *methods = setting_find("access-edge",
		"pre_auth_methods");
	struct str nets[] = {STR_LIT("192.0.2.0/24"), STR_LIT("2001:db8::1")};
	struct str words[] = {STR_LIT("REGISTER"), STR_LIT("A B")};
	struct why why = {""};
	char *json = NULL;

	ck_assert_int_eq(setting_from_text(peers, nets, 2, true, &json,
		&why), 0);
	ck_assert_str_eq(json, "[\"192.0.2.0/24\",\"2001:db8::1\"]");
	free(json);
	nets[1] = STR_LIT("192.0.2.1/24");
	ck_assert_int_eq(setting_from_text(peers, nets, 2, true, &json,
		&why), EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "allow_peers: '192.0.2.1/24' is not an "
		"address or prefix such as 192.0.2.0/24 (host bits 0)");
	ck_assert_int_eq(setting_from_text(methods, words, 1, true, &json,
		&why), 0);
	free(json);
	ck_assert_int_eq(setting_from_text(methods, words, 2, true, &json,
		&why), EDGE_ECONFIG);
	ck_assert_str_eq(why.text,
		"pre_auth_methods: 'A B' is not a word such as INVITE");
	ck_assert_int_eq(setting_from_text(methods, words, 1, false, &json,
		&why), EDGE_ECONFIG);
	ck_assert_str_eq(why.text,
		"pre_auth_methods: a list belongs here, e.g. [a, b]");
}
END_TEST

START_TEST(test_stored_values_are_checked)
{
	static const struct {
		const char *name;
		const char *json;
	} BAD[] = {
		{"client_rate", "0"}, {"client_rate", "-1"},
		{"client_rate", "1.5"}, {"client_rate", "\"20\""},
		{"client_rate", ""}, {"client_rate", "20 21"},
		{"client_rate", "99999999999999999999"},
		{"ms_headers", "1"}, {"ms_headers", "null"},
		{"tls_min", "1.2"}, {"tls_min", "[]"},
		{"pre_auth_methods", "\"INVITE\""},
		{"pre_auth_methods", "[1]"}, {"pre_auth_methods", "[\"\"]"},
		{"flow_timer", "\"120s\""}, {"flow_timer", "{}"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		const struct setting_def *def = setting_find("access-edge",
			BAD[i].name);
		struct why why = {""};

		ck_assert_msg(setting_check(def, BAD[i].json, &why) ==
				EDGE_ECONFIG, "%s: %s", BAD[i].name,
			BAD[i].json);
		ck_assert_msg(strstr(why.text, BAD[i].name) == why.text,
			"%s", why.text);
	}
}
END_TEST

START_TEST(test_set_lays_overrides_over_defaults)
{
	struct setting_set *set = NULL;
	struct why why = {""};

	ck_assert_int_eq(setting_set_new(&set, "access-edge"), 0);
	ck_assert(setting_bool(set, "allow_outside_users"));
	ck_assert_uint_eq(setting_number(set, "client_rate"), 20);
	ck_assert_uint_eq(setting_duration_s(set, "flow_timer"), 120);
	ck_assert_str_eq(setting_text(set, "register_path"), "both");
	ck_assert_uint_eq(setting_list_count(set, "pre_auth_methods"), 11);

	ck_assert_int_eq(setting_set_put(set, "client_rate", "5", &why), 0);
	ck_assert_int_eq(setting_set_put(set, "client_rate", "7", &why), 0);
	ck_assert_uint_eq(setting_number(set, "client_rate"), 7);
	ck_assert_str_eq(setting_json(set, "client_rate"), "7");
	ck_assert(!setting_is_default(set, "client_rate"));
	ck_assert_int_eq(setting_set_put(set, "pre_auth_methods",
		"[\"REGISTER\"]", &why), 0);
	ck_assert_str_eq(setting_list_item(set, "pre_auth_methods", 0),
		"REGISTER");
	ck_assert_ptr_null(setting_list_item(set, "pre_auth_methods", 1));

	/* A bad value leaves the one before. */
	ck_assert_int_eq(setting_set_put(set, "client_rate", "0", &why),
		EDGE_ECONFIG);
	ck_assert_uint_eq(setting_number(set, "client_rate"), 7);
	setting_set_free(set);
}
END_TEST

START_TEST(test_R7_unknown_name_is_told_with_the_nearest)
{
	struct setting_set *set = NULL;
	struct why why = {""};

	ck_assert_ptr_null(setting_find("access-edge", "realm"));
	ck_assert_str_eq(setting_nearest("access-edge", "client_rat"),
		"client_rate");
	ck_assert_int_eq(setting_set_new(&set, "access-edge"), 0);
	ck_assert_int_eq(setting_set_put(set, "ms_header", "true", &why),
		EDGE_EUNKNOWN);
	ck_assert_str_eq(why.text, "access-edge has no setting 'ms_header': "
				   "did you mean 'ms_headers'?");
	setting_set_free(set);
	/* A component without settings is no mistake. */
	ck_assert_int_eq(setting_set_new(&set, "webconf-edge"), 0);
	ck_assert_int_eq(setting_set_put(set, "x", "1", &why),
		EDGE_EUNKNOWN);
	setting_set_free(set);
}
END_TEST

/* The manual's paragraph of a setting, one blank for each white space. */
static char *paragraph_of(const char *page, const struct setting_def *def)
{
	char key[128];
	char *out;
	const char *from;
	const char *to;
	size_t n = 0;

	snprintf(key, sizeof(key), ".Ss Settings of %s\n", def->component);
	from = strstr(page, key);
	ck_assert_msg(from != NULL, "%s", key);
	snprintf(key, sizeof(key), "\n.It Ic %s\n", def->name);
	from = strstr(from, key);
	ck_assert_msg(from != NULL, "%s", key);
	from += strlen(key);
	to = strstr(from, "\n.It ");
	if (to == NULL || (strstr(from, "\n.El") < to))
		to = strstr(from, "\n.El");
	out = calloc(1, (size_t)(to - from) + 1);
	for (; from < to; from++)
		out[n++] = *from == '\n' ? ' ' : *from;
	return out;
}

/* What the manual says of each default is what the table says. */
START_TEST(test_manual_agrees_with_the_table)
{
	FILE *from = fopen("docs/man/topology.yaml.5", "r");
	static char page[65536];
	size_t len;

	ck_assert_ptr_nonnull(from);
	len = fread(page, 1, sizeof(page) - 1, from);
	page[len] = '\0';
	fclose(from);
	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);
		char *text = setting_to_text(def, def->fallback);
		char want[512];
		char *said;

		if (strcmp(def->component, "topology") == 0) {
			free(text);
			continue;
		}
		said = paragraph_of(page, def);
		snprintf(want, sizeof(want), "efault%s %s.",
			strlen(text) > 60 ? ":" : "",
			text[0] != '\0' ? text : "empty");
		ck_assert_msg(strstr(said, want) != NULL,
			"%s: \"%s\" is not in \"%s\"", def->name, want, said);
		ck_assert_msg(def->original == NULL ||
				strstr(said, def->original) != NULL,
			"%s: %s is not in the manual", def->name,
			def->original);
		ck_assert_msg(def->restart ==
				(strstr(said, "after a restart") != NULL),
			"%s: restart", def->name);
		free(said);
		free(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("setting");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_urls_are_bases_and_nothing_else);
	tcase_add_test(tc, test_table_is_sound);
	tcase_add_test(tc, test_durations_are_read_and_written);
	tcase_add_test(tc, test_values_are_written_for_people);
	tcase_add_test(tc, test_R7_bad_values_are_refused_with_what_is_right);
	tcase_add_test(tc, test_lists_are_checked_item_by_item);
	tcase_add_test(tc, test_stored_values_are_checked);
	tcase_add_test(tc, test_set_lays_overrides_over_defaults);
	tcase_add_test(tc, test_R7_unknown_name_is_told_with_the_nearest);
	tcase_add_test(tc, test_manual_agrees_with_the_table);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
