/*
 * A generation as a database in memory, to make the next one of: thousands
 * of rows need not be brought in again when one has changed. The file is
 * read once and hashed as read, so that nobody changes it in between.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/file.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"
#include "common/store/sql.h"

static int check_hash(const char *p, size_t len, const char *path,
	const char *sha256, struct why *why)
{
	const struct digest_part part = {p, len};
	uint8_t hash[DIGEST_SHA256_LEN];
	char text[2 * DIGEST_SHA256_LEN + 1];

	digest_sha256(&part, 1, hash);
	str_hex(hash, sizeof(hash), text);
	if (strcmp(text, sha256) != 0)
		return why_set(why, EDGE_EFORGED, "%s: not what it was",
			path);
	return 0;
}

/* Takes a copy: sqlite frees and grows by its own allocator. */
static int open_image(struct sqlite3 **out, const char *p, size_t len,
	struct why *why)
{
	unsigned char *image = sqlite3_malloc64(len);
	int rc = SQLITE_NOMEM;

	if (image == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	memcpy(image, p, len);
	if (sqlite3_open_v2(":memory:", out,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_NOMUTEX,
		    NULL) == SQLITE_OK)
		/* Freed by sqlite in any case. */
		rc = sqlite3_deserialize(*out, "main", image,
			(sqlite3_int64)len, (sqlite3_int64)len,
			SQLITE_DESERIALIZE_FREEONCLOSE |
				SQLITE_DESERIALIZE_RESIZEABLE);
	else
		sqlite3_free(image);
	return rc == SQLITE_OK ? 0 :
				 sql_fault(*out, why, "a generation's image");
}

/* What was removed leaves its pages behind: once they are a quarter, the
 * file is better made anew. */
static int check_holes(struct sqlite3 *db, struct why *why)
{
	int64_t holes = 0;
	int64_t pages = 0;
	int err = sql_number(db, why, "PRAGMA freelist_count", 0, &holes);

	if (err == 0)
		err = sql_number(db, why, "PRAGMA page_count", 0, &pages);
	if (err == 0 && holes > pages / 4)
		err = why_set(why, EDGE_ETOOBIG, "%lld of %lld pages are empty",
			(long long)holes, (long long)pages);
	return err;
}

int generation_copy(struct sqlite3 **out, const char *path,
	const char *sha256, struct why *why)
{
	struct sqlite3 *db = NULL;
	char *p = NULL;
	size_t len = 0;
	int err = file_load(&p, &len, path, GENERATION_FILE_MAX, why);

	if (err < 0)
		return err;
	err = check_hash(p, len, path, sha256, why);
	if (err == 0)
		err = open_image(&db, p, len, why);
	free(p);
	if (err == 0)
		err = check_holes(db, why);
	if (err < 0) {
		sqlite3_close(db);
		return err;
	}
	*out = db;
	return 0;
}
