/*
 * Publications and edges of the record. A publication is put only under the
 * epoch that the record itself has, so that whoever lost the office without
 * noticing puts nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "edgectl/publish/record_priv.h"

#define KEEP_COUNT 1000 /* publications */

#define WITHOUT_BLOBS                                                        \
	"SELECT epoch, serial, sha256, raw_sha256, created, rollback_epoch," \
	" rollback_serial, who, reason, options, state, note"
#define PUBLICATION WITHOUT_BLOBS ", yaml, bundle FROM publication"

void record_publication_fini(struct record_publication *p)
{
	free(p->yaml);
	free(p->who);
	free(p->reason);
	free(p->options);
	free(p->state);
	free(p->note);
	free(p->bundle);
	memset(p, 0, sizeof(*p));
}

/* ---- reading publications ----------------------------------------------- */

static int dup_cell(const struct record_rows *rows, size_t row, size_t column,
	char **out)
{
	*out = strdup(record_cell(rows, row, column));
	return *out != NULL ? 0 : -ENOMEM;
}

static int take_bundle(struct record_publication *p,
	const struct record_value *cell)
{
	p->bundle = malloc(cell->len + 1);
	if (p->bundle == NULL)
		return -ENOMEM;
	if (cell->len > 0)
		memcpy(p->bundle, cell->p, cell->len);
	p->bundle_len = cell->len;
	return 0;
}

static int take_publication(const struct record_rows *rows, size_t row,
	struct record_publication *p)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->version.epoch = (uint32_t)record_number(rows, row, 0);
	p->version.serial = (uint64_t)record_number(rows, row, 1);
	snprintf(p->sha256, sizeof(p->sha256), "%s",
		record_cell(rows, row, 2));
	snprintf(p->raw_sha256, sizeof(p->raw_sha256), "%s",
		record_cell(rows, row, 3));
	p->created.s = record_number(rows, row, 4);
	p->rollback_of.epoch = (uint32_t)record_number(rows, row, 5);
	p->rollback_of.serial = (uint64_t)record_number(rows, row, 6);
	p->is_rollback = p->rollback_of.serial != 0;
	err = dup_cell(rows, row, 7, &p->who);
	if (err == 0)
		err = dup_cell(rows, row, 8, &p->reason);
	if (err == 0)
		err = dup_cell(rows, row, 9, &p->options);
	if (err == 0)
		err = dup_cell(rows, row, 10, &p->state);
	if (err == 0)
		err = dup_cell(rows, row, 11, &p->note);
	if (err == 0 && rows->columns > 12)
		err = dup_cell(rows, row, 12, &p->yaml);
	if (err == 0 && rows->columns > 13)
		err = take_bundle(p, &rows->cells[row * rows->columns + 13]);
	if (err < 0)
		record_publication_fini(p);
	return err;
}

static int one_publication(struct record *r, const char *sql,
	const struct record_value *in, size_t count,
	struct record_publication *out, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, sql, in, count, &rows, why);

	if (err < 0)
		return err;
	err = rows.rows == 1 ? take_publication(&rows, 0, out) :
			       why_set(why, -ENOENT,
				       "there is no such publication");
	record_rows_fini(&rows);
	return err;
}

int record_load(struct record *r, struct record_publication *out,
	struct why *why)
{
	return one_publication(r, PUBLICATION
		" ORDER BY epoch DESC, serial DESC LIMIT 1", NULL, 0, out,
		why);
}

int record_find(struct record *r, struct bundle_version version,
	struct record_publication *out, struct why *why)
{
	const struct record_value in[] = {record_int(version.epoch),
		record_int((int64_t)version.serial)};

	char text[BUNDLE_VERSION_LEN];
	int err = one_publication(r, PUBLICATION
		" WHERE epoch=$1 AND serial=$2", in, 2, out, why);

	return err != -ENOENT ? err : why_set(why, err, "%s was not published "
		"from here: 'edgectl publish status --history' lists what was",
		bundle_version_text(version, text));
}

/* Keys of pools and take-overs make versions of the same topology: who goes
 * back means what a person wrote. */
int record_before(struct record *r, struct record_publication *out,
	struct why *why)
{
	int err = one_publication(r, PUBLICATION " WHERE yaml<>(SELECT yaml"
		" FROM publication ORDER BY epoch DESC, serial DESC LIMIT 1)"
		" AND raw_sha256<>(SELECT raw_sha256 FROM publication"
		" ORDER BY epoch DESC, serial DESC LIMIT 1)"
		" ORDER BY epoch DESC, serial DESC LIMIT 1", NULL, 0, out,
		why);

	return err != -ENOENT ? err : why_set(why, err,
		"there is no earlier topology to go back to");
}

int record_history(struct record *r, size_t max,
	struct record_publication **out, size_t *count, struct why *why)
{
	const struct record_value in[] = {record_int((int64_t)max)};
	struct record_publication *list;
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, WITHOUT_BLOBS " FROM publication"
		" ORDER BY epoch DESC, serial DESC LIMIT $1", in, 1, &rows,
		why);

	if (err < 0)
		return err;
	*count = 0;
	list = calloc(rows.rows + 1, sizeof(*list));
	if (list == NULL)
		err = -ENOMEM;
	while (err == 0 && *count < rows.rows) {
		err = take_publication(&rows, *count, &list[*count]);
		if (err == 0)
			(*count)++;
	}
	record_rows_fini(&rows);
	*out = list;
	return err;
}

/* ---- writing them ------------------------------------------------------- */

int record_next_serial(struct record *r, uint64_t *serial, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = record_run(r,
		"SELECT COALESCE(MAX(serial), 0)+1 FROM publication", NULL, 0,
		&rows, why);

	*serial = err == 0 ? (uint64_t)record_number(&rows, 0, 0) : 0;
	record_rows_fini(&rows);
	return err;
}

static const char *epoch_text(uint32_t epoch, char out[static 16])
{
	snprintf(out, 16, "%u", epoch);
	return out;
}

/* What nobody will go back to. */
static int prune(struct record *r, uint64_t newest, struct why *why)
{
	const struct record_value in[] = {
		record_int((int64_t)newest - KEEP_COUNT)};

	return record_run(r, "DELETE FROM publication WHERE serial<=$1", in,
		1, NULL, why);
}

/* What was under way is not any more: nobody brings it to its end. */
static int supersede(struct record *r, struct bundle_version newest,
	struct why *why)
{
	const struct record_value in[] = {record_int(newest.epoch),
		record_int((int64_t)newest.serial)};

	return record_run(r, "UPDATE publication SET state='superseded',"
		" note='' WHERE state='rolling'"
		" AND NOT (epoch=$1 AND serial=$2)", in, 2, NULL, why);
}

int record_put_bundle(struct record *r, const struct record_publication *p,
	struct why *why)
{
	char epoch[16];
	const struct record_value none = {.kind = RECORD_NULL};
	const struct record_value in[] = {record_int(p->version.epoch),
		record_int((int64_t)p->version.serial),
		record_text(p->sha256), record_text(p->raw_sha256),
		record_int(p->created.s),
		p->is_rollback ? record_int(p->rollback_of.epoch) : none,
		p->is_rollback ? record_int((int64_t)p->rollback_of.serial) :
				 none,
		record_text(p->yaml), record_text(p->who),
		record_text(p->reason), record_text(p->options),
		record_text(p->state), record_text(p->note),
		record_blob(p->bundle, p->bundle_len),
		record_text(epoch_text(p->version.epoch, epoch))};
	struct record_rows rows = {.rows = 0};
	int err;

	err = record_run(r, "INSERT INTO publication(epoch, serial, sha256,"
		" raw_sha256, created, rollback_epoch, rollback_serial, yaml,"
		" who, reason, options, state, note, bundle)"
		" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
		" $13, $14 FROM state WHERE key='epoch' AND value=$15", in,
		ARRAY_COUNT(in), &rows, why);
	if (err == 0 && rows.changed != 1) {
		r->epoch = 0;
		err = why_set(why, EDGE_EREFUSED,
			"epoch %u is over: nothing was put under it",
			p->version.epoch);
	}
	record_rows_fini(&rows);
	if (err == 0)
		err = supersede(r, p->version, why);
	if (err == 0)
		err = prune(r, p->version.serial, why);
	return err == 0 ? record_notify(r, why) : err;
}

int record_put_state(struct record *r, struct bundle_version version,
	const char *state, const char *note, struct why *why)
{
	const struct record_value in[] = {record_int(version.epoch),
		record_int((int64_t)version.serial), record_text(state),
		record_text(note)};
	int err = record_run(r, "UPDATE publication SET state=$3, note=$4"
		" WHERE epoch=$1 AND serial=$2", in, 4, NULL, why);

	return err == 0 ? record_notify(r, why) : err;
}

/* ---- edges -------------------------------------------------------------- */

void record_replicas_free(struct record_replica *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].state);
		free(rows[i].error);
		free(rows[i].status);
		free(rows[i].certificate);
	}
	free(rows);
}

static int take_replica(const struct record_rows *rows, size_t row,
	struct record_replica *out)
{
	int err;

	snprintf(out->fqdn, sizeof(out->fqdn), "%s",
		record_cell(rows, row, 0));
	snprintf(out->pool, sizeof(out->pool), "%s",
		record_cell(rows, row, 1));
	out->last_report.s = record_number(rows, row, 2);
	out->behind_since.s = record_number(rows, row, 3);
	out->failures = (uint32_t)record_number(rows, row, 4);
	err = dup_cell(rows, row, 5, &out->state);
	if (err == 0)
		err = dup_cell(rows, row, 6, &out->error);
	if (err == 0)
		err = dup_cell(rows, row, 7, &out->status);
	return err == 0 ? dup_cell(rows, row, 8, &out->certificate) : err;
}

int record_list_replicas(struct record *r, struct record_replica **out,
	size_t *count, struct why *why)
{
	struct record_replica *list;
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT fqdn, pool, last_report, behind_since,"
		" failures, state, error, status, certificate FROM replica"
		" ORDER BY fqdn", NULL, 0, &rows, why);

	if (err < 0)
		return err;
	list = calloc(rows.rows + 1, sizeof(*list));
	if (list == NULL)
		err = -ENOMEM;
	for (size_t i = 0; i < rows.rows && err == 0; i++)
		err = take_replica(&rows, i, &list[i]);
	if (err == 0) {
		*out = list;
		*count = rows.rows;
	} else if (list != NULL) {
		record_replicas_free(list, rows.rows);
	}
	record_rows_fini(&rows);
	return err;
}

int record_put_status(struct record *r, const struct record_replica *row,
	struct why *why)
{
	const struct record_value in[] = {record_text(row->fqdn),
		record_text(row->pool), record_int(row->last_report.s),
		record_int(row->behind_since.s), record_int(row->failures),
		record_text(row->state), record_text(row->error),
		record_text(row->status), record_text(row->certificate)};

	return record_run(r, "INSERT INTO replica(fqdn, pool, last_report,"
		" behind_since, failures, state, error, status, certificate)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)"
		" ON CONFLICT(fqdn) DO UPDATE SET pool=excluded.pool,"
		" last_report=excluded.last_report,"
		" behind_since=excluded.behind_since,"
		" failures=excluded.failures, state=excluded.state,"
		" error=excluded.error, status=excluded.status,"
		" certificate=excluded.certificate", in, ARRAY_COUNT(in),
		NULL, why);
}

int record_drop_replica(struct record *r, const char *fqdn, struct why *why)
{
	const struct record_value in[] = {record_text(fqdn)};

	return record_run(r, "DELETE FROM replica WHERE fqdn=$1", in, 1, NULL,
		why);
}
