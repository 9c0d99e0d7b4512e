/*
 * One way for all that is published: what a person wrote, an old content
 * again, the same after a take-over or with new keys for pools.
 */
#include "edgectl/publish/issue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/bundle/bundle_cut.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "common/store/topology_check.h"
#include "common/store/topology_yaml.h"
#include "edgectl/publish/pool_ring.h"
#include "edgectl/publish/trust_store.h"

/* ---- checking ----------------------------------------------------------- */

static int add_finding(json_t *findings, bool is_error, const char *rule,
	const char *text)
{
	return json_array_append_new(findings, json_pack("{s:s,s:s,s:s}",
		"level", is_error ? "error" : "warning", "rule", rule, "text",
		text)) < 0 ? -ENOMEM : 0;
}

/* Who publishes a topology that shuts him out can never publish again. */
static int check_way_back(struct sqlite3 *db, const char *publisher,
	json_t *findings, bool *has_errors, struct why *why)
{
	struct sqlite3_stmt *stmt;
	char text[WHY_LEN];
	int err = sql_query(&stmt, db, why, "SELECT 1 FROM trusted_server"
		" WHERE fqdn=? AND grants='replication'", "t", publisher);

	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	sqlite3_finalize(stmt);
	if (err != 0)
		return err < 0 ? err : 0;
	*has_errors = true;
	snprintf(text, sizeof(text), "the edges would not let this publisher "
		"in again: add '%s: [replication]' to servers", publisher);
	return add_finding(findings, true, "publisher-grant", text);
}

static int run_checks(struct sqlite3 *db, const struct topology_yaml *y,
	json_t *findings, bool *has_errors, struct why *why)
{
	struct topology_finding *rows = NULL;
	struct why told;
	size_t count = 0;
	int err = topology_check(db, &rows, &count, why);

	for (size_t i = 0; i < count && err == 0; i++) {
		*has_errors |= rows[i].is_error;
		topology_yaml_place(y, rows[i].at, rows[i].text, &told);
		err = add_finding(findings, rows[i].is_error, rows[i].rule,
			told.text);
	}
	free(rows);
	return err;
}

int issue_check(const char *yaml, const char *name, const char *publisher,
	struct sqlite3 **db, json_t **findings, bool *has_errors,
	struct why *why)
{
	struct topology_yaml *y = NULL;
	int err = topology_yaml_parse(&y, name, str_of(yaml), why);

	*db = NULL;
	*has_errors = false;
	*findings = json_array();
	if (err == 0)
		err = topology_yaml_scratch(db, y, why);
	if (err == 0)
		err = check_way_back(*db, publisher, *findings, has_errors,
			why);
	if (err == 0)
		err = run_checks(*db, y, *findings, has_errors, why);
	topology_yaml_free(y);
	return err;
}

/* ---- making ------------------------------------------------------------- */

struct draft {
	const struct issue *in;
	struct bundle_trust trust;
	struct record_publication last; /* .sha256 "" = this is the first */
	struct sqlite3 *db;
	struct bundle_rows rows;
	struct bundle_cut *cut;
	char raw_sha256[BUNDLE_SHA_LEN];
	struct bundle_bytes bundle;
	struct bundle_version version;
	struct wall created;
	char *notes;
	struct why *why;
};

static int load_last(struct draft *d)
{
	int err = trust_store_load(d->in->r, &d->trust, d->why);

	if (err == 0)
		err = trust_store_suffices(&d->trust, d->in->signing, d->why);
	if (err == 0)
		err = record_load(d->in->r, &d->last, d->why);
	if (err == -ENOENT && d->trust.key_count > 0) {
		memset(&d->last, 0, sizeof(d->last));
		err = 0;
	}
	return err;
}

static int make_rows(struct draft *d)
{
	json_t *findings = NULL;
	bool has_errors = false;
	int err = issue_check(d->in->yaml, "topology", d->in->conf->name,
		&d->db, &findings, &has_errors, d->why);

	if (err == 0 && has_errors)
		err = why_set(d->why, EDGE_ECONFIG, "%s",
			json_string_value(json_object_get(
				json_array_get(findings, 0), "text")));
	json_decref(findings);
	if (err == 0)
		err = pool_ring_fill(d->in->r, d->in->conf, d->db,
			d->in->new_keys, &d->notes, d->why);
	if (err == 0)
		err = bundle_rows_dump(&d->rows, d->db, d->why);
	if (err == 0)
		err = bundle_cut_make(&d->cut, d->db, d->why);
	if (err == 0) {
		struct digest_part part = {d->rows.text, d->rows.len};
		uint8_t hash[DIGEST_SHA256_LEN];

		digest_sha256(&part, 1, hash);
		str_hex(hash, sizeof(hash), d->raw_sha256);
	}
	return err;
}

static int make_bundle(struct draft *d)
{
	struct bundle_manifest m = {.type = BUNDLE_TOPOLOGY};
	int err = record_next_serial(d->in->r, &d->version.serial, d->why);

	d->version.epoch = record_epoch(d->in->r);
	if (err == 0 && d->version.epoch == 0)
		err = why_set(d->why, EDGE_EREFUSED,
			"another publisher has taken over");
	if (err < 0)
		return err;
	d->created = wall_now();
	m.version = d->version;
	m.created = d->created;
	m.expires.s = d->created.s + d->in->conf->expires_s;
	m.schema = GENERATION_SCHEMA;
	m.is_rollback = d->in->is_rollback;
	m.rollback_of = d->in->rollback_of;
	memcpy(m.deployment, d->trust.deployment, sizeof(m.deployment));
	memcpy(m.prev_sha256, d->last.sha256, sizeof(m.prev_sha256));
	snprintf(m.publisher, sizeof(m.publisher), "%s", d->in->conf->name);
	snprintf(m.reason, sizeof(m.reason), "%s", d->in->reason);
	str_tidy(m.reason); /* it may end within a character */
	bundle_cut_describe(d->cut, &m);
	err = bundle_make_topology(&d->bundle, &m, &d->rows,
		d->in->signing->signers, d->in->signing->count, d->why);
	bundle_manifest_fini(&m);
	return err;
}

/* record_put_bundle() only reads what is lent to it here. */
static char *lend(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int put(struct draft *d)
{
	struct record_publication p = {
		.version = d->version,
		.created = d->created,
		.is_rollback = d->in->is_rollback,
		.rollback_of = d->in->rollback_of,
		.yaml = lend(d->in->yaml),
		.who = lend(d->in->who),
		.reason = lend(d->in->reason),
		.options = lend(d->in->options),
		.state = lend("rolling"),
		.note = lend(""),
		.bundle = d->bundle.p,
		.bundle_len = d->bundle.len,
	};

	memcpy(p.sha256, d->bundle.sha256, sizeof(p.sha256));
	memcpy(p.raw_sha256, d->raw_sha256, sizeof(p.raw_sha256));
	return record_put_bundle(d->in->r, &p, d->why);
}

static json_t *note_lines(const char *notes)
{
	struct str rest = str_of(notes);
	json_t *list = json_array();
	struct str line;

	while (str_split(&rest, '\n', &line))
		if (line.n > 0)
			json_array_append_new(list,
				json_stringn(line.p, line.n));
	return list;
}

static int tell(struct draft *d, bool is_changed, json_t **outcome)
{
	char version[BUNDLE_VERSION_LEN];
	int64_t machines = 0;
	int err = sql_number(d->db, d->why, "SELECT COUNT(*) FROM machine", 0,
		&machines);

	if (err < 0)
		return err;
	*outcome = json_pack("{s:b,s:s,s:s,s:I,s:I,s:o}", "changed",
		is_changed, "version", bundle_version_text(is_changed ?
			d->version : d->last.version, version), "sha256",
		is_changed ? d->bundle.sha256 : d->last.sha256, "machines",
		(json_int_t)machines, "bytes", (json_int_t)(is_changed ?
			d->bundle.len : d->last.bundle_len), "notes",
		note_lines(d->notes != NULL ? d->notes : ""));
	return *outcome != NULL ? 0 : -ENOMEM;
}

/* A person raised the epoch: edges learn of it by the next publication. */
static bool is_fence(const struct draft *d)
{
	return record_raises_by_hand(d->in->r) &&
		d->last.version.epoch != record_epoch(d->in->r);
}

int issue_publication(const struct issue *in, json_t **outcome,
	struct why *why)
{
	struct draft d = {.in = in, .why = why};
	bool is_changed = true;
	int err = load_last(&d);

	if (err == 0)
		err = make_rows(&d);
	if (err == 0)
		is_changed = in->force || is_fence(&d) ||
			strcmp(d.raw_sha256, d.last.raw_sha256) != 0;
	if (err == 0 && is_changed)
		err = make_bundle(&d);
	if (err == 0 && is_changed)
		err = put(&d);
	if (err == 0)
		err = tell(&d, is_changed, outcome);
	record_publication_fini(&d.last);
	bundle_rows_fini(&d.rows);
	bundle_cut_free(d.cut);
	bundle_bytes_fini(&d.bundle);
	sqlite3_close(d.db);
	free(d.notes);
	return err;
}
