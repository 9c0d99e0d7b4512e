/*
 * Canonical rows into an empty schema. What is taken is printed again, and
 * must be the same bytes: there is one way to write a topology.
 */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle/bundle_rows.h"
#include "common/store/generation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fill(struct sqlite3 *db, void *arg, struct why *why)
{
	const struct str *text = arg;
	uint64_t count = 0;

	return bundle_rows_load(db, *text, &count, why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct sqlite3 *db = NULL;
	struct bundle_rows rows;

	if (generation_scratch(&db, NULL) < 0)
		return 0;
	if (generation_fill(db, fill, &text, NULL) == 0) {
		if (bundle_rows_dump(&rows, db, NULL) < 0 ||
			rows.len != size ||
			memcmp(rows.text, data, size) != 0)
			abort();
		bundle_rows_fini(&rows);
	}
	sqlite3_close(db);
	return 0;
}
