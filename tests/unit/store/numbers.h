/*
 * Generations whose rows say a number, for the tests of the store's reading
 * and writing halves.
 */
#ifndef TEST_STORE_NUMBERS_H
#define TEST_STORE_NUMBERS_H

#include "common/base/err.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "samples.h"

static char *state_dir;

/* A generation whose rows say the same number a few hundred times, so that
 * a mixture of two would show. */
static inline int fill_number(struct sqlite3 *db, void *arg, struct why *why)
{
	int number = *(const int *)arg;
	int err = 0;

	for (int i = 0; i < 300 && err == 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d%d.n%d.test", i, number);
		err = sql_run(db, why, "INSERT INTO sip_domain(name,"
			" is_default) VALUES(?, ?)", "ti", name,
			(int64_t)(i == 0));
	}
	return err;
}

static inline int apply_number(int number, struct why *why)
{
	struct generation_stage *stage = NULL;
	int err = generation_stage_new(&stage, state_dir, "test", fill_number,
		&number, why);

	return err < 0 ? err : generation_activate(stage, why);
}

static inline void must_apply(int number)
{
	struct why why = {""};
	int err = apply_number(number, &why);

	ck_assert_msg(err == 0, "%s", why.text);
}

/* The number of what is current; -1 when nothing whole is. */
static inline int read_number(struct why *why)
{
	struct sqlite3 *db = NULL;
	struct sqlite3_stmt *stmt;
	char path[512];
	int number = -1;
	int count = 0;

	if (generation_current_path(state_dir, path, sizeof(path), why) < 0)
		return -1;
	if (generation_open(&db, path, why) < 0)
		return -1;
	if (sql_query(&stmt, db, why, "SELECT name FROM sip_domain", "") < 0)
		return -1;
	while (sql_next(stmt, why) == 1) {
		int i;
		int n;

		if (sscanf(sql_text(stmt, 0), "d%d.n%d.test", &i, &n) != 2 ||
			(number != -1 && n != number))
			count = -1000;
		number = n;
		count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count == 300 ? number : -1;
}

static inline void setup(void)
{
	state_dir = sample_folder();
}

static inline void teardown(void)
{
	sample_remove(state_dir);
}

#endif
