/* Tests of common/bundle/bundle_rows.c: one way to write a row, no way to
 * bring anything but values. */
#include "bundles.h"
#include "common/base/digest.h"
#include "common/bundle/bundle_layout.h"
#include "common/store/generation.h"

static int load(const char *text, struct why *why)
{
	struct sqlite3 *db = NULL;
	uint64_t count = 0;
	int err;

	ck_assert_int_eq(generation_scratch(&db, why), 0);
	err = bundle_rows_load(db, str_of(text), &count, why);
	sqlite3_close(db);
	return err;
}

START_TEST(test_encoding_is_the_published_vector)
{
	static const char ROWS[] = "[\"meta\",\"epoch\",\"3\"]\n"
				   "[\"sip_domain\",\"example.com\",1,0,0]\n";
	struct sqlite3 *db = NULL;
	struct bundle_rows rows;
	char sha[BUNDLE_SHA_LEN];

	ck_assert_uint_eq(strlen(ROWS), 56);
	bundle_sha_of(ROWS, strlen(ROWS), sha);
	ck_assert_str_eq(sha, "df619515f9cad5fddd5b1efee4e25a00d57d3e17193e4"
		"08d96aee973794fc82a");
	ck_assert_int_eq(generation_scratch(&db, NULL), 0);
	ck_assert_int_eq(sqlite3_exec(db, "INSERT INTO meta VALUES('epoch',"
		"'3'); INSERT INTO sip_domain VALUES('example.com',1,0,0)",
		NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, NULL), 0);
	/* meta stays at home. */
	ck_assert_str_eq(rows.text, "[\"sip_domain\",\"example.com\",1,0,0]\n");
	ck_assert_uint_eq(rows.count, 1);
	bundle_rows_fini(&rows);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_every_table_of_the_schema_is_carried)
{
	static const char SQL[] =
		"SELECT m.name, count(*) FROM sqlite_schema m, "
		"pragma_table_info(m.name) WHERE m.type='table' AND "
		"m.name<>'meta' GROUP BY m.name";
	struct sqlite3_stmt *stmt = NULL;
	struct sqlite3 *db = NULL;
	int tables = 0;

	ck_assert_int_eq(generation_scratch(&db, NULL), 0);
	ck_assert_int_eq(sqlite3_prepare_v2(db, SQL, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name =
			(const char *)sqlite3_column_text(stmt, 0);
		struct why why = {""};
		char want[64];
		char row[128];

		/* A row that is short says how many columns there are. */
		snprintf(row, sizeof(row), "[\"%s\"]\n", name);
		snprintf(want, sizeof(want), "%s has %d columns", name,
			sqlite3_column_int(stmt, 1));
		ck_assert_int_eq(load(row, &why), EDGE_EMALFORMED);
		ck_assert_ptr_nonnull(strstr(why.text, want));
		tables++;
	}
	ck_assert_int_ge(tables, 12);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_any_text_and_any_bytes_come_back)
{
	static const char SQL[] =
		"INSERT INTO federated_domain(domain,action,note) VALUES"
		"('b.test','allow',char(34,92,8,9,10,12,13,1,31,127,228,8364,"
		"128512)),('a.test','block',NULL),('c.test','allow','');"
		"INSERT INTO site VALUES(1,'s','central',NULL,NULL);"
		"INSERT INTO pool(pool_id,site_id,number,fqdn)"
		" VALUES(1,1,1,'p.test');"
		"INSERT INTO trusted_server VALUES('s.test',1,'sip',NULL,"
		"x'00ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c"
		"1dfe')";
	struct sqlite3 *db = NULL;
	struct sqlite3 *again = NULL;
	struct bundle_rows a;
	struct bundle_rows b;
	struct why why = {""};
	uint64_t count = 0;

	ck_assert_int_eq(generation_scratch(&db, NULL), 0);
	ck_assert_int_eq(generation_scratch(&again, NULL), 0);
	ck_assert_int_eq(sqlite3_exec(db, SQL, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(bundle_rows_dump(&a, db, NULL), 0);
	ck_assert_ptr_nonnull(strstr(a.text,
		"\\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f\x7f"));
	ck_assert_ptr_nonnull(strstr(a.text, "{\"b\":\"AP8BAg"));
	ck_assert_int_eq(sqlite3_exec(again, "BEGIN; PRAGMA "
		"defer_foreign_keys=1", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_msg(bundle_rows_load(again, (struct str){a.text, a.len},
		&count, &why) == 0, "%s", why.text);
	ck_assert_int_eq(sqlite3_exec(again, "COMMIT", NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_uint_eq(count, a.count);
	ck_assert_int_eq(bundle_rows_dump(&b, again, NULL), 0);
	ck_assert_str_eq(a.text, b.text);
	bundle_rows_fini(&a);
	bundle_rows_fini(&b);
	sqlite3_close(db);
	sqlite3_close(again);
}
END_TEST

START_TEST(test_only_the_one_spelling_is_read)
{
	static const char *const BAD[] = {
		"x\n",
		"[\"sip_domain\",\"a.test\",1,0,0]", /* no end */
		"[\"sip_domain\", \"a.test\",1,0,0]\n",
		" [\"sip_domain\",\"a.test\",1,0,0]\n",
		"[\"sip_domain\",\"\\u0061.test\",1,0,0]\n",
		"[\"sip_domain\",\"a.test\",1.0,0,0]\n",
		"[\"sip_domain\",\"a.test\",1e0,0,0]\n",
		"[\"sip_domain\",\"a.test\",true,0,0]\n",
		"[\"sip_domain\",\"a.test\",01,0,0]\n",
		"[\"sip_domain\",\"a.test\",-0,0,0]\n",
		"[\"sip_domain\",\"a.test\",1,0]\n",
		"[\"sip_domain\",\"a.test\",1,0,0,0]\n",
		"[\"sip_domain\",[\"a.test\"],1,0,0]\n",
		"[\"sip_domain\",{\"b\":\"AA==\",\"c\":1},1,0,0]\n",
		"[\"sip_domain\",{\"b\":\"A\"},1,0,0]\n",
		"[\"sip_domain\",{\"b\":1},1,0,0]\n",
		"{\"b\":\"sip_domain\"}\n",
		"[]\n",
		"[1]\n",
		"\n",
		"[\"meta\",\"epoch\",\"3\"]\n",
		"[\"sqlite_schema\",\"table\",\"t\",\"t\",2,\"CREATE\"]\n",
		"[\"listener\",1]\n",
		"[\"sip_domain\\\" VALUES(1);--\",1]\n",
		"[\"SIP_DOMAIN\",\"a.test\",1,0,0]\n",
		/* order */
		"[\"sip_domain\",\"b.test\",0,0,0]\n"
		"[\"sip_domain\",\"a.test\",1,0,0]\n",
		"[\"sip_domain\",\"a.test\",1,0,0]\n"
		"[\"sip_domain\",\"a.test\",1,0,0]\n",
		"[\"site\",1,\"s\",\"central\",null,null]\n"
		"[\"sip_domain\",\"a.test\",1,0,0]\n",
		"[\"sip_domain\",\"a.test\",0,0,0]\n"
		"[\"site\",1,\"s\",\"central\",null,null]\n"
		"[\"sip_domain\",\"b.test\",0,0,0]\n",
		"[\"sip_domain\",\"a.test\",1,0,0]\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		struct why why = {""};

		ck_assert_msg(load(BAD[i], &why) == EDGE_EMALFORMED, "%s: %s",
			BAD[i], why.text);
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

START_TEST(test_schema_has_the_last_word)
{
	struct why why = {""};

	ck_assert_int_eq(load("[\"sip_domain\",\"a.test\",7,0,0]\n", &why),
		EDGE_EDATABASE);
	ck_assert_ptr_nonnull(strstr(why.text, "row 1"));
	ck_assert_int_eq(load("[\"sip_domain\",\"a.test\",\"x\",0,0]\n", &why),
		EDGE_EDATABASE);
	ck_assert_int_eq(load("[\"sip_domain\",null,1,0,0]\n", &why),
		EDGE_EDATABASE);
}
END_TEST

START_TEST(test_deep_json_is_refused)
{
	char text[1024] = "";
	struct why why = {""};

	memset(text, '[', 500);
	memset(text + 500, ']', 500);
	text[1000] = '\n';
	ck_assert_int_eq(load(text, &why), EDGE_EMALFORMED);
	memcpy(text, "[\"sip_domain\",", 14);
	ck_assert_int_eq(load(text, &why), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_long_line_and_too_many_rows_are_refused)
{
	const size_t len = 40u * (BUNDLE_ROWS_MAX + 1) + 1;
	char *text = malloc(len + BUNDLE_LINE_MAX);
	struct why why = {""};
	size_t n = 0;

	memset(text, 'x', BUNDLE_LINE_MAX + 1);
	memcpy(text + BUNDLE_LINE_MAX + 1, "\n", 2);
	ck_assert_int_eq(load(text, &why), EDGE_ETOOBIG);
	for (unsigned i = 0; i <= BUNDLE_ROWS_MAX; i++)
		n += (size_t)sprintf(text + n,
			"[\"sip_domain\",\"a%07u.test\",0,0,0]\n", i);
	ck_assert_uint_le(n, len);
	ck_assert_int_eq(load(text, &why), EDGE_ETOOBIG);
	ck_assert_ptr_nonnull(strstr(why.text, "1000000"));
	free(text);
}
END_TEST

START_TEST(test_sorting_puts_texts_that_follow_each_other_together)
{
	static const char A[] = "[\"setting\",\"global\",\"a\",\"b\",\"1\"]\n";
	static const char B[] = "[\"sip_domain\",\"a.test\",1,0,0]\n";
	static const char C[] = "[\"site\",1,\"s\",\"central\",null,null]\n";
	struct bundle_rows rows = {NULL, 0, 0};
	char text[512];

	ck_assert_int_eq(bundle_rows_sort(&rows, NULL), 0);
	ck_assert_str_eq(rows.text, "");
	bundle_rows_fini(&rows);
	snprintf(text, sizeof(text), "%s%s%s", B, C, A);
	rows = (struct bundle_rows){strdup(text), strlen(text), 0};
	ck_assert_int_eq(bundle_rows_sort(&rows, NULL), 0);
	snprintf(text, sizeof(text), "%s%s%s", A, B, C);
	ck_assert_str_eq(rows.text, text);
	ck_assert_uint_eq(rows.count, 3);
	bundle_rows_fini(&rows);
	/* A last line without an end stays a fault: it is not given one. */
	rows = (struct bundle_rows){strdup("b"), 1, 0};
	ck_assert_int_eq(bundle_rows_sort(&rows, NULL), 0);
	ck_assert_str_eq(rows.text, "b");
	bundle_rows_fini(&rows);
}
END_TEST

START_TEST(test_scopes_are_sorted_and_keep_all_rows)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct bundle_scope *scopes = NULL;
	struct bundle_rows cut;
	struct bundle_rows all;
	size_t count = 0;
	uint64_t sum = 0;

	ck_assert_int_eq(sqlite3_exec(db, "INSERT INTO setting VALUES("
		"'machine:nobody.test','av-edge','x','1')", NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(bundle_rows_dump(&all, db, NULL), 0);
	ck_assert_int_eq(bundle_rows_by_scope(&cut, &scopes, &count, db,
		NULL), 0);
	ck_assert_uint_eq(count, 3);
	/* What concerns nobody that is there concerns all. */
	ck_assert_str_eq(scopes[0].name, "global");
	ck_assert_ptr_nonnull(memmem(scopes[0].text.p, scopes[0].text.n,
		"nobody.test", 11));
	ck_assert_str_eq(scopes[1].name, "pool:edge.int.contoso.test");
	ck_assert_int_eq(strncmp(scopes[2].name, "site:", 5), 0);
	for (size_t i = 0; i < count; i++)
		sum += scopes[i].rows;
	ck_assert_uint_eq(sum, all.count);
	ck_assert_int_eq(bundle_rows_sort(&cut, NULL), 0);
	ck_assert_str_eq(cut.text, all.text);
	free(scopes);
	bundle_rows_fini(&cut);
	bundle_rows_fini(&all);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_scope_of_an_endless_name_is_refused)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct bundle_scope *scopes = NULL;
	struct why why = {""};
	struct bundle_rows cut;
	size_t count = 0;

	ck_assert_int_eq(sqlite3_exec(db, "UPDATE site SET name=hex(zeroblob("
		"200))", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(bundle_rows_by_scope(&cut, &scopes, &count, db,
		&why), EDGE_ETOOBIG);
	ck_assert_ptr_nonnull(strstr(why.text, "site:0000"));
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_rows");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_encoding_is_the_published_vector);
	tcase_add_test(tc, test_every_table_of_the_schema_is_carried);
	tcase_add_test(tc, test_any_text_and_any_bytes_come_back);
	tcase_add_test(tc, test_only_the_one_spelling_is_read);
	tcase_add_test(tc, test_schema_has_the_last_word);
	tcase_add_test(tc, test_deep_json_is_refused);
	tcase_add_test(tc,
		test_sorting_puts_texts_that_follow_each_other_together);
	tcase_add_test(tc, test_scopes_are_sorted_and_keep_all_rows);
	tcase_add_test(tc, test_scope_of_an_endless_name_is_refused);
	tcase_add_test(tc, test_long_line_and_too_many_rows_are_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
