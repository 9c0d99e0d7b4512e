/*
 * Making parts: rows by scope, each pressed, a tree over all; then for a
 * pool the few it needs, with their paths. Reading them is bundle_part.c's.
 */
#include "common/bundle/bundle_cut.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle_layout.h"
#include "common/bundle/bundle_pack.h"
#include "common/store/sql.h"

struct bundle_cut {
	struct bundle_rows rows;
	struct bundle_scope *scopes; /* owned, sorted by name */
	struct bundle_packed *packed; /* owned, one for each scope */
	size_t count;
	struct bundle_tree *tree;
};

/* ---- cutting ------------------------------------------------------------ */

static struct bundle_part part_of(const struct bundle_cut *cut, size_t at)
{
	return (struct bundle_part){
		.at = (uint32_t)at,
		.scope = str_of(cut->scopes[at].name),
		.codec = cut->packed[at].codec,
		.rows = (uint32_t)cut->scopes[at].rows,
		.raw_len = (uint32_t)cut->scopes[at].text.n,
		.payload = cut->packed[at].p,
		.payload_len = cut->packed[at].len,
	};
}

/* The part that every edge needs is there although nothing may be in it. */
static int add_global(struct bundle_cut *cut)
{
	struct bundle_scope *scopes;

	if (cut->count > 0 && strcmp(cut->scopes[0].name, BUNDLE_ALL) == 0)
		return 0;
	scopes = calloc(cut->count + 1, sizeof(*scopes));
	if (scopes == NULL)
		return -ENOMEM;
	memcpy(scopes[0].name, BUNDLE_ALL, sizeof(BUNDLE_ALL));
	scopes[0].text.p = "";
	if (cut->count > 0)
		memcpy(scopes + 1, cut->scopes, cut->count * sizeof(*scopes));
	free(cut->scopes);
	cut->scopes = scopes;
	cut->count++;
	return 0;
}

static int hash_part(const struct bundle_cut *cut, size_t at,
	struct bundle_hash *out)
{
	const struct bundle_part part = part_of(cut, at);
	const size_t len = bundle_part_len(&part);
	uint8_t *leaf = malloc(len);

	if (leaf == NULL)
		return -ENOMEM;
	bundle_part_print(&part, leaf);
	*out = bundle_tree_leaf(leaf, len);
	free(leaf);
	return 0;
}

static int pack_parts(struct bundle_cut *cut, struct why *why)
{
	struct bundle_hash *leaves = calloc(cut->count, sizeof(*leaves));
	int err = 0;

	cut->packed = calloc(cut->count, sizeof(*cut->packed));
	if (leaves == NULL || cut->packed == NULL)
		err = -ENOMEM;
	for (size_t i = 0; i < cut->count && err == 0; i++) {
		err = bundle_pack(&cut->packed[i], cut->scopes[i].text, why);
		if (err == 0)
			err = hash_part(cut, i, &leaves[i]);
	}
	if (err == 0)
		err = bundle_tree_make(&cut->tree, leaves, cut->count);
	free(leaves);
	return err;
}

int bundle_cut_make(struct bundle_cut **out, struct sqlite3 *db,
	struct why *why)
{
	struct bundle_cut *cut = calloc(1, sizeof(*cut));
	int err;

	if (cut == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = bundle_rows_by_scope(&cut->rows, &cut->scopes, &cut->count, db,
		why);
	if (err == 0)
		err = add_global(cut);
	if (err == 0)
		err = pack_parts(cut, why);
	if (err < 0) {
		bundle_cut_free(cut);
		return why_prefix(why, err, "parts");
	}
	*out = cut;
	return 0;
}

void bundle_cut_free(struct bundle_cut *cut)
{
	if (cut == NULL)
		return;
	for (size_t i = 0; cut->packed != NULL && i < cut->count; i++)
		bundle_packed_fini(&cut->packed[i]);
	bundle_tree_free(cut->tree);
	bundle_rows_fini(&cut->rows);
	free(cut->packed);
	free(cut->scopes);
	free(cut);
}

void bundle_cut_describe(const struct bundle_cut *cut,
	struct bundle_manifest *m)
{
	const struct bundle_hash root = bundle_tree_root(cut->tree);

	m->parts = (uint32_t)cut->count;
	str_hex(root.bytes, sizeof(root.bytes), m->parts_sha256);
}

bool bundle_cut_is_of(const struct bundle_cut *cut,
	const struct bundle_manifest *m)
{
	struct bundle_manifest ours = {.parts = 0};

	bundle_cut_describe(cut, &ours);
	return ours.parts == m->parts &&
		strcmp(ours.parts_sha256, m->parts_sha256) == 0;
}

/* ---- for a pool --------------------------------------------------------- */

/* A row refers to what has to be there, too: a pool to its site, a site to
 * the one above it and to the pool its federation goes through. */
static const char NEEDED[] =
	"WITH RECURSIVE need(kind, id) AS ("
	"SELECT 'pool', pool_id FROM pool WHERE fqdn=?"
	" UNION SELECT 'site', p.site_id FROM need n JOIN pool p"
	"  ON n.kind='pool' AND p.pool_id=n.id"
	" UNION SELECT 'site', s.parent FROM need n JOIN site s"
	"  ON n.kind='site' AND s.site_id=n.id WHERE s.parent IS NOT NULL"
	" UNION SELECT 'pool', s.federation_pool FROM need n JOIN site s"
	"  ON n.kind='site' AND s.site_id=n.id"
	"  WHERE s.federation_pool IS NOT NULL)"
	" SELECT 'pool:'||p.fqdn FROM need n JOIN pool p"
	"  ON n.kind='pool' AND p.pool_id=n.id"
	" UNION ALL SELECT 'site:'||s.name FROM need n JOIN site s"
	"  ON n.kind='site' AND s.site_id=n.id ORDER BY 1";

static int by_name(const void *name, const void *scope)
{
	return strcmp(name, ((const struct bundle_scope *)scope)->name);
}

struct needed {
	size_t at[BUNDLE_PARTS_MAX];
	size_t count;
};

static int need(struct needed *n, const struct bundle_cut *cut,
	const char *scope, struct why *why)
{
	const struct bundle_scope *found = bsearch(scope, cut->scopes,
		cut->count, sizeof(*found), by_name);

	if (found == NULL)
		return why_set(why, EDGE_EMALFORMED, "no part %s", scope);
	if (n->count == BUNDLE_PARTS_MAX)
		return why_set(why, EDGE_ETOOBIG, "more than %u parts",
			BUNDLE_PARTS_MAX);
	n->at[n->count++] = (size_t)(found - cut->scopes);
	return 0;
}

/* In the order of the parts: the query sorts as they are sorted, and
 * nothing comes before the first. */
static int find_needed(struct needed *n, const struct bundle_cut *cut,
	struct sqlite3 *db, const char *pool, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, NEEDED, "t", pool);

	if (err < 0)
		return err;
	err = need(n, cut, BUNDLE_ALL, why);
	while (err == 0 && (err = sql_next(stmt, why)) == 1)
		err = need(n, cut, sql_text(stmt, 0), why);
	sqlite3_finalize(stmt);
	if (err == 0 && n->count == 1)
		err = why_set(why, -ENOENT, "the topology has no pool %s",
			pool);
	return err;
}

static size_t measure(const struct needed *n, const struct bundle_cut *cut,
	const struct bundle *whole, struct str manifest)
{
	size_t len = bundle_envelope_len(manifest, whole->signature_count) + 2;
	struct bundle_hash path[BUNDLE_PATH_MAX];

	for (size_t i = 0; i < n->count; i++) {
		const struct bundle_part part = part_of(cut, n->at[i]);

		len += bundle_part_file_len(&part,
			bundle_tree_path(cut->tree, n->at[i], path));
	}
	return len;
}

static int assemble(struct bundle_bytes *out, const struct needed *n,
	const struct bundle_cut *cut, const struct bundle *whole,
	struct str manifest, struct why *why)
{
	const size_t len = measure(n, cut, whole, manifest);
	uint8_t *p = len <= BUNDLE_MAX ? malloc(len) : NULL;
	struct wbuf w = wbuf_of(p, len);
	struct bundle_hash path[BUNDLE_PATH_MAX];

	if (p == NULL)
		return why_set(why, len > BUNDLE_MAX ? EDGE_ETOOBIG : -ENOMEM,
			"parts of %zu bytes", len);
	bundle_write_envelope(&w, BUNDLE_FORMAT_PARTS, manifest,
		whole->signatures, whole->signature_count);
	wbuf_u16(&w, (uint16_t)n->count);
	for (size_t i = 0; i < n->count; i++) {
		const struct bundle_part part = part_of(cut, n->at[i]);

		bundle_part_write(&w, &part, path,
			bundle_tree_path(cut->tree, n->at[i], path));
	}
	*out = (struct bundle_bytes){.p = p, .len = len};
	memcpy(out->sha256, whole->sha256, sizeof(out->sha256));
	return 0;
}

int bundle_cut_for(struct bundle_bytes *out, const struct bundle_cut *cut,
	struct sqlite3 *db, const struct bundle *whole, const char *pool,
	struct why *why)
{
	struct needed n = {.count = 0};
	char *text = NULL;
	int err = find_needed(&n, cut, db, pool, why);

	if (err == 0)
		err = bundle_manifest_print(&whole->manifest, &text, why);
	if (err == 0)
		err = assemble(out, &n, cut, whole, str_of(text), why);
	free(text);
	return err;
}
