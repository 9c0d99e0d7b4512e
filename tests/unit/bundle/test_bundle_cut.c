/* Tests of common/bundle/bundle_cut.c and bundle_part.c: who gets which rows,
 * that they are those of the whole, and that nothing else is taken. */
#include <errno.h>

#include "bundles.h"
#include "common/base/buf.h"
#include "common/bundle/bundle_cut.h"
#include "common/bundle/bundle_layout.h"
#include "common/store/generation.h"
#include "common/store/topology_check.h"

/* Three pools at two sites, settings of every scope, a partner of all. */
#define POOL(name, site, n)                                                 \
	"  " name ".int.test:\n"                                            \
	"    site: " site "\n"                                              \
	"    next_hop: fe.int.test\n"                                       \
	"    access: {name: sip" n ".test.example}\n"                       \
	"    av: {name: av" n ".test.example}\n"                            \
	"    machines:\n"                                                   \
	"      " name "a.int.test: {internal: 10.0." n ".1, access: "       \
	"198.51.100." n ", av: 203.0.113." n "}\n"
#define FLEET                                                               \
	"domains: [test.example]\n"                                         \
	"edges:\n" POOL("north", "Oslo", "1") POOL("south", "Rome", "2")    \
	POOL("east", "Rome", "3")                                           \
	"servers:\n"                                                        \
	"  fe.int.test: [sip, av-auth, webconf]\n"                          \
	"  cms.int.test: [replication]\n"                                   \
	"partners: {fabrikam.test: {edge: sip.fabrikam.test}}\n"            \
	"settings: {access-edge: {allow_federated_users: true}}\n"

static struct sqlite3 *db;
static struct bundle_bytes whole_bytes;
static struct bundle whole;
static struct bundle_cut *cut;
static struct bundle_key *signing_key;

static void run(const char *sql)
{
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
		"%s", sqlite3_errmsg(db));
}

/* Sign what db holds, and cut it. */
static void publish(void)
{
	struct bundle_manifest m = manifest_of(3, 66);
	struct bundle_signer signer;
	struct bundle_rows rows;
	struct why why = {""};

	bundle_key_signer(signing_key, &signer);
	ck_assert_msg(bundle_cut_make(&cut, db, &why) == 0, "%s", why.text);
	bundle_cut_describe(cut, &m);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, &why), 0);
	ck_assert_msg(bundle_make_topology(&whole_bytes, &m, &rows, &signer,
		1, &why) == 0, "%s", why.text);
	bundle_rows_fini(&rows);
	ck_assert_int_eq(bundle_read(&whole, whole_bytes.p, whole_bytes.len,
		&why), 0);
}

static void withdraw(void)
{
	bundle_cut_free(cut);
	cut = NULL;
	bundle_fini(&whole);
	bundle_bytes_fini(&whole_bytes);
}

static void setup(void)
{
	signing_key = key_number(0);
	db = sample_db(FLEET);
	run("INSERT INTO setting VALUES"
		"('site:Rome','av-edge','allow_peers','[\"192.0.2.1/32\"]'),"
		"('pool:south.int.test','av-edge','allow_peers',"
		"'[\"192.0.2.2/32\"]'),"
		"('machine:southa.int.test','av-edge','allow_peers',"
		"'[\"192.0.2.3/32\"]'),"
		"('machine:northa.int.test','av-edge','allow_peers',"
		"'[\"192.0.2.4/32\"]')");
	run("INSERT INTO sealed_key SELECT machine_id,'av',1,'current',"
		"CAST('sealed to '||fqdn AS BLOB) FROM machine");
	publish();
}

static void teardown(void)
{
	withdraw();
	sqlite3_close(db);
	bundle_key_free(signing_key);
}

static struct bundle_bytes cut_for(const char *pool)
{
	struct bundle_bytes bytes;
	struct why why = {""};

	ck_assert_msg(bundle_cut_for(&bytes, cut, db, &whole, pool, &why) ==
		0, "%s", why.text);
	return bytes;
}

/* The rows of what a pool gets. */
static struct bundle_rows rows_for(const char *pool)
{
	struct bundle_bytes bytes = cut_for(pool);
	struct bundle_rows rows;
	struct why why = {""};
	struct bundle b;

	ck_assert_msg(bundle_read(&b, bytes.p, bytes.len, &why) == 0, "%s",
		why.text);
	ck_assert_msg(bundle_unpack(&rows, &b, &why) == 0, "%s", why.text);
	ck_assert_uint_eq(rows.count, b.rows);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
	return rows;
}

static bool has(const struct bundle_rows *rows, const char *text)
{
	return strstr(rows->text, text) != NULL;
}

START_TEST(test_pool_gets_its_own_rows_and_no_others)
{
	struct bundle_rows rows = rows_for("south.int.test");

	ck_assert(has(&rows, "[\"machine\",") && has(&rows, "southa.int"));
	ck_assert(has(&rows, "10.0.2.1") && has(&rows, "203.0.113.2"));
	ck_assert(has(&rows, "fabrikam.test") && has(&rows, "test.example"));
	ck_assert(has(&rows, "\"Rome\"") && has(&rows, "\"site:Rome\""));
	ck_assert(has(&rows, "\"pool:south.int.test\""));
	ck_assert(has(&rows, "\"machine:southa.int.test\""));
	ck_assert(has(&rows, "allow_federated_users"));
	ck_assert(has(&rows, "\"cms.int.test\""));
	ck_assert(has(&rows, "[\"sealed_key\","));
	/* Nothing of who else there is. */
	ck_assert(!has(&rows, "north") && !has(&rows, "east"));
	ck_assert(!has(&rows, "Oslo") && !has(&rows, "10.0.1.1"));
	ck_assert(!has(&rows, "203.0.113.3") && !has(&rows, "av3."));
	bundle_rows_fini(&rows);
}
END_TEST

START_TEST(test_part_keeps_manifest_signatures_and_name_of_the_whole)
{
	struct bundle_bytes bytes = cut_for("north.int.test");
	struct bundle b;

	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	ck_assert_str_eq(b.sha256, whole.sha256);
	ck_assert_str_eq(bytes.sha256, whole.sha256);
	ck_assert_mem_eq(b.input, whole.input, sizeof(b.input));
	ck_assert_mem_eq(b.signatures, whole.signatures,
		sizeof(b.signatures[0]));
	ck_assert_uint_eq(b.part_count, 3); /* global, pool, site */
	ck_assert_uint_eq(b.manifest.parts, 6);
	ck_assert_uint_lt(b.rows, whole.rows);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

/* Every line of a part is a line of the whole, and every line of the whole
 * is in the part of somebody. */
START_TEST(test_parts_are_the_whole_and_nothing_else)
{
	static const char *const POOLS[] = {"north.int.test", "south.int.test",
		"east.int.test"};
	struct bundle_rows all;
	struct bundle_rows rows[3];
	struct str rest;
	struct str line;
	size_t seen = 0;

	ck_assert_int_eq(bundle_unpack(&all, &whole, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		rows[i] = rows_for(POOLS[i]);
		rest = str_of(rows[i].text);
		while (rest.n > 0 && str_split(&rest, '\n', &line)) {
			char *text = str_dup(line);

			ck_assert_msg(has(&all, text), "%s", text);
			free(text);
		}
	}
	rest = str_of(all.text);
	while (rest.n > 0 && str_split(&rest, '\n', &line)) {
		char *text = str_dup(line);

		ck_assert_msg(has(&rows[0], text) || has(&rows[1], text) ||
			has(&rows[2], text), "%s", text);
		free(text);
		seen++;
	}
	ck_assert_uint_eq(seen, all.count);
	for (size_t i = 0; i < 3; i++)
		bundle_rows_fini(&rows[i]);
	bundle_rows_fini(&all);
}
END_TEST

START_TEST(test_part_is_a_topology_that_passes_all_checks)
{
	struct bundle_bytes bytes = cut_for("east.int.test");
	struct topology_finding *findings = NULL;
	struct sqlite3 *part = NULL;
	struct why why = {""};
	struct bundle b;
	size_t count = 0;

	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	ck_assert_msg(bundle_scratch(&part, &b, &why) == 0, "%s", why.text);
	ck_assert_int_eq(topology_check(part, &findings, &count, NULL), 0);
	ck_assert_msg(count == 0, "%s", findings[0].text);
	free(findings);
	sqlite3_close(part);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

/* A site's federation goes through a pool of another site, which has one
 * above it: rows refer to them, so they come along. */
START_TEST(test_what_rows_refer_to_comes_along)
{
	struct bundle_rows rows;

	withdraw();
	run("INSERT INTO site VALUES(9,'Europe','central',NULL,NULL)");
	run("UPDATE site SET federation_pool=(SELECT pool_id FROM pool WHERE"
		" fqdn='north.int.test') WHERE name='Rome'");
	run("UPDATE site SET parent=9, kind='branch' WHERE name='Oslo'");
	publish();
	rows = rows_for("south.int.test");
	ck_assert(has(&rows, "\"north.int.test\"") && has(&rows, "Oslo") &&
		has(&rows, "Europe") && !has(&rows, "east.int.test"));
	bundle_rows_fini(&rows);
	rows = rows_for("north.int.test");
	ck_assert(!has(&rows, "south.int.test") && !has(&rows, "Rome"));
	bundle_rows_fini(&rows);
}
END_TEST

START_TEST(test_pool_that_needs_too_many_parts_is_left_to_the_whole)
{
	struct bundle_bytes bytes;
	struct why why = {""};

	withdraw();
	for (int i = 0; i < 70; i++) {
		char sql[200];

		snprintf(sql, sizeof(sql), "INSERT INTO site VALUES(%d,"
			"'above %d','central',%s,NULL)", 100 + i, i,
			i > 0 ? "(SELECT MAX(site_id) FROM site)" : "NULL");
		run(sql);
	}
	run("UPDATE site SET parent=169 WHERE name='Rome'");
	publish();
	ck_assert_int_eq(bundle_cut_for(&bytes, cut, db, &whole,
		"south.int.test", &why), EDGE_ETOOBIG);
	ck_assert_int_eq(bundle_cut_for(&bytes, cut, db, &whole,
		"west.int.test", &why), -ENOENT);
}
END_TEST

START_TEST(test_same_rows_give_the_same_parts)
{
	struct bundle_cut *again = NULL;

	ck_assert_int_eq(bundle_cut_make(&again, db, NULL), 0);
	ck_assert(bundle_cut_is_of(again, &whole.manifest));
	bundle_cut_free(again);
	whole.manifest.parts++;
	ck_assert_int_eq(bundle_cut_make(&again, db, NULL), 0);
	ck_assert(!bundle_cut_is_of(again, &whole.manifest));
	bundle_cut_free(again);
	whole.manifest.parts--;
	run("UPDATE federated_domain SET note='new'");
	ck_assert_int_eq(bundle_cut_make(&again, db, NULL), 0);
	ck_assert(!bundle_cut_is_of(again, &whole.manifest));
	bundle_cut_free(again);
}
END_TEST

/* It has no row, and is the first all the same. */
START_TEST(test_what_concerns_all_is_a_part_even_when_it_is_nothing)
{
	struct bundle_manifest m = {.parts = 0};
	struct bundle_cut *empty = NULL;
	struct sqlite3 *none = NULL;
	struct bundle_rows rows;

	withdraw();
	run("DELETE FROM federated_domain; DELETE FROM sip_domain;"
		"DELETE FROM provider; DELETE FROM setting WHERE"
		" scope='global'");
	publish();
	ck_assert_uint_eq(whole.manifest.parts, 6);
	rows = rows_for("south.int.test");
	ck_assert(has(&rows, "south") && !has(&rows, "north"));
	bundle_rows_fini(&rows);
	ck_assert_int_eq(generation_scratch(&none, NULL), 0);
	ck_assert_int_eq(bundle_cut_make(&empty, none, NULL), 0);
	bundle_cut_describe(empty, &m);
	ck_assert_uint_eq(m.parts, 1);
	bundle_cut_free(empty);
	sqlite3_close(none);
}
END_TEST

/* Pressed, it would look like a bomb to an edge. */
START_TEST(test_part_that_presses_too_well_goes_as_it_is)
{
	struct bundle_rows rows;

	withdraw();
	run("UPDATE federated_domain SET note=printf('%.*c', 200000, 'x')");
	publish();
	rows = rows_for("south.int.test");
	ck_assert_uint_gt(rows.len, 200000);
	bundle_rows_fini(&rows);
}
END_TEST

START_TEST(test_B9_1_every_flipped_octet_of_a_part_is_refused)
{
	struct bundle_bytes bytes = cut_for("south.int.test");
	struct bundle_trust trust;
	struct bundle b;
	size_t believed = 0;

	trust_in(&trust, signing_key);
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.p[i] ^= 0x01;
		if (bundle_read(&b, bytes.p, bytes.len, NULL) == 0) {
			believed += bundle_trust_verify(&trust, &b, NULL) == 0;
			bundle_fini(&b);
		}
		bytes.p[i] ^= 0x01;
	}
	ck_assert_uint_eq(believed, 0);
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert_int_lt(bundle_read(&b, bytes.p, len, NULL), 0);
	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	ck_assert_int_eq(bundle_trust_verify(&trust, &b, NULL), 0);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

/* ---- built by hand ------------------------------------------------------ */

/* What stands before the parts, and where they begin. */
static size_t envelope_len(void)
{
	return bundle_envelope_len((struct str){NULL,
		buf_load_u32(whole_bytes.p + BUNDLE_MAGIC_LEN)},
		whole.signature_count);
}

/* Parts of good bundles behind the present head, in an order of our own. */
static int read_parts(const struct bundle_part *const *parts, size_t count,
	uint16_t told, struct why *why)
{
	static uint8_t file[65536];
	struct wbuf w = wbuf_of(file, sizeof(file));
	struct bundle b;
	int err;

	wbuf_bytes(&w, whole_bytes.p, envelope_len());
	file[BUNDLE_FORMAT_AT] = BUNDLE_FORMAT_PARTS;
	wbuf_u16(&w, told);
	for (size_t i = 0; i < count; i++) {
		/* The path stands before what it proves. */
		const uint8_t *leaf = (const uint8_t *)parts[i]->scope.p - 2;
		size_t path = 0;

		while (buf_load_u32(leaf - path * 32 - 5) != parts[i]->at ||
			leaf[-(ptrdiff_t)(path * 32) - 1] != path)
			path++;
		wbuf_bytes(&w, leaf - path * 32 - 5, 5 + path * 32 +
			bundle_part_len(parts[i]));
	}
	ck_assert(wbuf_ok(&w));
	err = bundle_read(&b, file, w.len, why);
	if (err == 0)
		bundle_fini(&b);
	return err;
}

START_TEST(test_part_left_out_twice_or_out_of_order_is_refused)
{
	struct bundle_bytes bytes = cut_for("south.int.test");
	struct why why = {""};
	struct bundle b;
	const struct bundle_part *p;

	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	p = b.parts;
	/* As it should be. */
	ck_assert_msg(read_parts((const struct bundle_part *[]){&p[0], &p[1],
		&p[2]}, 3, 3, &why) == 0, "%s", why.text);
	/* Without what all need. */
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[1],
		&p[2]}, 2, 2, &why), EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, "global"));
	ck_assert_int_eq(read_parts(NULL, 0, 0, &why), EDGE_EMALFORMED);
	/* Twice; in another order; more or fewer than told. */
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[0],
		&p[1], &p[1]}, 3, 3, &why), EDGE_EMALFORMED);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[0],
		&p[2], &p[1]}, 3, 3, &why), EDGE_EMALFORMED);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[0],
		&p[1], &p[2]}, 3, 2, &why), EDGE_EMALFORMED);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[0],
		&p[1]}, 2, 3, &why), EDGE_EMALFORMED);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){&p[0]}, 1,
		UINT16_MAX, &why), EDGE_EMALFORMED);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

/* A part of an older version, and one of now where another belongs: each was
 * signed once. */
START_TEST(test_parts_of_two_versions_do_not_mix)
{
	struct bundle_bytes old = cut_for("south.int.test");
	struct bundle_bytes now;
	struct bundle was;
	struct bundle is;
	struct why why = {""};

	ck_assert_int_eq(bundle_read(&was, old.p, old.len, NULL), 0);
	withdraw();
	run("UPDATE federated_domain SET note='new'");
	publish();
	now = cut_for("south.int.test");
	ck_assert_int_eq(bundle_read(&is, now.p, now.len, NULL), 0);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){
		&is.parts[0], &is.parts[1], &is.parts[2]}, 3, 3, &why), 0);
	/* That pool's rows are what they were: only the path tells. */
	ck_assert_uint_eq(was.parts[1].payload_len, is.parts[1].payload_len);
	ck_assert_mem_eq(was.parts[1].payload, is.parts[1].payload,
		is.parts[1].payload_len);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){
		&was.parts[0], &is.parts[1], &is.parts[2]}, 3, 3, &why),
		EDGE_EFORGED);
	ck_assert_int_eq(read_parts((const struct bundle_part *[]){
		&is.parts[0], &was.parts[1], &is.parts[2]}, 3, 3, &why),
		EDGE_EFORGED);
	bundle_fini(&was);
	bundle_fini(&is);
	bundle_bytes_fini(&old);
	bundle_bytes_fini(&now);
}
END_TEST

/* A pool's own part, its site's left out: no row of it is brought in. */
START_TEST(test_part_without_what_its_rows_refer_to_is_no_topology)
{
	struct bundle_bytes bytes = cut_for("south.int.test");
	struct sqlite3 *part = NULL;
	struct bundle b;

	ck_assert_int_eq(bundle_read(&b, bytes.p, bytes.len, NULL), 0);
	ck_assert_int_eq(b.part_count, 3);
	b.rows -= b.parts[2].rows;
	b.part_count = 2;
	ck_assert_int_eq(bundle_scratch(&part, &b, NULL), EDGE_EDATABASE);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}
END_TEST

START_TEST(test_parts_need_a_manifest_that_knows_of_them)
{
	struct bundle_bytes bytes = cut_for("south.int.test");
	struct bundle_manifest m = manifest_of(3, 66);
	struct bundle_signer signer;
	struct bundle_bytes plain;
	struct bundle_rows rows;
	struct why why = {""};
	struct bundle b;
	size_t envelope;
	uint8_t *file;

	bundle_key_signer(signing_key, &signer);
	ck_assert_int_eq(bundle_rows_dump(&rows, db, NULL), 0);
	ck_assert_int_eq(bundle_make_topology(&plain, &m, &rows, &signer, 1,
		NULL), 0);
	bundle_rows_fini(&rows);
	envelope = bundle_envelope_len((struct str){NULL,
		buf_load_u32(plain.p + BUNDLE_MAGIC_LEN)}, 1);
	file = calloc(1, bytes.len);
	memcpy(file, plain.p, envelope);
	file[BUNDLE_FORMAT_AT] = BUNDLE_FORMAT_PARTS;
	memcpy(file + envelope, bytes.p + envelope_len(),
		bytes.len - envelope_len());
	ck_assert_int_eq(bundle_read(&b, file,
		envelope + bytes.len - envelope_len(), &why),
		EDGE_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why.text, "knows of none"));
	free(file);
	bundle_bytes_fini(&plain);
	bundle_bytes_fini(&bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_cut");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_pool_gets_its_own_rows_and_no_others);
	tcase_add_test(tc,
		test_part_keeps_manifest_signatures_and_name_of_the_whole);
	tcase_add_test(tc, test_parts_are_the_whole_and_nothing_else);
	tcase_add_test(tc, test_part_is_a_topology_that_passes_all_checks);
	tcase_add_test(tc, test_what_rows_refer_to_comes_along);
	tcase_add_test(tc,
		test_pool_that_needs_too_many_parts_is_left_to_the_whole);
	tcase_add_test(tc, test_same_rows_give_the_same_parts);
	tcase_add_test(tc,
		test_what_concerns_all_is_a_part_even_when_it_is_nothing);
	tcase_add_test(tc, test_part_that_presses_too_well_goes_as_it_is);
	tcase_add_test(tc, test_B9_1_every_flipped_octet_of_a_part_is_refused);
	tcase_add_test(tc,
		test_part_left_out_twice_or_out_of_order_is_refused);
	tcase_add_test(tc, test_parts_of_two_versions_do_not_mix);
	tcase_add_test(tc,
		test_part_without_what_its_rows_refer_to_is_no_topology);
	tcase_add_test(tc,
		test_parts_need_a_manifest_that_knows_of_them);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
