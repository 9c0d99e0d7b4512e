/* Tests of common/bundle/bundle_read.c: whatever is not whole is refused,
 * before anything is uncompressed. */
#include <zstd.h>

#include "bundles.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/bundle/bundle_layout.h"

static struct bundle_key *key;
static struct bundle_trust trust;

static void setup(void)
{
	key = key_number(0);
	trust_in(&trust, key);
}

static void teardown(void)
{
	bundle_key_free(key);
}

/* Would an edge believe these bytes? Exact room, so that a sanitizer sees a
 * read past the end. */
static int believe(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct bundle b;
	struct sqlite3 *db = NULL;
	int err;

	memcpy(copy, p, len);
	err = bundle_read(&b, copy, len, NULL);
	if (err == 0) {
		err = bundle_trust_verify(&trust, &b, NULL);
		if (err == 0)
			err = bundle_scratch(&db, &b, NULL);
		bundle_fini(&b);
	}
	sqlite3_close(db);
	free(copy);
	return err;
}

START_TEST(test_B9_1_every_flipped_byte_is_refused)
{
	struct bundle_manifest m = manifest_of(3, 66);
	struct bundle_bytes bytes;

	make_sample(&bytes, &m, key);
	ck_assert_int_eq(believe(bytes.p, bytes.len), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		static const uint8_t FLIPS[] = {0x01, 0x80, 0xff};

		for (size_t k = 0; k < sizeof(FLIPS); k++) {
			bytes.p[i] ^= FLIPS[k];
			ck_assert_msg(believe(bytes.p, bytes.len) < 0,
				"byte %zu ^ %02x is believed", i, FLIPS[k]);
			bytes.p[i] ^= FLIPS[k];
		}
	}
	bundle_bytes_fini(&bytes);
}
END_TEST

START_TEST(test_every_cut_and_every_tail_is_refused)
{
	struct bundle_manifest m = manifest_of(3, 66);
	struct bundle_bytes bytes;
	uint8_t *longer;

	make_sample(&bytes, &m, key);
	for (size_t i = 0; i < bytes.len; i++)
		ck_assert_int_lt(believe(bytes.p, i), 0);
	longer = malloc(bytes.len + 1);
	memcpy(longer, bytes.p, bytes.len);
	longer[bytes.len] = 0;
	ck_assert_int_lt(believe(longer, bytes.len + 1), 0);
	free(longer);
	bundle_bytes_fini(&bytes);
}
END_TEST

/* A file put together by hand, signed well: who signs may err, too. */
static int believe_parts(const char *manifest, const void *payload,
	size_t payload_len)
{
	static uint8_t room[BUNDLE_MAX + 4096];
	struct wbuf w = wbuf_of(room, sizeof(room));
	struct bundle_signer signer;
	uint8_t input[BUNDLE_INPUT_LEN];
	uint8_t signature[BUNDLE_SIGNATURE_LEN];
	uint8_t id[BUNDLE_KEY_ID_LEN];

	bundle_key_signer(key, &signer);
	bundle_key_id(signer.public_key, id);
	bundle_input_of(manifest, strlen(manifest), input);
	ck_assert_int_eq(signer.sign(signer.arg, input, signature, NULL), 0);
	wbuf_bytes(&w, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN);
	wbuf_u32(&w, (uint32_t)strlen(manifest));
	wbuf_bytes(&w, manifest, strlen(manifest));
	wbuf_u8(&w, 1);
	wbuf_bytes(&w, id, sizeof(id));
	wbuf_u8(&w, 1);
	wbuf_u8(&w, 0);
	wbuf_bytes(&w, signature, sizeof(signature));
	wbuf_u64(&w, payload_len);
	wbuf_bytes(&w, payload, payload_len);
	ck_assert(wbuf_ok(&w));
	return believe(room, w.len);
}

/* The manifest of payload, which is said to become raw_len bytes. */
static char *manifest_for(const void *payload, size_t payload_len,
	uint64_t raw_len, const char *raw_sha, const char *codec)
{
	char sha[BUNDLE_SHA_LEN];
	char *text = NULL;

	bundle_sha_of(payload, payload_len, sha);
	ck_assert_int_ge(asprintf(&text,
		"{\"codec\":\"%s\",\"created\":1700000000,"
		"\"deployment\":\"%s\",\"epoch\":3,"
		"\"expires\":1800000000,\"payload_len\":%zu,"
		"\"payload_sha256\":\"%s\",\"prev_sha256\":\"\","
		"\"publisher\":\"p\",\"raw_len\":%llu,\"raw_sha256\":\"%s\","
		"\"reason\":\"r\",\"rows\":0,\"schema\":1,\"serial\":1,"
		"\"type\":\"topology\"}", codec, DEPLOYMENT, payload_len, sha,
		(unsigned long long)raw_len, raw_sha), 0);
	return text;
}

START_TEST(test_decompression_bomb_is_refused_unopened)
{
	const size_t raw_len = 1u << 30;
	char zeros_sha[BUNDLE_SHA_LEN];
	size_t cap = 1u << 20;
	uint8_t *payload = malloc(cap);
	uint8_t *zeros = calloc(1, 16u << 20);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	ZSTD_outBuffer out = {payload, cap, 0};
	char *manifest;

	snprintf(zeros_sha, sizeof(zeros_sha), "%064d", 0);
	for (size_t done = 0; done < raw_len; done += 16u << 20) {
		ZSTD_inBuffer in = {zeros, 16u << 20, 0};

		ck_assert_uint_eq(ZSTD_isError(ZSTD_compressStream2(ctx, &out,
			&in, done + (16u << 20) == raw_len ? ZSTD_e_end :
							     ZSTD_e_continue)),
			0);
	}
	ck_assert_uint_lt(out.pos, cap);
	/* As it is; and said to be small; and said to fit the ratio. */
	manifest = manifest_for(payload, out.pos, raw_len, zeros_sha, "zstd");
	ck_assert_int_eq(believe_parts(manifest, payload, out.pos),
		EDGE_ETOOBIG);
	free(manifest);
	manifest = manifest_for(payload, out.pos, 100, zeros_sha, "zstd");
	ck_assert_int_eq(believe_parts(manifest, payload, out.pos),
		EDGE_EMALFORMED);
	free(manifest);
	manifest = manifest_for(payload, out.pos, 199 * out.pos, zeros_sha,
		"zstd");
	ck_assert_int_eq(believe_parts(manifest, payload, out.pos),
		EDGE_EMALFORMED);
	free(manifest);
	ZSTD_freeCCtx(ctx);
	free(zeros);
	free(payload);
}
END_TEST

START_TEST(test_payload_that_is_not_what_it_says_is_refused)
{
	static const char ROWS[] = "[\"sip_domain\",\"a.test\",1,0,0]\n";
	char sha[BUNDLE_SHA_LEN];
	char *manifest;

	bundle_sha_of(ROWS, strlen(ROWS), sha);
	/* Signed by us, so that nothing but this check stands in between. */
	manifest = manifest_for(ROWS, strlen(ROWS), strlen(ROWS), sha, "none");
	ck_assert_int_eq(believe_parts(manifest, ROWS, strlen(ROWS)),
		EDGE_EMALFORMED); /* "rows":0 */
	ck_assert_int_eq(believe_parts(manifest, ROWS, strlen(ROWS) - 1),
		EDGE_EMALFORMED);
	free(manifest);
	manifest = manifest_for(ROWS, strlen(ROWS), strlen(ROWS), sha, "zstd");
	ck_assert_int_eq(believe_parts(manifest, ROWS, strlen(ROWS)),
		EDGE_EMALFORMED);
	free(manifest);
	snprintf(sha, sizeof(sha), "%064d", 0);
	manifest = manifest_for(ROWS, strlen(ROWS), strlen(ROWS), sha, "none");
	ck_assert_int_eq(believe_parts(manifest, ROWS, strlen(ROWS)),
		EDGE_EMALFORMED);
	free(manifest);
}
END_TEST

START_TEST(test_oversized_parts_are_refused)
{
	uint8_t *big = calloc(1, BUNDLE_MAX + 1);
	uint8_t head[] = {'E', 'D', 'G', 'B', 0, 1, 13, 10, 0, 1, 0, 1};
	struct bundle b;

	ck_assert_int_eq(bundle_read(&b, big, BUNDLE_MAX + 1, NULL),
		EDGE_ETOOBIG);
	memcpy(big, head, sizeof(head));
	ck_assert_int_eq(bundle_read(&b, big, BUNDLE_MAX, NULL),
		EDGE_ETOOBIG);
	free(big);
}
END_TEST

START_TEST(test_unknown_schema_is_told_as_such)
{
	struct bundle b = {.manifest = {.type = BUNDLE_TOPOLOGY,
				   .schema = 2}};
	struct sqlite3 *db = NULL;
	struct why why = {""};

	ck_assert_int_eq(bundle_scratch(&db, &b, &why), EDGE_EUNKNOWN);
	ck_assert_ptr_nonnull(strstr(why.text, "schema 2"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_read");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_B9_1_every_flipped_byte_is_refused);
	tcase_add_test(tc, test_every_cut_and_every_tail_is_refused);
	tcase_add_test(tc, test_decompression_bomb_is_refused_unopened);
	tcase_add_test(tc, test_payload_that_is_not_what_it_says_is_refused);
	tcase_add_test(tc, test_oversized_parts_are_refused);
	tcase_add_test(tc, test_unknown_schema_is_told_as_such);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
