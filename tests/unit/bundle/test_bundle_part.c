/* Tests of common/bundle/bundle_part.c, and of what bundle_read.c makes of
 * parts: their proofs are good here, so that what stands behind the proof is
 * what is looked at. Who signs may err, too. */
#include <zstd.h>

#include "bundles.h"
#include "common/base/buf.h"
#include "common/bundle/bundle_layout.h"

#define ROW        "[\"sip_domain\",\"part.test\",1,1,0]\n"
#define ANOTHER    "[\"sip_domain\",\"two.test\",0,1,0]\n"
#define FORGED_MAX 70

static uint8_t file[BUNDLE_MAX + 65536];
static struct bundle_key *key;
static struct bundle_part parts[FORGED_MAX];
static size_t part_count;

static void setup(void)
{
	key = key_number(0);
	part_count = 0;
}

static void teardown(void)
{
	bundle_key_free(key);
}

/* As it would be cut, plain; what a test lies about it changes afterwards. */
static struct bundle_part *add(const char *scope, const char *text)
{
	struct bundle_part *part = &parts[part_count];
	size_t rows = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		rows++;
	*part = (struct bundle_part){
		.at = (uint32_t)part_count++,
		.scope = str_of(scope),
		.rows = (uint32_t)rows,
		.raw_len = (uint32_t)strlen(text),
		.payload = (const uint8_t *)text,
		.payload_len = strlen(text),
	};
	return part;
}

static struct bundle_tree *tree_of_parts(void)
{
	struct bundle_hash leaves[FORGED_MAX];
	struct bundle_tree *tree = NULL;

	for (size_t i = 0; i < part_count; i++) {
		const size_t len = bundle_part_len(&parts[i]);
		uint8_t *leaf = malloc(len);

		bundle_part_print(&parts[i], leaf);
		leaves[i] = bundle_tree_leaf(leaf, len);
		free(leaf);
	}
	ck_assert_int_eq(bundle_tree_make(&tree, leaves, part_count), 0);
	return tree;
}

/* Signed over the root of these parts; told 0 = as many as there are. */
static size_t write_head(struct wbuf *w, const struct bundle_tree *tree,
	uint32_t told)
{
	const struct bundle_hash root = bundle_tree_root(tree);
	struct bundle_manifest m = manifest_of(3, 66);
	struct bundle_bytes whole;
	struct bundle b;
	char *text = NULL;

	m.parts = told > 0 ? told : (uint32_t)part_count;
	str_hex(root.bytes, sizeof(root.bytes), m.parts_sha256);
	make_sample(&whole, &m, key);
	ck_assert_int_eq(bundle_read(&b, whole.p, whole.len, NULL), 0);
	ck_assert_int_eq(bundle_manifest_print(&b.manifest, &text, NULL), 0);
	bundle_write_envelope(w, BUNDLE_FORMAT_PARTS, str_of(text),
		b.signatures, b.signature_count);
	free(text);
	bundle_fini(&b);
	bundle_bytes_fini(&whole);
	return w->len;
}

/* parts[from] and all after it, with good proofs, as an edge reads them. */
static int read_from(size_t from, struct bundle *out, struct why *why)
{
	struct bundle_tree *tree = tree_of_parts();
	struct wbuf w = wbuf_of(file, sizeof(file));
	struct bundle_hash path[BUNDLE_PATH_MAX];

	write_head(&w, tree, 0);
	wbuf_u16(&w, (uint16_t)(part_count - from));
	for (size_t i = from; i < part_count; i++)
		bundle_part_write(&w, &parts[i], path,
			bundle_tree_path(tree, i, path));
	bundle_tree_free(tree);
	ck_assert(wbuf_ok(&w));
	return bundle_read(out, file, w.len, why);
}

static void refused(size_t from, int want, const char *text)
{
	struct why why = {""};
	struct bundle b;

	ck_assert_int_eq(read_from(from, &b, &why), want);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
}

/* Read, and then what unpacking says. */
static int unpack(struct bundle_rows *rows, struct why *why)
{
	struct bundle b;
	int err;

	ck_assert_msg(read_from(0, &b, why) == 0, "%s", why->text);
	err = bundle_unpack(rows, &b, why);
	bundle_fini(&b);
	return err;
}

static void unpack_refused(const char *text)
{
	struct bundle_rows rows;
	struct why why = {""};

	ck_assert_int_eq(unpack(&rows, &why), EDGE_EMALFORMED);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
}

/* ---- place -------------------------------------------------------------- */

START_TEST(test_tree_of_one_part_needs_no_path)
{
	struct bundle_rows rows;
	struct why why = {""};

	add(BUNDLE_ALL, ROW);
	ck_assert_msg(unpack(&rows, &why) == 0, "%s", why.text);
	ck_assert_str_eq(rows.text, ROW);
	ck_assert_uint_eq(rows.count, 1);
	bundle_rows_fini(&rows);
}
END_TEST

START_TEST(test_first_part_is_number_0_and_global)
{
	add("pool:a.test", ROW);
	refused(0, EDGE_EMALFORMED, "the first one is not global");
	part_count = 0;
	add(BUNDLE_ALL, ROW);
	add(BUNDLE_ALL, ANOTHER);
	refused(1, EDGE_EMALFORMED, "the first one is not global");
	part_count = 0;
	add("globa", ROW);
	refused(0, EDGE_EMALFORMED, "the first one is not global");
	part_count = 0;
	add("global2", ROW);
	refused(0, EDGE_EMALFORMED, "the first one is not global");
}
END_TEST

START_TEST(test_part_of_an_unknown_kind_is_refused)
{
	add(BUNDLE_ALL, ROW);
	add("", ANOTHER);
	refused(0, EDGE_EMALFORMED, "part 1: ");
	part_count = 0;
	add(BUNDLE_ALL, ROW)->codec = (enum bundle_codec)2;
	refused(0, EDGE_EMALFORMED, "part 0: ");
}
END_TEST

START_TEST(test_64_parts_are_read_and_not_one_more)
{
	char scopes[FORGED_MAX][8];
	struct bundle b;

	add(BUNDLE_ALL, "\n");
	for (size_t i = 1; i < BUNDLE_PARTS_MAX; i++) {
		snprintf(scopes[i], sizeof(scopes[i]), "s%zu", i);
		add(scopes[i], "\n");
	}
	ck_assert_int_eq(read_from(0, &b, NULL), 0);
	ck_assert_uint_eq(b.part_count, BUNDLE_PARTS_MAX);
	bundle_fini(&b);
	add("z", "\n");
	refused(0, EDGE_EMALFORMED, "not 1 to 64");
}
END_TEST

/* A tree as large as a manifest can say, and a path as long as a file can
 * hold: refused at the proof, and at the end of the file. */
START_TEST(test_numbers_at_their_ends_are_refused)
{
	static const struct bundle_hash PATH[255];
	static const struct {
		uint32_t at;
		size_t path_count;
	} CASES[] = {{0, 32}, {0, 31}, {0, 33}, {0, 255}, {0, 0}};
	struct wbuf w = wbuf_of(file, sizeof(file));
	struct bundle_tree *tree;
	struct why why = {""};
	struct bundle b;
	size_t head;

	add(BUNDLE_ALL, ROW);
	tree = tree_of_parts();
	head = write_head(&w, tree, UINT32_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
		w.len = head;
		wbuf_u16(&w, 1);
		bundle_part_write(&w, &parts[0], PATH, CASES[i].path_count);
		ck_assert_int_eq(bundle_read(&b, file, w.len, &why),
			EDGE_EFORGED);
		for (size_t len = head; len < w.len; len++)
			ck_assert_int_eq(bundle_read(&b, file, len, NULL),
				EDGE_EMALFORMED);
	}
	bundle_tree_free(tree);
}
END_TEST

START_TEST(test_leaf_of_the_last_number_there_can_be)
{
	const struct bundle_hash leaf = bundle_tree_leaf("x", 1);
	struct bundle_hash path[BUNDLE_PATH_MAX];

	memset(path, 0, sizeof(path));
	ck_assert(!bundle_tree_holds(&leaf, UINT32_MAX, UINT32_MAX - 1u, leaf,
		path[0].bytes, BUNDLE_PATH_MAX));
	ck_assert(!bundle_tree_holds(&leaf, UINT32_MAX, UINT32_MAX, leaf,
		path[0].bytes, 0));
	/* Only itself: the root is its leaf. */
	ck_assert(bundle_tree_holds(&leaf, 1, 0, leaf, NULL, 0));
	ck_assert(!bundle_tree_holds(&leaf, 1, 1, leaf, NULL, 0));
	ck_assert(!bundle_tree_holds(&leaf, 0, 0, leaf, NULL, 0));
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

START_TEST(test_B3_part_over_a_limit_is_refused_unopened)
{
	static char room[BUNDLE_RAW_MAX / BUNDLE_RATIO_MAX + 2];
	struct bundle_part *part;

	memset(room, 'x', sizeof(room) - 1);
	part = add(BUNDLE_ALL, room);
	part->codec = BUNDLE_ZSTD;
	part->raw_len = BUNDLE_RAW_MAX + 1;
	refused(0, EDGE_ETOOBIG, "more than 64 MiB");
	part->payload_len = 1;
	part->raw_len = 2 * BUNDLE_RATIO_MAX;
	refused(0, EDGE_ETOOBIG, "200 times");
	part->payload_len = sizeof(room) - 1;
	part->raw_len = 1;
	part->rows = BUNDLE_ROWS_MAX + 1;
	refused(0, EDGE_ETOOBIG, "1000000 rows");
	part->rows = UINT32_MAX;
	part->raw_len = UINT32_MAX;
	refused(0, EDGE_ETOOBIG, "more than 64 MiB");
}
END_TEST

/* Each is as large as it may be, all together are larger. */
START_TEST(test_B3_parts_over_a_limit_together_are_refused_unopened)
{
	static char room[BUNDLE_RAW_MAX / BUNDLE_RATIO_MAX + 2];
	struct bundle b;

	memset(room, 'x', sizeof(room) - 1);
	add(BUNDLE_ALL, room)->codec = BUNDLE_ZSTD;
	add("pool:a.test", room)->codec = BUNDLE_ZSTD;
	parts[0].raw_len = BUNDLE_RAW_MAX;
	parts[1].raw_len = 1;
	refused(0, EDGE_ETOOBIG, "more than 64 MiB");
	parts[1].raw_len = 0;
	ck_assert_int_eq(read_from(0, &b, NULL), 0);
	bundle_fini(&b);
	parts[0].raw_len = 1;
	parts[0].rows = BUNDLE_ROWS_MAX;
	parts[1].rows = 1;
	refused(0, EDGE_ETOOBIG, "1000000 rows");
	parts[1].rows = 0;
	ck_assert_int_eq(read_from(0, &b, NULL), 0);
	bundle_fini(&b);
}
END_TEST

/* ---- behind the proof --------------------------------------------------- */

START_TEST(test_part_is_as_long_as_it_says_or_refused)
{
	char frame[256];
	size_t n = ZSTD_compress(frame, sizeof(frame), ROW, strlen(ROW), 1);
	struct bundle_part *part = add(BUNDLE_ALL, ROW);

	part->raw_len++;
	unpack_refused("were signed");
	part->raw_len -= 2;
	unpack_refused("were signed");
	part->raw_len = 0;
	unpack_refused("were signed");
	/* The frame says one length, the part another. */
	part->codec = BUNDLE_ZSTD;
	part->payload = (const uint8_t *)frame;
	part->payload_len = n;
	unpack_refused("payload: ");
	part->raw_len = (uint32_t)strlen(ROW) - 1;
	unpack_refused("payload: ");
	part->raw_len = (uint32_t)strlen(ROW) + 1;
	unpack_refused("were signed");
	part->raw_len = (uint32_t)strlen(ROW);
	part->payload_len--;
	unpack_refused("payload: ");
	part->payload_len = 0;
	part->raw_len = 0;
	part->rows = 0;
	add("pool:a.test", ROW);
	{
		struct bundle_rows rows;
		struct why why = {""};

		ck_assert_msg(unpack(&rows, &why) == 0, "%s", why.text);
		ck_assert_str_eq(rows.text, ROW);
		bundle_rows_fini(&rows);
	}
}
END_TEST

static int load(struct why *why)
{
	struct sqlite3 *db = NULL;
	struct bundle b;
	int err;

	ck_assert_msg(read_from(0, &b, why) == 0, "%s", why->text);
	err = bundle_scratch(&db, &b, why);
	bundle_fini(&b);
	sqlite3_close(db);
	return err;
}

START_TEST(test_rows_of_parts_are_held_to_what_they_say)
{
	struct why why = {""};

	add(BUNDLE_ALL, ROW)->rows = 2;
	ck_assert_int_eq(load(&why), EDGE_EMALFORMED);
	ck_assert_msg(strstr(why.text, "1 rows") != NULL, "%s", why.text);
	/* A row in two parts, and one that has no end. */
	part_count = 0;
	add(BUNDLE_ALL, ROW);
	add("pool:a.test", ROW);
	ck_assert_int_eq(load(&why), EDGE_EMALFORMED);
	ck_assert_msg(strstr(why.text, "not in order") != NULL, "%s",
		why.text);
	part_count = 0;
	add(BUNDLE_ALL, ROW);
	add("pool:a.test", "[\"sip_domain\",\"z.test\",0,1,0]")->rows = 1;
	ck_assert_int_eq(load(&why), EDGE_EMALFORMED);
	part_count = 0;
	add(BUNDLE_ALL, ANOTHER);
	add("pool:a.test", ROW);
	ck_assert_msg(load(&why) == 0, "%s", why.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_part");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_tree_of_one_part_needs_no_path);
	tcase_add_test(tc, test_first_part_is_number_0_and_global);
	tcase_add_test(tc, test_part_of_an_unknown_kind_is_refused);
	tcase_add_test(tc, test_64_parts_are_read_and_not_one_more);
	tcase_add_test(tc, test_numbers_at_their_ends_are_refused);
	tcase_add_test(tc, test_leaf_of_the_last_number_there_can_be);
	tcase_add_test(tc, test_B3_part_over_a_limit_is_refused_unopened);
	tcase_add_test(tc,
		test_B3_parts_over_a_limit_together_are_refused_unopened);
	tcase_add_test(tc, test_part_is_as_long_as_it_says_or_refused);
	tcase_add_test(tc, test_rows_of_parts_are_held_to_what_they_say);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
