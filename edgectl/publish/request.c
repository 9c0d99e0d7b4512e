/* The table of requests: put, taken in order, answered, forgotten. */
#include "edgectl/publish/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"

#define KEEP_S (7 * 86400)

int request_put(struct record *r, const char *kind, const char *who,
	const json_t *body, int64_t *id, struct why *why)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct wall now = wall_now();
	int64_t fresh = (int64_t)(rand_u64() >> 1);
	int err;

	if (text == NULL)
		return -ENOMEM;
	{
		const struct record_value in[] = {record_int(fresh),
			record_int(now.s), record_text(kind),
			record_text(who), record_text(text)};
		const struct record_value old[] = {
			record_int(now.s - KEEP_S)};

		err = record_run(r, "DELETE FROM request WHERE created<$1",
			old, 1, NULL, why);
		if (err == 0)
			err = record_run(r, "INSERT INTO request(id, created,"
				" kind, who, body, state, result)"
				" VALUES($1, $2, $3, $4, $5, 'new', '')", in,
				5, NULL, why);
	}
	free(text);
	if (err == 0)
		*id = fresh;
	return err == 0 ? record_notify(r, why) : err;
}

int request_next(struct record *r, struct request_row *out, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT id, kind, who, body FROM request"
		" WHERE state='new' ORDER BY created, id LIMIT 1", NULL, 0,
		&rows, why);

	if (err < 0 || rows.rows == 0) {
		record_rows_fini(&rows);
		return err;
	}
	out->id = record_number(&rows, 0, 0);
	snprintf(out->kind, sizeof(out->kind), "%s",
		record_cell(&rows, 0, 1));
	snprintf(out->who, sizeof(out->who), "%s", record_cell(&rows, 0, 2));
	out->body = json_loads(record_cell(&rows, 0, 3), 0, NULL);
	record_rows_fini(&rows);
	return 1;
}

int request_answer(struct record *r, int64_t id, const json_t *result,
	struct why *why)
{
	char *text = json_dumps(result, JSON_COMPACT);
	int err = -ENOMEM;

	if (text != NULL) {
		const struct record_value in[] = {record_int(id),
			record_text(text)};

		err = record_run(r, "UPDATE request SET state='done',"
			" result=$2 WHERE id=$1", in, 2, NULL, why);
	}
	free(text);
	return err == 0 ? record_notify(r, why) : err;
}

int request_result(struct record *r, int64_t id, json_t **out,
	struct why *why)
{
	const struct record_value in[] = {record_int(id)};
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT result FROM request WHERE id=$1"
		" AND state='done'", in, 1, &rows, why);

	*out = NULL;
	if (err == 0 && rows.rows == 1) {
		*out = json_loads(record_cell(&rows, 0, 0), 0, NULL);
		if (*out == NULL)
			err = EDGE_EMALFORMED;
	}
	record_rows_fini(&rows);
	return err;
}

int request_withdraw(struct record *r, int64_t id, struct why *why)
{
	const struct record_value in[] = {record_int(id)};

	return record_run(r, "DELETE FROM request WHERE id=$1"
		" AND state='new'", in, 1, NULL, why);
}
