/*
 * Any rows that make a topology, cut: what a pool gets of it is read, proved
 * and makes a topology again, or is left to the whole.
 */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle_cut.h"
#include "common/store/generation.h"
#include "common/store/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define POOLS_MAX 4

static int fill(struct sqlite3 *db, void *arg, struct why *why)
{
	const struct str *text = arg;
	uint64_t count = 0;

	return bundle_rows_load(db, *text, &count, why);
}

/* The signature is not what this is about: one for all. */
static int sign(struct bundle_bytes *out, const struct bundle_cut *cut,
	struct str text, uint64_t rows)
{
	static struct bundle_key *key;
	static const uint8_t SEED[32] = {1};
	const struct bundle_rows all = {(char *)(uintptr_t)text.p, text.n,
		rows};
	struct bundle_manifest m = {
		.deployment = "00000000-0000-0000-0000-000000000001",
		.version = {1, 1},
		.expires = {1},
	};
	struct bundle_signer signer;

	if (key == NULL && bundle_key_from_seed(&key, SEED, NULL) < 0)
		abort();
	bundle_key_signer(key, &signer);
	bundle_cut_describe(cut, &m);
	return bundle_make_topology(out, &m, &all, &signer, 1, NULL);
}

static void check_pool(const struct bundle_cut *cut, struct sqlite3 *db,
	const struct bundle *whole, const char *pool)
{
	struct bundle_bytes bytes;
	struct sqlite3 *part = NULL;
	struct bundle b;
	int err = bundle_cut_for(&bytes, cut, db, whole, pool, NULL);

	if (err == EDGE_ETOOBIG)
		return;
	if (err < 0 || bundle_read(&b, bytes.p, bytes.len, NULL) < 0 ||
		bundle_scratch(&part, &b, NULL) < 0)
		abort();
	sqlite3_close(part);
	bundle_fini(&b);
	bundle_bytes_fini(&bytes);
}

static void check_pools(const struct bundle_cut *cut, struct sqlite3 *db,
	const struct bundle_bytes *bytes)
{
	struct sqlite3_stmt *stmt = NULL;
	struct bundle whole;

	if (bundle_read(&whole, bytes->p, bytes->len, NULL) < 0 ||
		sql_query(&stmt, db, NULL, "SELECT fqdn FROM pool LIMIT ?",
			"i", (int64_t)POOLS_MAX) < 0)
		abort();
	while (sql_next(stmt, NULL) == 1)
		check_pool(cut, db, &whole, sql_text(stmt, 0));
	sqlite3_finalize(stmt);
	bundle_fini(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct bundle_bytes bytes = {.p = NULL};
	struct bundle_cut *cut = NULL;
	struct sqlite3 *db = NULL;
	uint64_t rows = 0;

	if (generation_scratch(&db, NULL) < 0)
		return 0;
	for (size_t i = 0; i < size; i++)
		rows += data[i] == '\n';
	if (generation_fill(db, fill, &text, NULL) == 0 &&
		bundle_cut_make(&cut, db, NULL) == 0 &&
		sign(&bytes, cut, text, rows) == 0)
		check_pools(cut, db, &bytes);
	bundle_bytes_fini(&bytes);
	bundle_cut_free(cut);
	sqlite3_close(db);
	return 0;
}
