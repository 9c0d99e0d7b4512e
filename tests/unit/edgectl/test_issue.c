/*
 * Tests of edgectl/publish/issue.c, pool_ring.c, trust_store.c and
 * publish_conf.c: from topology.yaml to a bundle that an edge believes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/store/sql.h"
#include "edgectl/certmake.h"
#include "edgectl/publish/issue.h"
#include "edgectl/publish/pool_ring.h"
#include "edgectl/publish/publisher_priv.h"
#include "edgectl/publish/trust_store.h"

static char folder[64];
static struct publish_conf *conf;
static struct record *r;
static struct signing signing;
static struct bundle_trust trust;
static struct certmake_ca *ca;
static struct certmake_pem e1, e2;

static const char YAML[] =
	"lab: true\n"
	"domains: [example.test]\n"
	"edges:\n"
	"  edge.test:\n"
	"    next_hop: fe.test\n"
	"    access: {name: sip.test}\n"
	"    av: {name: av.test}\n"
	"    machines:\n"
	"      e1.test: {internal: 127.2.0.1, access: 127.3.0.1, av: "
	"127.4.0.1}\n"
	"      e2.test: {internal: 127.2.0.2, access: 127.3.0.2, av: "
	"127.4.0.2}\n"
	"servers:\n"
	"  fe.test: [sip, av-auth]\n"
	"  pub.test: [replication]\n";

static const char *path_of(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *to = fopen(path_of(name), "we");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	ck_assert_int_eq(chmod(path_of(name), mode), 0);
}

static void make_certificates(void)
{
	const char *pub[] = {"pub.test"}, *one[] = {"e1.test"},
		   *two[] = {"e2.test"};
	struct certmake_pem pem;

	ck_assert_int_eq(certmake_ca_new(&ca, "test", 2, NULL), 0);
	ck_assert_int_eq(certmake_ca_pem(ca, &pem, NULL), 0);
	write_file("ca.crt", pem.certificate, 0644);
	certmake_pem_free(&pem);
	ck_assert_int_eq(certmake_issue(ca, pub, 1, 2, &pem, NULL), 0);
	write_file("pub.crt", pem.certificate, 0644);
	write_file("pub.key", pem.key, 0600);
	certmake_pem_free(&pem);
	ck_assert_int_eq(certmake_issue(ca, one, 1, 2, &e1, NULL), 0);
	ck_assert_int_eq(certmake_issue(ca, two, 1, 2, &e2, NULL), 0);
}

static int parse(struct publish_conf **out, const char *more,
	struct why *why)
{
	char text[1500];

	snprintf(text, sizeof(text), "name: pub.test\n"
		"certificate: {chain: %s/pub.crt, key: %s/pub.key}\n"
		"trust: %s/ca.crt\nstate_dir: %s\n%s", folder, folder, folder,
		folder, more);
	return publish_conf_parse(out, "p.yaml", str_of(text), why);
}

static void make_key(void)
{
	struct bundle_key *key = NULL;
	struct bundle_signer signer;
	char *pem = NULL;

	ck_assert_int_eq(bundle_key_make(&key, NULL), 0);
	ck_assert_int_eq(bundle_key_pem(key, &pem, NULL), 0);
	write_file("signing.pem", pem, 0600);
	free(pem);
	bundle_key_signer(key, &signer);
	memset(&trust, 0, sizeof(trust));
	trust_store_uuid(trust.deployment);
	trust.serial = trust.threshold = 1;
	trust.key_count = 1;
	memcpy(trust.keys[0].public_key, signer.public_key, BUNDLE_KEY_LEN);
	bundle_key_id(signer.public_key, trust.keys[0].id);
	snprintf(trust.keys[0].name, sizeof(trust.keys[0].name), "one");
	bundle_key_free(key);
}

static void setup(void)
{
	struct why why = {""};

	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "/tmp/issue-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	make_certificates();
	make_key();
	ck_assert_msg(parse(&conf, "", &why) == 0, "%s", why.text);
	ck_assert_int_eq(record_open(&r, conf->driver, conf->record, &why), 0);
	ck_assert_int_eq(record_lock(r, "pub.test", &why), 0);
	ck_assert_int_eq(trust_store_first(r, &trust, &why), 0);
	ck_assert_msg(signing_open(&signing, conf, &why) == 0, "%s",
		why.text);
}

static void teardown(void)
{
	static const char *const FILES[] = {"ca.crt", "pub.crt", "pub.key",
		"signing.pem", "two.pem", "sign", "two.pub", "record.db",
		"record.db-wal", "record.db-shm", "record.db.lock"};

	signing_fini(&signing);
	record_close(r);
	publish_conf_free(conf);
	certmake_pem_free(&e1);
	certmake_pem_free(&e2);
	certmake_ca_free(ca);
	for (size_t i = 0; i < ARRAY_COUNT(FILES); i++)
		unlink(path_of(FILES[i]));
	rmdir(folder);
}

static int issue(const char *yaml, bool new_keys, json_t **outcome,
	struct why *why)
{
	const struct issue in = {.r = r, .conf = conf, .signing = &signing,
		.yaml = yaml, .who = "alice", .reason = "test",
		.options = "{}", .new_keys = new_keys};

	return issue_publication(&in, outcome, why);
}

static bool issue_ok(const char *yaml, bool new_keys)
{
	struct why why = {""};
	json_t *outcome = NULL;
	bool is_changed;
	int err = issue(yaml, new_keys, &outcome, &why);

	ck_assert_msg(err == 0, "%s", why.text);
	is_changed = json_is_true(json_object_get(outcome, "changed"));
	json_decref(outcome);
	return is_changed;
}

/* A machine was reached and showed this certificate. */
static void show(const char *fqdn, const char *pem)
{
	char state[] = "active", none[] = "";
	char copy[4096];
	struct record_replica row = {.state = state, .error = none,
		.status = none, .certificate = copy};

	snprintf(copy, sizeof(copy), "%s", pem);
	snprintf(row.fqdn, sizeof(row.fqdn), "%s", fqdn);
	snprintf(row.pool, sizeof(row.pool), "edge.test");
	ck_assert_int_eq(record_put_status(r, &row, NULL), 0);
}

/* The newest publication's rows; sqlite3_close(). */
static struct sqlite3 *newest(struct bundle *b,
	struct record_publication *p)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};

	ck_assert_int_eq(record_load(r, p, NULL), 0);
	ck_assert_msg(bundle_read(b, p->bundle, p->bundle_len, &why) == 0,
		"%s", why.text);
	ck_assert_msg(bundle_scratch(&db, b, &why) == 0, "%s", why.text);
	return db;
}

static void assert_newest(const char *sql, int64_t want)
{
	struct record_publication p;
	struct bundle b;
	struct sqlite3 *db = newest(&b, &p);
	int64_t got = -1;

	ck_assert_int_eq(sql_number(db, NULL, sql, -1, &got), 0);
	ck_assert_msg(got == want, "%s: %lld, not %lld", sql, (long long)got,
		(long long)want);
	sqlite3_close(db);
	bundle_fini(&b);
	record_publication_fini(&p);
}

static void set_done(void)
{
	struct record_publication p;

	ck_assert_int_eq(record_load(r, &p, NULL), 0);
	ck_assert_int_eq(record_put_state(r, p.version, "done", "", NULL), 0);
	record_publication_fini(&p);
}

START_TEST(test_publication_is_one_that_edges_believe)
{
	struct record_publication p;
	struct bundle b;
	struct sqlite3 *db;

	ck_assert(issue_ok(YAML, false));
	db = newest(&b, &p);
	ck_assert_int_eq(bundle_trust_verify(&trust, &b, NULL), 0);
	ck_assert_str_eq(b.manifest.publisher, "pub.test");
	ck_assert_str_eq(b.manifest.deployment, trust.deployment);
	ck_assert_uint_eq(b.manifest.version.serial, 1);
	sqlite3_close(db);
	bundle_fini(&b);
	record_publication_fini(&p);
	assert_newest("SELECT COUNT(*) FROM machine", 2);
}
END_TEST

/* 512 bytes fit, the last letter has two. */
START_TEST(test_reason_that_is_cut_within_a_letter_is_published)
{
	char reason[600];
	struct issue in = {.r = r, .conf = conf, .signing = &signing,
		.yaml = YAML, .who = "alice", .reason = reason,
		.options = "{}"};
	struct why why = {""};
	json_t *outcome = NULL;
	int err;

	memset(reason, 'x', 510);
	strcpy(reason + 510, "\u00fc\u00fc");
	err = issue_publication(&in, &outcome, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	json_decref(outcome);
}
END_TEST

START_TEST(test_same_content_is_not_published_again)
{
	char changed[2000];

	show("e1.test", e1.certificate);
	show("e2.test", e2.certificate);
	ck_assert(issue_ok(YAML, false));
	ck_assert(!issue_ok(YAML, false));
	snprintf(changed, sizeof(changed), "%spartners: {a.test: block}\n",
		YAML);
	ck_assert(issue_ok(changed, false));
	assert_newest("SELECT COUNT(*) FROM federated_domain", 1);
}
END_TEST

START_TEST(test_errors_and_a_lost_way_back_publish_nothing)
{
	struct why why = {""};
	struct record_publication p;
	json_t *outcome = NULL;
	char *shut = strdup(YAML);

	ck_assert_int_lt(issue("domains: [", false, &outcome, &why), 0);
	strstr(shut, "  pub.test")[0] = '\0';
	ck_assert_int_eq(issue(shut, false, &outcome, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "let this publisher in"));
	ck_assert_int_eq(record_load(r, &p, NULL), -ENOENT);
	free(shut);
}
END_TEST

START_TEST(test_too_few_signers_say_how_many_are_wanted)
{
	struct bundle_trust more = trust;
	struct why why = {""};
	json_t *outcome = NULL;

	more.serial = 2;
	more.threshold = 2;
	more.keys[1] = more.keys[0];
	more.keys[1].public_key[0] ^= 1;
	bundle_key_id(more.keys[1].public_key, more.keys[1].id);
	more.key_count = 2;
	ck_assert_int_eq(trust_store_next(r, 1, &trust, &more, &signing,
		"pub.test", &why), EDGE_ECONFIG);
	ck_assert_int_eq(trust_store_first(r, &more, NULL), 0);
	ck_assert_int_eq(issue(YAML, false, &outcome, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "edges want 2 signatures and "
					       "1 of our signers is"));
}
END_TEST

START_TEST(test_keys_are_rotated_by_the_old_and_the_new)
{
	struct bundle_trust next = trust;
	struct bundle_trust got;
	struct bundle_version version;
	struct bundle_bytes bytes = {NULL, 0, ""};
	struct bundle b;
	struct bundle_key *key = NULL;
	struct bundle_signer signer;
	struct why why = {""};
	char *pem = NULL;

	ck_assert_int_eq(bundle_key_make(&key, NULL), 0);
	ck_assert_int_eq(bundle_key_pem(key, &pem, NULL), 0);
	write_file("two.pem", pem, 0600);
	free(pem);
	bundle_key_signer(key, &signer);
	next.serial = 2;
	memcpy(next.keys[0].public_key, signer.public_key, BUNDLE_KEY_LEN);
	bundle_key_id(signer.public_key, next.keys[0].id);
	bundle_key_free(key);
	/* The new key alone is missing among the signers. */
	ck_assert_int_lt(trust_store_next(r, 1, &trust, &next, &signing, "p",
		&why), 0);
	ck_assert_int_eq(signing_add_file(&signing, path_of("two.pem"),
		&why), 0);
	ck_assert_msg(trust_store_next(r, 1, &trust, &next, &signing, "p",
		&why) == 0, "%s", why.text);
	ck_assert_int_eq(trust_store_bundle(r, 1, &bytes, &version,
		&why), 0);
	ck_assert_uint_eq(version.serial, 2);
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, &why), 0);
	ck_assert_int_eq(bundle_trust_follow(&trust, &b, &got, &why), 0);
	ck_assert_uint_eq(got.serial, 2);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
	ck_assert_int_eq(trust_store_bundle(r, 2, &bytes, &version,
		&why), -ENOENT);
}
END_TEST

START_TEST(test_key_file_that_others_read_is_refused)
{
	struct signing s = {.count = 0};
	struct why why = {""};

	ck_assert_int_eq(chmod(path_of("signing.pem"), 0640), 0);
	ck_assert_int_eq(signing_open(&s, conf, &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "others may read it"));
	signing_fini(&s);
}
END_TEST

/* A card, an HSM: 47 bytes in, 64 bytes out. */
START_TEST(test_command_signs_its_standard_input)
{
	struct publish_conf *other = NULL;
	struct signing s = {.count = 0};
	struct why why = {""};
	uint8_t input[BUNDLE_INPUT_LEN] = "edge-bundle-v1";
	uint8_t out[BUNDLE_SIGNATURE_LEN];
	char script[600];
	char more[400];

	snprintf(script, sizeof(script), "#!/bin/sh\nt=$(mktemp) || exit 1\n"
		"cat >$t\nopenssl pkeyutl -sign -rawin -in $t -inkey %s\n"
		"s=$?\nrm -f $t\nexit $s\n", path_of("signing.pem"));
	write_file("sign", script, 0700);
	snprintf(more, sizeof(more), "signing: [{command: [%s], public: %s}]",
		path_of("sign"), path_of("signing.pem"));
	ck_assert_msg(parse(&other, more, &why) == 0, "%s", why.text);
	ck_assert_msg(signing_open(&s, other, &why) == 0, "%s", why.text);
	ck_assert_msg(s.signers[0].sign(s.signers[0].arg, input, out, &why) ==
		0, "%s", why.text);
	ck_assert_int_eq(bundle_key_verify(trust.keys[0].public_key, input,
		out), 0);
	/* One that says something else is no signature. */
	write_file("sign", "#!/bin/sh\ncat >/dev/null\necho no\n", 0700);
	ck_assert_int_eq(s.signers[0].sign(s.signers[0].arg, input, out,
		&why), EDGE_EREFUSED);
	/* Nor is one that has nothing to say and stays for ever. */
	write_file("sign", "#!/bin/sh\nexec >&-\nexec sleep 600\n", 0700);
	ck_assert_int_eq(s.signers[0].sign(s.signers[0].arg, input, out,
		&why), EDGE_EREFUSED);
	write_file("sign", "#!/bin/sh\nexit 1\n", 0700);
	ck_assert_int_lt(s.signers[0].sign(s.signers[0].arg, input, out,
		&why), 0);
	signing_fini(&s);
	publish_conf_free(other);
}
END_TEST

START_TEST(test_pool_keys_are_sealed_to_each_machine_that_was_seen)
{
	ck_assert(issue_ok(YAML, false));
	assert_newest("SELECT COUNT(*) FROM sealed_key", 0);
	show("e1.test", e1.certificate);
	ck_assert(issue_ok(YAML, false));
	assert_newest("SELECT COUNT(*) FROM sealed_key", 2);
	show("e2.test", e2.certificate);
	ck_assert(issue_ok(YAML, false));
	assert_newest("SELECT COUNT(*) FROM sealed_key WHERE role='current'",
		4);
}
END_TEST

/* Believed by all first, used by one only then; the old one stays a while. */
START_TEST(test_rotation_introduces_uses_and_retires)
{
	static const char ROLE[] = "SELECT COUNT(*) FROM sealed_key WHERE"
		" purpose='av' AND key_id=%d AND role='%s'";
	const struct record_value past[] = {record_int(1)};
	char sql[200];

	show("e1.test", e1.certificate);
	show("e2.test", e2.certificate);
	ck_assert(issue_ok(YAML, false));
	ck_assert(issue_ok(YAML, true));
	snprintf(sql, sizeof(sql), ROLE, 2, "previous"); /* next */
	assert_newest(sql, 2);
	ck_assert(!issue_ok(YAML, false)); /* not everywhere yet */
	set_done();
	ck_assert(issue_ok(YAML, false));
	snprintf(sql, sizeof(sql), ROLE, 2, "current");
	assert_newest(sql, 2);
	snprintf(sql, sizeof(sql), ROLE, 1, "previous");
	assert_newest(sql, 2);
	ck_assert_int_eq(record_run(r, "UPDATE pool_key SET since=$1"
		" WHERE stage='old'", past, 1, NULL, NULL), 0);
	ck_assert(issue_ok(YAML, false));
	assert_newest("SELECT COUNT(*) FROM sealed_key WHERE key_id=1", 0);
}
END_TEST

START_TEST(test_new_certificate_key_of_a_machine_is_due)
{
	struct record_publication p;
	struct bundle b;
	struct sqlite3 *db;
	char reason[200];

	show("e1.test", e1.certificate);
	show("e2.test", e2.certificate);
	ck_assert(issue_ok(YAML, false));
	db = newest(&b, &p);
	ck_assert_int_eq(pool_ring_due(r, conf, db, true, reason,
		sizeof(reason), NULL), 0);
	ck_assert_str_eq(reason, "");
	show("e1.test", e2.certificate); /* another key */
	ck_assert_int_eq(pool_ring_due(r, conf, db, true, reason,
		sizeof(reason), NULL), 0);
	ck_assert_str_eq(reason, "keys for the certificate of e1.test");
	sqlite3_close(db);
	bundle_fini(&b);
	record_publication_fini(&p);
	ck_assert(issue_ok(YAML, false));
}
END_TEST

static size_t resident_kb(void)
{
	size_t pages = 0;
	size_t resident = 0;
	FILE *from = fopen("/proc/self/statm", "re");

	ck_assert_int_eq(fscanf(from, "%zu %zu", &pages, &resident), 2);
	fclose(from);
	return resident * 4;
}

/* Requirement R21: 1,000 publications leave the heap as it was. */
START_TEST(test_R21_thousand_publications_leave_no_memory)
{
	const struct issue in = {.r = r, .conf = conf, .signing = &signing,
		.yaml = YAML, .who = "alice", .reason = "test",
		.options = "{}", .force = true};
	size_t before = 0;

	for (int i = 0; i < 1000; i++) {
		json_t *outcome = NULL;

		ck_assert_int_eq(issue_publication(&in, &outcome, NULL), 0);
		json_decref(outcome);
		if (i == 300)
			before = resident_kb();
	}
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_uint_lt(resident_kb(), before + 256);
#else
	ck_assert_uint_gt(before, 0);
#endif
}
END_TEST

START_TEST(test_S16_password_in_the_record_is_refused)
{
	static const char *const BAD[] = {
		"record: {postgres: \"host=db password=secret\"}",
		"record: {postgres: \"postgresql://user:secret@db/x\"}"};
	struct publish_conf *other = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		struct why why = {""};

		ck_assert_int_eq(parse(&other, BAD[i], &why), EDGE_ECONFIG);
		ck_assert_ptr_nonnull(strstr(why.text, "no password here"));
		ck_assert_ptr_null(strstr(why.text, "secret"));
	}
	ck_assert_int_eq(parse(&other,
		"record: {postgres: \"postgresql://user@db/x\"}", NULL), 0);
	publish_conf_free(other);
}
END_TEST

/* Requirement R8: what can't be read is fatal at the start, with its file. */
START_TEST(test_R8_certificate_that_cannot_be_read_ends_the_start)
{
	struct publisher *p = NULL;
	struct why why = {""};

	unlink(path_of("pub.key"));
	ck_assert_int_lt(publisher_new(&p, conf, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "pub.key"));
}
END_TEST

/* Requirement R6: a key that means nothing is told, with what it may be. */
START_TEST(test_R6_unknown_settings_are_told_with_line_and_nearest_name)
{
	struct publish_conf *other = NULL;
	struct why why = {""};

	ck_assert_int_eq(parse(&other, "hould: 5s", &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "p.yaml:5:1"));
	ck_assert_ptr_nonnull(strstr(why.text, "hold"));
	ck_assert_int_eq(parse(&other, "hold: 9x", &why), EDGE_ECONFIG);
	ck_assert_int_eq(parse(&other, "confirm: 0s", &why), EDGE_ECONFIG);
	ck_assert_int_eq(parse(&other, "hold: 2h", NULL), 0);
	ck_assert_uint_eq(other->hold_s, 7200);
	publish_conf_free(other);
}
END_TEST

static enum rollout_event judge(const char *status, char text[400])
{
	json_t *o = json_loads(status, 0, NULL);
	enum rollout_event event = publisher_judge(o,
		(struct bundle_version){2, 7}, text, 400);

	json_decref(o);
	return event;
}

START_TEST(test_status_of_an_agent_is_judged)
{
	char text[400];

	ck_assert_int_eq(judge("{\"current\":{\"epoch\":2,\"serial\":7}}",
		text), ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":2,\"serial\":6},"
		"\"last_error\":{\"text\":\"no\"}}", text),
		ROLLOUT_IS_BEHIND);
	ck_assert_str_eq(text, "no");
	ck_assert_int_eq(judge("{\"current\":null,\"pinned\":true}", text),
		ROLLOUT_IS_PINNED);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":3,\"serial\":1},"
		"\"highest_seen\":{\"epoch\":3,\"serial\":1}}", text),
		ROLLOUT_SAYS_NO);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":2,\"serial\":7},"
		"\"daemons\":[{\"name\":\"av-edge\",\"state\":\"serving\","
		"\"version_running\":\"00000002-0000000000000006\"}]}",
		text), ROLLOUT_IS_BEHIND);
	ck_assert_ptr_nonnull(strstr(text, "av-edge"));
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":2,\"serial\":7},"
		"\"daemons\":[{\"name\":\"av-edge\",\"state\":"
		"\"not running\",\"version_running\":\"\"}]}", text),
		ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(judge("[1]", text), ROLLOUT_IS_AWAY);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":-1,\"serial\":7}}",
		text), ROLLOUT_IS_BEHIND);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("issue");
	TCase *t = tcase_create("issue");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_publication_is_one_that_edges_believe);
	tcase_add_test(t,
		test_reason_that_is_cut_within_a_letter_is_published);
	tcase_add_test(t, test_same_content_is_not_published_again);
	tcase_add_test(t, test_errors_and_a_lost_way_back_publish_nothing);
	tcase_add_test(t, test_too_few_signers_say_how_many_are_wanted);
	tcase_add_test(t, test_keys_are_rotated_by_the_old_and_the_new);
	tcase_add_test(t, test_key_file_that_others_read_is_refused);
	tcase_add_test(t, test_command_signs_its_standard_input);
	tcase_add_test(t,
		test_pool_keys_are_sealed_to_each_machine_that_was_seen);
	tcase_add_test(t, test_rotation_introduces_uses_and_retires);
	tcase_add_test(t, test_new_certificate_key_of_a_machine_is_due);
	tcase_add_test(t, test_R21_thousand_publications_leave_no_memory);
	tcase_add_test(t, test_S16_password_in_the_record_is_refused);
	tcase_add_test(t,
		test_R8_certificate_that_cannot_be_read_ends_the_start);
	tcase_add_test(t,
		test_R6_unknown_settings_are_told_with_line_and_nearest_name);
	tcase_add_test(t, test_status_of_an_agent_is_judged);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as edgectl's main() */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
