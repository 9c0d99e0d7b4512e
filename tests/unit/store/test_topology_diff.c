/* Tests of common/store/topology_diff.c. */
#include "samples.h"

#include "common/store/topology_diff.h"

/* The difference as lines of "+path=value", "-path=value", "~path=a>b". */
static char *diff_of(const char *before, const char *after)
{
	struct sqlite3 *a = before != NULL ? sample_db(before) : NULL;
	struct sqlite3 *b = sample_db(after);
	struct topology_diff d;
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	ck_assert_int_eq(topology_diff(&d, a, b, NULL), 0);
	for (size_t i = 0; i < d.count; i++) {
		const struct topology_change *c = &d.rows[i];

		if (c->kind == TOPOLOGY_ADDED)
			fprintf(to, "+%s=%s\n", c->path, c->is);
		else if (c->kind == TOPOLOGY_REMOVED)
			fprintf(to, "-%s=%s\n", c->path, c->was);
		else
			fprintf(to, "~%s=%s>%s\n", c->path, c->was, c->is);
	}
	topology_diff_fini(&d);
	fclose(to);
	sqlite3_close(a);
	sqlite3_close(b);
	return out;
}

static void assert_diff(const char *before, const char *after,
	const char *want)
{
	char *got = diff_of(before, after);

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_same_content_gives_no_difference)
{
	assert_diff(SAMPLE, SAMPLE, "");
	/* Another order, defaults written out: still the same. */
	assert_diff(SAMPLE_HEAD SAMPLE_SERVERS,
		"servers:\n"
		"  cms.int.contoso.test: [replication]\n"
		"  FE.int.contoso.test: [webconf, sip, av-auth]\n"
		"lab: false\n" SAMPLE_HEAD,
		"");
}
END_TEST

START_TEST(test_entries_are_added_removed_and_changed)
{
	assert_diff(SAMPLE_HEAD SAMPLE_SERVERS,
		SAMPLE_HEAD "servers:\n"
			    "  fe.int.contoso.test: [sip]\n"
			    "  fe2.int.contoso.test: [sip, av-auth]\n"
			    "settings: {av-edge: {nonce_lifetime: 5m}}\n",
		"-servers / cms.int.contoso.test=[replication]\n"
		"~servers / fe.int.contoso.test=[sip, av-auth, webconf]>"
		"[sip]\n"
		"+servers / fe2.int.contoso.test=[sip, av-auth]\n"
		"+settings / av-edge / nonce_lifetime=5m\n");
}
END_TEST

START_TEST(test_without_a_before_all_is_added)
{
	char *got = diff_of(NULL, SAMPLE);

	ck_assert_ptr_nonnull(strstr(got, "+domains=[contoso.test]\n"));
	ck_assert_ptr_null(strstr(got, "\n-"));
	ck_assert_ptr_null(strstr(got, "\n~"));
	free(got);
}
END_TEST

START_TEST(test_kinds_have_names)
{
	ck_assert_str_eq(topology_change_name(TOPOLOGY_ADDED), "added");
	ck_assert_str_eq(topology_change_name(TOPOLOGY_CHANGED), "changed");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology_diff");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_same_content_gives_no_difference);
	tcase_add_test(tc, test_entries_are_added_removed_and_changed);
	tcase_add_test(tc, test_without_a_before_all_is_added);
	tcase_add_test(tc, test_kinds_have_names);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
