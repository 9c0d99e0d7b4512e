/*
 * The record in PostgreSQL. libpq is loaded here, when somebody asks for
 * it, and nowhere else (docs/decisions): an edge never has it. The office
 * is an advisory lock of the session, so it ends with the connection;
 * NOTIFY wakes those who wait. Passwords are libpq's affair (service file,
 * pgpass), never ours.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/publish/record_db.h"

#define LIBRARY    "libpq.so.5"
#define LOCK_KEY   "5280459"
#define PARAMS_MAX 24u
#define OID_BYTEA  17
#define OID_BOOL   16
#define OID_INT8   20
#define OID_INT2   21
#define OID_INT4   23

/* The functions we use, looked up once. */
struct libpq {
	void *handle;
	PGconn *(*connect)(const char *const *names,
		const char *const *values, int expand);
	ConnStatusType (*status)(const PGconn *);
	char *(*error)(const PGconn *);
	void (*finish)(PGconn *);
	PGresult *(*exec)(PGconn *, const char *, int, const Oid *,
		const char *const *, const int *, const int *, int);
	ExecStatusType (*result)(const PGresult *);
	char *(*result_field)(const PGresult *, int);
	int (*rows)(const PGresult *);
	int (*columns)(const PGresult *);
	Oid (*type)(const PGresult *, int);
	char *(*value)(const PGresult *, int, int);
	int (*length)(const PGresult *, int, int);
	int (*is_null)(const PGresult *, int, int);
	char *(*changed)(PGresult *);
	void (*clear)(PGresult *);
	int (*socket)(const PGconn *);
	int (*consume)(PGconn *);
	PGnotify *(*notifies)(PGconn *);
	void (*free)(void *);
	PQconninfoOption *(*options)(PGconn *);
	void (*options_free)(PQconninfoOption *);
};

struct session {
	struct libpq lib;
	PGconn *conn;
};

static int load(struct libpq *lib, struct why *why)
{
	const struct {
		const char *name;
		void **to;
	} symbols[] = {
		{"PQconnectdbParams", (void **)&lib->connect},
		{"PQstatus", (void **)&lib->status},
		{"PQerrorMessage", (void **)&lib->error},
		{"PQfinish", (void **)&lib->finish},
		{"PQexecParams", (void **)&lib->exec},
		{"PQresultStatus", (void **)&lib->result},
		{"PQresultErrorField", (void **)&lib->result_field},
		{"PQntuples", (void **)&lib->rows},
		{"PQnfields", (void **)&lib->columns},
		{"PQftype", (void **)&lib->type},
		{"PQgetvalue", (void **)&lib->value},
		{"PQgetlength", (void **)&lib->length},
		{"PQgetisnull", (void **)&lib->is_null},
		{"PQcmdTuples", (void **)&lib->changed},
		{"PQclear", (void **)&lib->clear},
		{"PQsocket", (void **)&lib->socket},
		{"PQconsumeInput", (void **)&lib->consume},
		{"PQnotifies", (void **)&lib->notifies},
		{"PQfreemem", (void **)&lib->free},
		{"PQconninfo", (void **)&lib->options},
		{"PQconninfoFree", (void **)&lib->options_free},
	};

	lib->handle = dlopen(LIBRARY,
		RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (lib->handle == NULL)
		return why_set(why, -ENOENT,
			"%s can't be loaded (%.200s): install the package "
			"libpq5, or keep the record in sqlite", LIBRARY,
			dlerror());
	for (size_t i = 0; i < ARRAY_COUNT(symbols); i++) {
		*symbols[i].to = dlsym(lib->handle, symbols[i].name);
		if (*symbols[i].to == NULL)
			return why_set(why, EDGE_EUNKNOWN,
				"%s has no %s: it is too old", LIBRARY,
				symbols[i].name);
	}
	return 0;
}

/* The server's words without their line end. */
static int fault(struct session *s, const PGresult *result, struct why *why)
{
	const char *state = result != NULL ?
		s->lib.result_field(result, PG_DIAG_SQLSTATE) :
		NULL;
	const char *text = s->lib.error(s->conn);
	int err = EDGE_EDATABASE;

	if (s->lib.status(s->conn) != CONNECTION_OK)
		return why_set(why, EDGE_EPEER, "PostgreSQL: %.*s; until it "
			"answers nothing is published, and edges go on",
			(int)strcspn(text, "\n"), text);
	if (state != NULL && strcmp(state, "40001") == 0)
		err = -EAGAIN;
	return why_set(why, err, "PostgreSQL: %.*s",
		(int)strcspn(text, "\n"), text);
}

static void session_close(void *arg)
{
	struct session *s = arg;

	if (s == NULL)
		return;
	if (s->conn != NULL)
		s->lib.finish(s->conn);
	if (s->lib.handle != NULL)
		dlclose(s->lib.handle);
	free(s);
}

/* The folder, because such a file is changed by rename; but not all of the
 * home, where the one of a person lies. */
static void tell_option(const char *file, record_file_cb *tell, void *arg)
{
	const char *home = getenv("HOME");
	const char *slash = strrchr(file, '/');
	char folder[PATH_MAX];

	if (file[0] != '/' || slash == file)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - file), file);
	tell(arg, home != NULL && strcmp(folder, home) == 0 ? file : folder,
		false);
}

/* What libpq reads once more when it connects again: what it found in its
 * options, and where it looks for more. */
static void session_files(void *arg, record_file_cb *tell, void *tell_arg)
{
	static const char *const OPTIONS[] = {"passfile", "sslcert", "sslkey",
		"sslrootcert", "sslcrl", "sslcrldir"};
	static const char *const VARIABLES[] = {"PGSERVICEFILE",
		"PGSYSCONFDIR", "KRB5CCNAME", "KRB5_CLIENT_KTNAME"};
	static const char *const FIXED[] = {"/etc/passwd",
		"/etc/postgresql-common/pg_service.conf", "/etc/krb5.conf"};
	static const char *const AT_HOME[] = {".pg_service.conf",
		".postgresql"};
	struct session *s = arg;
	PQconninfoOption *options = s->lib.options(s->conn);
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL;
		o++)
		for (size_t i = 0; i < ARRAY_COUNT(OPTIONS); i++)
			if (strcmp(o->keyword, OPTIONS[i]) == 0 &&
				o->val != NULL)
				tell_option(o->val, tell, tell_arg);
	s->lib.options_free(options);
	for (size_t i = 0; i < ARRAY_COUNT(VARIABLES); i++)
		if (getenv(VARIABLES[i]) != NULL)
			tell(tell_arg, getenv(VARIABLES[i]), false);
	for (size_t i = 0; i < ARRAY_COUNT(FIXED); i++)
		tell(tell_arg, FIXED[i], false);
	for (size_t i = 0; home != NULL && i < ARRAY_COUNT(AT_HOME); i++) {
		snprintf(path, sizeof(path), "%s/%s", home, AT_HOME[i]);
		tell(tell_arg, path, false);
	}
}

/* ---- statements --------------------------------------------------------- */

/* Numbers travel as text; room has one slot for each. */
static void give(const struct record_value *v, char room[24],
	const char **value, int *len, int *format, Oid *type)
{
	*type = 0;
	*format = 0;
	*len = (int)v->len;
	*value = v->p;
	switch (v->kind) {
	case RECORD_NULL:
		*value = NULL;
		break;
	case RECORD_INT:
		snprintf(room, 24, "%" PRId64, v->number);
		*value = room;
		*type = OID_INT8;
		break;
	case RECORD_TEXT:
		break;
	case RECORD_BLOB:
		*format = 1;
		*type = OID_BYTEA;
		break;
	}
}

static int take_blob(struct record_value *cell, struct str text)
{
	size_t cap = text.n / 2;
	uint8_t *bytes = malloc(cap + 1);
	size_t len = 0;
	int err;

	if (bytes == NULL)
		return -ENOMEM;
	/* bytea_output is hex: \x0123 */
	err = str_starts(text, "\\x") ?
		str_unhex(str_skip(text, 2), bytes, cap, &len) :
		EDGE_EMALFORMED;
	if (err == 0)
		err = record_cell_set(cell, RECORD_BLOB, bytes, len);
	free(bytes);
	return err;
}

static int take_number(struct record_value *cell, struct str text)
{
	bool is_negative = str_starts(text, "-");
	uint64_t number;
	int err = str_to_u64(str_skip(text, is_negative ? 1 : 0), &number);

	if (err < 0 || number > INT64_MAX)
		return EDGE_EMALFORMED;
	cell->kind = RECORD_INT;
	cell->number = is_negative ? -(int64_t)number : (int64_t)number;
	return 0;
}

static int take_cell(const struct session *s, const PGresult *result, int row,
	int column, struct record_value *cell)
{
	struct str text;

	if (s->lib.is_null(result, row, column))
		return 0;
	text.p = s->lib.value(result, row, column);
	text.n = (size_t)s->lib.length(result, row, column);
	switch (s->lib.type(result, column)) {
	case OID_BYTEA:
		return take_blob(cell, text);
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		return take_number(cell, text);
	case OID_BOOL:
		cell->kind = RECORD_INT;
		cell->number = str_eq_z(text, "t");
		return 0;
	default:
		return record_cell_set(cell, RECORD_TEXT, text.p, text.n);
	}
}

static int take_rows(const struct session *s, PGresult *result,
	struct record_rows *out)
{
	int rows = s->lib.rows(result);
	int columns = s->lib.columns(result);
	uint64_t changed = 0;
	int err = record_rows_new(out, (size_t)rows, (size_t)columns);

	for (int r = 0; r < rows; r++)
		for (int c = 0; c < columns && err == 0; c++)
			err = take_cell(s, result, r, c,
				&out->cells[r * columns + c]);
	if (str_to_u64(str_of(s->lib.changed(result)), &changed) == 0)
		out->changed = (int64_t)changed;
	return err;
}

static int session_run(void *arg, const char *sql,
	const struct record_value *in, size_t count, struct record_rows *out,
	struct why *why)
{
	const char *values[PARAMS_MAX];
	char room[PARAMS_MAX][24];
	int lens[PARAMS_MAX];
	int formats[PARAMS_MAX];
	Oid types[PARAMS_MAX];
	struct record_rows rows = {.rows = 0};
	struct session *s = arg;
	PGresult *result;
	int err = 0;

	if (count > PARAMS_MAX)
		return EDGE_ETOOBIG;
	for (size_t i = 0; i < count; i++)
		give(&in[i], room[i], &values[i], &lens[i], &formats[i],
			&types[i]);
	result = s->lib.exec(s->conn, sql, (int)count, types, values, lens,
		formats, 0);
	switch (result != NULL ? s->lib.result(result) : PGRES_FATAL_ERROR) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		err = take_rows(s, result, &rows);
		break;
	default:
		err = fault(s, result, why);
		break;
	}
	s->lib.clear(result);
	if (err == 0 && out != NULL)
		*out = rows;
	else
		record_rows_fini(&rows);
	return err;
}

/* ---- life --------------------------------------------------------------- */

static int session_open(void **out, const char *where, struct why *why)
{
	/* Later ones win; what the administrator wrote comes first, so that
	 * nobody waits for a server that is gone. */
	static const char *const NAMES[] = {"dbname", "connect_timeout",
		"fallback_application_name", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"client_encoding", NULL};
	const char *values[] = {where, "5", "sallyport-publisher", "10000",
		"10", "5", "2", "UTF8", NULL};
	struct session *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	err = load(&s->lib, why);
	if (err < 0)
		goto out;
	s->conn = s->lib.connect(NAMES, values, 1);
	if (s->conn == NULL || s->lib.status(s->conn) != CONNECTION_OK) {
		err = s->conn != NULL ? fault(s, NULL, why) : -ENOMEM;
		goto out;
	}
	err = session_run(s, "SET SESSION statement_timeout = '8s'", NULL, 0,
		NULL, why);
	if (err == 0)
		err = session_run(s, "SET bytea_output = 'hex'", NULL, 0, NULL,
			why);
	if (err == 0)
		err = session_run(s, "SET client_min_messages = 'warning'",
			NULL, 0, NULL, why);
	if (err == 0)
		err = session_run(s, "LISTEN edge_publish", NULL, 0, NULL,
			why);
	if (err < 0)
		goto out;
	*out = s;
	s = NULL; /* handed over */
out:
	session_close(s);
	return err;
}

static int session_lock(void *arg, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = session_run(arg, "SELECT pg_try_advisory_lock(" LOCK_KEY ")",
		NULL, 0, &rows, why);

	if (err == 0 && record_number(&rows, 0, 0) == 0)
		err = EDGE_EBUSY;
	record_rows_fini(&rows);
	return err;
}

static int session_fd(void *arg)
{
	const struct session *s = arg;

	return s->lib.socket(s->conn);
}

static int session_poll(void *arg, bool *is_news)
{
	struct session *s = arg;
	PGnotify *note;

	*is_news = false;
	if (s->lib.consume(s->conn) == 0 ||
		s->lib.status(s->conn) != CONNECTION_OK)
		return EDGE_EPEER;
	while ((note = s->lib.notifies(s->conn)) != NULL) {
		*is_news = true;
		s->lib.free(note);
	}
	return 0;
}

const struct record_driver RECORD_POSTGRES = {
	.name = "PostgreSQL",
	.open = session_open,
	.close = session_close,
	.files = session_files,
	.run = session_run,
	.begin = "BEGIN ISOLATION LEVEL SERIALIZABLE",
	.lock = session_lock,
	.fd = session_fd,
	.poll = session_poll,
	.notify = "NOTIFY edge_publish",
	.next_epoch = "SELECT nextval('publisher_epoch')",
	.set_epoch = "SELECT setval('publisher_epoch', $1)",
};
