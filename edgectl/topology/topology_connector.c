/*
 * What webconf-connector must know of the edges, out of a generation: their
 * machines with the inside port for conferencing servers, and addresses.
 */
#include "edgectl/topology/topology_connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/store/sql.h"

static const char EDGES[] =
	"SELECT DISTINCT machine, port FROM listener "
	"WHERE component = 'DataEdge' AND usage = 'PsomServer' "
	"AND side = 'internal' ORDER BY machine, port";

static const char ADDRESSES[] =
	"SELECT machine, group_concat(DISTINCT '\"' || address || '\"') "
	"FROM listener WHERE component = 'DataEdge' AND usage = 'PsomServer' "
	"AND side = 'internal' GROUP BY machine ORDER BY machine";

static int print_edges(FILE *to, struct sqlite3 *db, struct why *why)
{
	struct sqlite3_stmt *stmt = NULL;
	unsigned count = 0;
	int err = sql_query(&stmt, db, why, EDGES, "");

	if (err == 0)
		fputs("edges:\n", to);
	while (err >= 0 && (err = sql_next(stmt, why)) == 1) {
		fprintf(to, "  - %s:%s\n", sql_text(stmt, 0),
			sql_text(stmt, 1));
		count++;
	}
	sqlite3_finalize(stmt);
	if (err == 0 && count == 0)
		return why_set(why, EDGE_EUNKNOWN, "no edge of this topology "
			"has web conferencing: add webconf to one");
	return err;
}

static int print_hosts(FILE *to, struct sqlite3 *db, struct why *why)
{
	struct sqlite3_stmt *stmt = NULL;
	int err = sql_query(&stmt, db, why, ADDRESSES, "");

	if (err == 0)
		fputs("hosts:\n", to);
	while (err >= 0 && (err = sql_next(stmt, why)) == 1)
		fprintf(to, "  %s: [%s]\n", sql_text(stmt, 0),
			sql_text(stmt, 1));
	sqlite3_finalize(stmt);
	return err;
}

int topology_connector_yaml(struct sqlite3 *db, char **text, struct why *why)
{
	char *room = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&room, &len);
	int err;

	if (to == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = print_edges(to, db, why);
	if (err == 0)
		err = print_hosts(to, db, why);
	if (fclose(to) != 0 && err == 0)
		err = -ENOMEM;
	if (err < 0) {
		free(room);
		return err;
	}
	*text = room;
	return 0;
}
