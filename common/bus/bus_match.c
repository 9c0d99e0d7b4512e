/*
 * Which handler answers, with which body and query. Checks go from the
 * outside in: path, method, rights, then the body, so that somebody without
 * rights can't make us parse anything. A wrong name is answered with the
 * nearest right one (requirement R7).
 */
#include "common/bus/bus_match.h"

#include <string.h>

#include "common/base/err.h"

#define NAMES_MAX 64
#define NAME_LEN  128

static int refuse(struct bus_match *m, int status, const char *code)
{
	m->status = status;
	m->code = code;
	return EDGE_EREFUSED;
}

/* A name of ours near to what was asked, or NULL. */
static const char *nearest(struct str text, const char *const *names,
	size_t count)
{
	char name[NAME_LEN];

	if (str_copy(text, name, sizeof(name)) < 0)
		return NULL;
	return str_nearest(name, names, count);
}

/* ---- path and method ---------------------------------------------------- */

static int not_found(struct bus_match *m, const struct bus_tables *tables,
	struct str path)
{
	const char *names[NAMES_MAX];
	const char *near;
	size_t n = 0;

	for (size_t t = 0; t < tables->count; t++) {
		for (size_t i = 0; i < tables->counts[t] && n < NAMES_MAX; i++)
			names[n++] = tables->tables[t][i].path;
	}
	near = nearest(path, names, n);
	why_set(&m->why, 0, "nothing answers at '%.*s'%s%s",
		path.n > NAME_LEN ? NAME_LEN : (int)path.n, path.p,
		near != NULL ? "; did you mean " : "",
		near != NULL ? near : "");
	return refuse(m, 404, "not_found");
}

static int find_route(struct bus_match *m, const struct bus_tables *tables,
	struct str method, struct str path)
{
	const struct bus_route *other = NULL;

	for (size_t t = 0; t < tables->count; t++) {
		for (size_t i = 0; i < tables->counts[t]; i++) {
			const struct bus_route *r = &tables->tables[t][i];

			if (!str_eq_z(path, r->path))
				continue;
			if (str_eq_z(method, r->method)) {
				m->route = r;
				m->table = t;
				return 0;
			}
			other = r;
		}
	}
	if (other == NULL)
		return not_found(m, tables, path);
	why_set(&m->why, 0, "%s is asked with %s", other->path, other->method);
	return refuse(m, 405, "wrong_method");
}

static const char *right_holders(enum bus_right right)
{
	switch (right) {
	case BUS_READ:
		return "root and group sallyport";
	case BUS_CHECK:
		return "root, group sallyport-admin and the replication "
		       "agent, on the admin socket";
	case BUS_CHANGE:
		return "root and group sallyport-admin, on the admin socket";
	}
	return "nobody";
}

static int check_rights(struct bus_match *m, const struct bus_call *call)
{
	if (call->may(m->route->right, call->arg))
		return 0;
	why_set(&m->why, 0, "%s %s is for %s", m->route->method,
		m->route->path, right_holders(m->route->right));
	return refuse(m, 403, "forbidden");
}

/* ---- query -------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* %41 and + undone into out. */
static int unescape(struct str in, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (n + 1 >= cap)
			return EDGE_ETOOBIG;
		if (c == '%') {
			int high = i + 1 < in.n ? hex_value(in.p[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_value(in.p[i + 2]) : -1;

			if (high < 0 || low < 0 || high + low == 0)
				return EDGE_EMALFORMED;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return 0;
}

static int parse_query(struct bus_match *m, struct str query)
{
	char name[NAME_LEN];
	char value[1024];
	struct str item;
	size_t n = 0;

	while (query.n > 0 && str_split(&query, '&', &item)) {
		const size_t at = str_find(item, '=');
		const struct str key = {item.p, at};

		if (item.n == 0)
			continue;
		if (++n > BUS_QUERY_MAX ||
			unescape(key, name, sizeof(name)) < 0 ||
			unescape(str_skip(item, at + 1), value,
				sizeof(value)) < 0 ||
			json_object_set_new(m->query, name,
				json_string(value)) < 0) {
			why_set(&m->why, 0,
				"the query after '?' is not well-formed, or "
				"has more than %d parts", BUS_QUERY_MAX);
			return refuse(m, 400, "bad_query");
		}
	}
	return 0;
}

/* ---- body --------------------------------------------------------------- */

/* Before the parser is let loose: it recurses. */
static bool is_too_deep(struct str body)
{
	size_t depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < body.n; i++) {
		const char c = body.p[i];

		if (c == '"')
			in_text = !in_text;
		else if (in_text && c == '\\')
			i++;
		else if (in_text)
			continue;
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > BUS_DEPTH_MAX)
			return true;
	}
	return false;
}

static int load_body(struct bus_match *m, struct str body)
{
	json_error_t error;

	if (body.n == 0)
		return 0;
	if (strcmp(m->route->method, "GET") == 0) {
		why_set(&m->why, 0, "%s takes no body", m->route->path);
		return refuse(m, 400, "bad_body");
	}
	if (body.n > BUS_BODY_MAX || is_too_deep(body)) {
		why_set(&m->why, 0, "the body is over %u bytes or %d levels",
			BUS_BODY_MAX, BUS_DEPTH_MAX);
		return refuse(m, 400, "bad_body");
	}
	json_decref(m->body);
	m->body = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &error);
	if (m->body == NULL) {
		why_set(&m->why, 0, "the body is not JSON: line %d column %d: "
			"%s", error.line, error.column, error.text);
		return refuse(m, 400, "bad_body");
	}
	if (!json_is_object(m->body)) {
		why_set(&m->why, 0, "the body has to be a JSON object {...}");
		return refuse(m, 400, "bad_body");
	}
	return 0;
}

static size_t field_count(const struct bus_route *route)
{
	size_t n = 0;

	while (route->fields != NULL && route->fields[n] != NULL)
		n++;
	return n;
}

static bool has_field(const struct bus_route *route, const char *name)
{
	for (size_t i = 0; i < field_count(route); i++) {
		if (strcmp(route->fields[i], name) == 0)
			return true;
	}
	return false;
}

static int check_fields(struct bus_match *m)
{
	const size_t count = field_count(m->route);
	const char *name;
	const char *near;
	json_t *value;

	json_object_foreach(m->body, name, value) {
		if (has_field(m->route, name))
			continue;
		near = nearest(str_of(name), m->route->fields, count);
		why_set(&m->why, 0, "%s has no field '%.*s'%s%s",
			m->route->path, NAME_LEN, name,
			near != NULL ? "; did you mean " : "",
			near != NULL ? near : "");
		return refuse(m, 400, "unknown_field");
	}
	return 0;
}

int bus_match_init(struct bus_match *match, const struct bus_tables *tables,
	const struct bus_call *call)
{
	struct str rest = call->uri;
	struct str path = {"", 0};
	int err;

	*match = (struct bus_match){0};
	match->query = json_object();
	match->body = json_object();
	if (match->query == NULL || match->body == NULL) {
		why_set(&match->why, 0, "out of memory");
		return refuse(match, 503, "busy");
	}
	str_split(&rest, '?', &path);
	err = find_route(match, tables, call->method, path);
	if (err == 0)
		err = check_rights(match, call);
	if (err == 0)
		err = parse_query(match, rest);
	if (err == 0)
		err = load_body(match, call->body);
	if (err == 0)
		err = check_fields(match);
	return err;
}

void bus_match_fini(struct bus_match *match)
{
	json_decref(match->query);
	json_decref(match->body);
	match->query = NULL;
	match->body = NULL;
}
