/*
 * Tests of edgectl/publish/record*.c. On sqlite; with RECORD_POSTGRES in the
 * environment (what libpq takes) the same on PostgreSQL, see
 * tests/net/441-postgres.sh.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/publish/record.h"
#include "edgectl/publish/request.h"

static char folder[64];
static char where[256];
static const struct record_driver *driver;

static struct record *open_one(void)
{
	struct record *r = NULL;
	struct why why = {""};
	int err = record_open(&r, driver, where, &why);

	ck_assert_msg(err == 0, "%s", why.text);
	return r;
}

static void setup(void)
{
	const char *server = getenv("RECORD_POSTGRES");
	static const char *const TABLES[] = {"publication", "replica",
		"trust", "pool_key", "envelope", "request", "publisher"};
	struct record *r;
	char sql[80];

	snprintf(folder, sizeof(folder), "/tmp/record-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	driver = server != NULL ? &RECORD_POSTGRES : &RECORD_SQLITE;
	snprintf(where, sizeof(where), "%s%s",
		server != NULL ? server : folder,
		server != NULL ? "" : "/record.db");
	r = open_one();
	for (size_t i = 0; i < ARRAY_COUNT(TABLES); i++) {
		snprintf(sql, sizeof(sql), "%s %s", "DELETE FROM", TABLES[i]);
		ck_assert_int_eq(record_run(r, sql, NULL, 0, NULL, NULL), 0);
	}
	record_close(r);
}

static void teardown(void)
{
	static const char *const FILES[] = {"record.db", "record.db-wal",
		"record.db-shm", "record.db.lock"};
	char path[256];

	for (size_t i = 0; i < ARRAY_COUNT(FILES); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, FILES[i]);
		unlink(path);
	}
	rmdir(folder);
}

static bool is_postgres(void)
{
	return driver == &RECORD_POSTGRES;
}

static int put_of(struct record *r, uint64_t serial, const char *topology,
	const char *content)
{
	static char yaml[40], who[] = "alice", reason[] = "why",
		    options[] = "{}", state[] = "rolling", note[] = "";
	struct record_publication p = {
		.version = {record_epoch(r), serial},
		.created = {1700000000},
		.yaml = yaml,
		.who = who,
		.reason = reason,
		.options = options,
		.state = state,
		.note = note,
	};
	char copy[200];

	snprintf(yaml, sizeof(yaml), "%s", topology);
	snprintf(copy, sizeof(copy), "%s", content);
	snprintf(p.sha256, sizeof(p.sha256), "sha-%d", (int)serial);
	snprintf(p.raw_sha256, sizeof(p.raw_sha256), "raw-%d", (int)serial);
	p.bundle = (uint8_t *)copy;
	p.bundle_len = strlen(copy) + 1; /* its NUL is a byte, too */
	return record_put_bundle(r, &p, NULL);
}

static int put(struct record *r, uint64_t serial, const char *content)
{
	return put_of(r, serial, "domains: [x]", content);
}

START_TEST(test_second_opening_finds_the_tables_there)
{
	struct record *a = open_one();
	struct record *b = open_one();
	char *value = NULL;

	ck_assert_int_eq(record_set(a, "k", "it's \"v\"", NULL), 0);
	ck_assert_int_eq(record_get(b, "k", &value, NULL), 0);
	ck_assert_str_eq(value, "it's \"v\"");
	free(value);
	record_close(a);
	record_close(b);
}
END_TEST

START_TEST(test_one_office_that_ends_with_its_holder)
{
	struct record *a = open_one();
	struct record *b = open_one();
	uint32_t first;
	char *name = NULL;
	uint32_t epoch = 0;

	ck_assert_int_eq(record_lock(a, "a.test", NULL), 0);
	first = record_epoch(a);
	ck_assert_uint_gt(first, 0);
	ck_assert_int_eq(record_lock(b, "b.test", NULL), EDGE_EBUSY);
	ck_assert_uint_eq(record_epoch(b), 0);
	record_close(a);
	/* The server notices a moment later. */
	for (int i = 0; i < 100 && record_epoch(b) == 0; i++)
		if (record_lock(b, "b.test", NULL) < 0)
			usleep(20000);
	if (is_postgres())
		ck_assert_uint_gt(record_epoch(b), first);
	ck_assert_int_eq(record_leader(b, &name, &epoch, NULL), 0);
	ck_assert_str_eq(name, "b.test");
	ck_assert_uint_eq(epoch, record_epoch(b));
	free(name);
	record_close(b);
}
END_TEST

START_TEST(test_publications_come_back_byte_for_byte)
{
	struct record *r = open_one();
	struct record_publication p = {.bundle = NULL};
	uint64_t serial = 0;

	ck_assert_int_eq(record_load(r, &p, NULL), -ENOENT);
	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_int_eq(record_next_serial(r, &serial, NULL), 0);
	ck_assert_uint_eq(serial, 1);
	ck_assert_int_eq(put(r, 1, "one\x01\xff"), 0);
	ck_assert_int_eq(put(r, 2, "two"), 0);
	ck_assert_int_lt(put(r, 2, "other"), 0);
	ck_assert_int_eq(record_load(r, &p, NULL), 0);
	ck_assert_uint_eq(p.version.serial, 2);
	ck_assert_str_eq(p.sha256, "sha-2");
	ck_assert_str_eq(p.yaml, "domains: [x]");
	record_publication_fini(&p);
	ck_assert_int_eq(record_find(r, (struct bundle_version){
		record_epoch(r), 1}, &p, NULL), 0);
	ck_assert_uint_eq(p.bundle_len, 6);
	ck_assert_mem_eq(p.bundle, "one\x01\xff", 6);
	record_publication_fini(&p);
	ck_assert_int_eq(record_next_serial(r, &serial, NULL), 0);
	ck_assert_uint_eq(serial, 3);
	record_close(r);
}
END_TEST

/* A publisher that lost the office without noticing puts nothing:
 * the fence of the replication protocol. */
START_TEST(test_publication_under_a_past_epoch_is_refused)
{
	struct record *a = open_one();
	struct record *b = open_one();

	ck_assert_int_eq(record_lock(a, "a", NULL), 0);
	ck_assert_int_eq(put(a, 1, "one"), 0);
	/* As if b had been elected in a split: the epoch is b's. */
	ck_assert_int_eq(record_set(b, "epoch", "4000000000", NULL), 0);
	ck_assert_int_eq(put(a, 2, "two"), EDGE_EREFUSED);
	record_close(a);
	ck_assert_int_eq(record_set(b, "epoch", "1", NULL), 0);
	record_close(b);
}
END_TEST

START_TEST(test_history_is_newest_first_across_epochs)
{
	struct record *r = open_one();
	struct record_publication *list = NULL;
	size_t count = 0;

	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	for (uint64_t i = 1; i <= 5; i++)
		ck_assert_int_eq(put(r, i, "x"), 0);
	ck_assert_int_eq(record_history(r, 3, &list, &count, NULL), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(list[0].version.serial, 5);
	ck_assert_ptr_null(list[0].bundle);
	for (size_t i = 0; i < count; i++)
		record_publication_fini(&list[i]);
	free(list);
	record_close(r);
}
END_TEST

START_TEST(test_before_the_newest_is_another_topology_not_other_keys)
{
	struct record *r = open_one();
	struct record_publication p = {.bundle = NULL};

	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_int_eq(put_of(r, 1, "domains: [older]", "x"), 0);
	ck_assert_int_eq(put_of(r, 2, "domains: [good]", "x"), 0);
	ck_assert_int_eq(put_of(r, 3, "domains: [bad]", "x"), 0);
	ck_assert_int_eq(put_of(r, 4, "domains: [bad]", "new keys"), 0);
	ck_assert_int_eq(record_before(r, &p, NULL), 0);
	ck_assert_uint_eq(p.version.serial, 2);
	ck_assert_str_eq(p.yaml, "domains: [good]");
	record_publication_fini(&p);
	record_close(r);
}
END_TEST

START_TEST(test_there_is_nothing_before_the_first)
{
	struct record *r = open_one();
	struct record_publication p = {.bundle = NULL};
	struct why why = {""};

	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_int_eq(record_before(r, &p, &why), -ENOENT);
	ck_assert_int_eq(put(r, 1, "x"), 0);
	ck_assert_int_eq(put(r, 2, "new keys"), 0);
	ck_assert_int_eq(record_before(r, &p, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "no earlier topology"));
	record_close(r);
}
END_TEST

START_TEST(test_what_was_under_way_is_superseded_by_the_next)
{
	static const char *const STATES[] = {"rolling", "superseded", "done",
		"stopped"};
	struct record *r = open_one();
	struct record_publication *list = NULL;
	size_t count = 0;

	ck_assert_int_eq(record_lock(r, "a.test", NULL), 0);
	for (uint64_t serial = 1; serial <= 4; serial++) {
		const struct bundle_version v = {record_epoch(r), serial};

		ck_assert_int_eq(put(r, serial, "x"), 0);
		if (serial < 3)
			ck_assert_int_eq(record_put_state(r, v,
				STATES[4 - serial], "note", NULL), 0);
	}
	ck_assert_int_eq(record_history(r, 9, &list, &count, NULL), 0);
	ck_assert_uint_eq(count, 4);
	for (size_t i = 0; i < count; i++) {
		ck_assert_str_eq(list[i].state, STATES[i]);
		record_publication_fini(&list[i]);
	}
	free(list);
	record_close(r);
}
END_TEST

START_TEST(test_edges_are_kept_replaced_and_dropped)
{
	struct record *r = open_one();
	char state[] = "active", error[] = "", status[] = "{\"a\":1}",
	     certificate[] = "-----BEGIN\nx\n";
	struct record_replica row = {.fqdn = "e.test", .pool = "p.test",
		.last_report = {5}, .behind_since = {7}, .failures = 3,
		.state = state, .error = error, .status = status,
		.certificate = certificate};
	struct record_replica *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(record_put_status(r, &row, NULL), 0);
	row.failures = 4;
	ck_assert_int_eq(record_put_status(r, &row, NULL), 0);
	ck_assert_int_eq(record_list_replicas(r, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(rows[0].failures, 4);
	ck_assert_int_eq(rows[0].behind_since.s, 7);
	ck_assert_str_eq(rows[0].certificate, certificate);
	record_replicas_free(rows, count);
	ck_assert_int_eq(record_drop_replica(r, "e.test", NULL), 0);
	ck_assert_int_eq(record_list_replicas(r, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 0);
	record_replicas_free(rows, count);
	record_close(r);
}
END_TEST

START_TEST(test_orders_are_answered_once_and_in_order)
{
	struct record *a = open_one();
	struct record *b = open_one();
	json_t *body = json_pack("{s:s}", "yaml", "x: y");
	json_t *result = NULL;
	struct request_row q;
	int64_t first = 0;
	int64_t other = 0;

	ck_assert_int_eq(request_next(b, &q, NULL), 0);
	ck_assert_int_eq(request_put(a, "publish", "alice", body, &first,
		NULL), 0);
	ck_assert_int_eq(request_put(a, "stop", "bob", body, &other, NULL), 0);
	ck_assert_int_eq(request_withdraw(a, other, NULL), 0);
	ck_assert_int_eq(request_next(b, &q, NULL), 1);
	ck_assert(q.id == first);
	ck_assert_str_eq(q.kind, "publish");
	ck_assert_str_eq(q.who, "alice");
	ck_assert(json_equal(q.body, body));
	json_decref(q.body);
	ck_assert_int_eq(request_result(a, first, &result, NULL), 0);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(request_answer(b, first, body, NULL), 0);
	ck_assert_int_eq(request_next(b, &q, NULL), 0);
	ck_assert_int_eq(request_result(a, first, &result, NULL), 0);
	ck_assert(json_equal(result, body));
	json_decref(result);
	json_decref(body);
	record_close(a);
	record_close(b);
}
END_TEST

START_TEST(test_news_of_others_wakes_a_waiting_one)
{
	struct record *a = open_one();
	struct record *b = open_one();
	int news = 0;

	(void)!record_poll(a); /* what was before */
	ck_assert_int_eq(record_poll(a), 0);
	ck_assert_int_eq(record_set(b, "k", "news", NULL), 0);
	ck_assert_int_eq(record_notify(b, NULL), 0);
	for (int i = 0; i < 100 && news == 0; i++) {
		usleep(20000);
		news = record_poll(a);
	}
	ck_assert_int_eq(news, 1);
	ck_assert_int_eq(record_poll(a), 0);
	record_close(a);
	record_close(b);
}
END_TEST

START_TEST(test_epoch_of_a_file_is_raised_by_hand_only)
{
	struct record *r = open_one();
	struct why why = {""};
	uint32_t raised = 0;
	uint32_t epoch;

	if (is_postgres()) {
		record_close(r);
		return;
	}
	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	epoch = record_epoch(r);
	record_close(r);
	r = open_one();
	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_uint_eq(record_epoch(r), epoch);
	record_close(r);
	r = open_one();
	ck_assert_int_eq(record_raise_epoch(r, 0, &raised, &why), 0);
	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_uint_eq(record_epoch(r), epoch + 1);
	ck_assert_uint_eq(raised, epoch + 1);
	record_close(r);
}
END_TEST

/* After a thief, or a database from a backup: see the operator's page. */
START_TEST(test_epoch_is_raised_above_what_edges_have_seen)
{
	struct record *r = open_one();
	struct why why = {""};
	uint32_t raised = 0;
	uint32_t next = 0;

	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_int_eq(record_raise_epoch(r, 7000, &raised, NULL), 0);
	ck_assert_uint_eq(raised, 7001);
	ck_assert_int_eq(record_check_office(r, NULL), EDGE_EREFUSED);
	ck_assert_int_eq(record_lock(r, "a", NULL), 0);
	ck_assert_uint_ge(record_epoch(r), raised);
	ck_assert_int_eq(put(r, 1, "x"), 0);
	/* What edges have seen is no reason to go back. */
	ck_assert_int_eq(record_raise_epoch(r, 5, &next, NULL), 0);
	ck_assert_uint_gt(next, raised);
	ck_assert_int_eq(record_raise_epoch(r, UINT32_MAX, &next, &why),
		EDGE_ETOOBIG);
	ck_assert_ptr_nonnull(strstr(why.text, "stolen"));
	record_close(r);
}
END_TEST

/* The fence: who is in office while somebody raises the epoch puts
 * nothing more under the old one, notices, and can take over anew. */
START_TEST(test_office_learns_that_its_epoch_was_raised)
{
	struct record *a = open_one();
	struct record *b = open_one();
	struct why why = {""};
	uint32_t epoch = 0;
	uint32_t old;

	ck_assert_int_eq(record_lock(a, "a", NULL), 0);
	old = record_epoch(a);
	ck_assert_int_eq(record_check_office(a, &why), 0);
	ck_assert_uint_eq(record_epoch(a), old);
	ck_assert_int_eq(record_raise_epoch(b, 0, &epoch, NULL), 0);
	ck_assert_int_eq(put(a, 1, "late"), EDGE_EREFUSED);
	ck_assert_uint_eq(record_epoch(a), 0);
	ck_assert_int_eq(record_lock(a, "a", NULL), 0);
	ck_assert_uint_gt(record_epoch(a), old);
	ck_assert_uint_ge(record_epoch(a), epoch);
	ck_assert_int_eq(record_raise_epoch(b, 0, &epoch, NULL), 0);
	ck_assert_int_eq(record_check_office(a, &why), EDGE_EREFUSED);
	ck_assert_msg(strstr(why.text, "went from") != NULL, "%s", why.text);
	ck_assert_uint_eq(record_epoch(a), 0);
	ck_assert_int_eq(record_lock(a, "a", NULL), 0);
	ck_assert_int_eq(put(a, 1, "in time"), 0);
	record_close(a);
	record_close(b);
}
END_TEST

#define PROCESSES 4
#define RAISES	  25

/* One of several: raises, or takes the office when it is free. */
static int child(bool does_raise)
{
	struct why why = {""};
	uint32_t last = 0;

	for (int i = 0; i < RAISES; i++) {
		struct record *r = NULL;
		uint32_t epoch = 0;
		int err = record_open(&r, driver, where, &why);

		if (err == 0 && does_raise)
			err = record_raise_epoch(r, 0, &epoch, &why);
		else if (err == 0)
			err = record_lock(r, "child", &why);
		if (err == EDGE_EBUSY)
			err = 0;
		if (err == 0 && does_raise && epoch <= last)
			err = why_set(&why, EDGE_EDATABASE, "%u after %u",
				epoch, last);
		last = epoch;
		record_close(r);
		if (err < 0) {
			fprintf(stderr, "round %d: %s\n", i, why.text);
			return 1;
		}
	}
	return 0;
}

START_TEST(test_no_epoch_is_lost_among_processes)
{
	struct record *r = open_one();
	uint32_t before = 0;
	uint32_t after = 0;
	char *name = NULL;
	pid_t pids[PROCESSES];
	int status;

	if (is_postgres()) {
		record_close(r);
		return; /* a sequence counts there */
	}
	ck_assert_int_eq(record_leader(r, &name, &before, NULL), 0);
	free(name);
	record_close(r);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			_exit(child(i % 2 == 0));
	}
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	r = open_one();
	ck_assert_int_eq(record_leader(r, &name, &after, NULL), 0);
	free(name);
	ck_assert_uint_eq(after, before + RAISES * PROCESSES / 2);
	record_close(r);
}
END_TEST

/* Keys of pools lie in it, sealed; all the same it is nobody's to read. */
START_TEST(test_S18_record_is_readable_by_its_owner_alone)
{
	struct stat st;

	if (is_postgres())
		return; /* its rights are PostgreSQL's */
	ck_assert_int_eq(stat(where, &st), 0);
	ck_assert_uint_eq(st.st_mode & 077, 0);
}
END_TEST

/* The folder is the publisher's, and root's commands work in it. */
START_TEST(test_S18_link_in_a_folder_of_others_leads_root_nowhere)
{
	struct record *r = NULL;
	struct why why = {""};
	char target[256];
	struct stat st;

	if (is_postgres() || geteuid() != 0)
		return;
	snprintf(target, sizeof(target), "%s.elsewhere", folder);
	teardown(); /* the record; the folder is made again */
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	ck_assert_int_eq(symlink(target, where), 0);
	ck_assert_int_eq(chown(folder, 4711, 4711), 0);
	ck_assert_int_lt(record_open(&r, driver, where, &why), 0);
	ck_assert_int_lt(stat(target, &st), 0);
	ck_assert_int_eq(unlink(where), 0);
	ck_assert_int_eq(record_open(&r, driver, where, &why), 0);
	record_close(r);
	ck_assert_int_eq(stat(where, &st), 0);
	ck_assert_uint_eq(st.st_uid, 4711);
}
END_TEST

START_TEST(test_record_that_is_not_there_says_why)
{
	struct record *r = NULL;
	struct why why = {""};
	int err = is_postgres() ?
		record_open(&r, driver, "host=/nonexistent", &why) :
		record_open(&r, driver, "/nonexistent/record.db", &why);

	ck_assert_int_lt(err, 0);
	ck_assert_msg(strlen(why.text) > 10, "%s", why.text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_second_opening_finds_the_tables_there);
	tcase_add_test(t, test_one_office_that_ends_with_its_holder);
	tcase_add_test(t, test_publications_come_back_byte_for_byte);
	tcase_add_test(t, test_publication_under_a_past_epoch_is_refused);
	tcase_add_test(t, test_history_is_newest_first_across_epochs);
	tcase_add_test(t,
		test_before_the_newest_is_another_topology_not_other_keys);
	tcase_add_test(t, test_there_is_nothing_before_the_first);
	tcase_add_test(t,
		test_what_was_under_way_is_superseded_by_the_next);
	tcase_add_test(t, test_edges_are_kept_replaced_and_dropped);
	tcase_add_test(t, test_orders_are_answered_once_and_in_order);
	tcase_add_test(t, test_news_of_others_wakes_a_waiting_one);
	tcase_add_test(t, test_epoch_of_a_file_is_raised_by_hand_only);
	tcase_add_test(t, test_office_learns_that_its_epoch_was_raised);
	tcase_add_test(t,
		test_epoch_is_raised_above_what_edges_have_seen);
	tcase_add_test(t, test_no_epoch_is_lost_among_processes);
	tcase_add_test(t, test_S18_record_is_readable_by_its_owner_alone);
	tcase_add_test(t,
		test_S18_link_in_a_folder_of_others_leads_root_nowhere);
	tcase_add_test(t, test_record_that_is_not_there_says_why);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
