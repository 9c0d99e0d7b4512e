/*
 * Requests on 4443 by one table of paths. Nothing here allocates but
 * jansson, under the bound of what a body may be; nothing decides.
 */
#include "replication-agent/request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle_wire.h"

#define ORDER_MAX 4096u /* body of activate and abort */

struct row {
	enum request_kind kind;
	const char *name;
	const char *method;
	const char *path;
	bool has_rest; /* the path goes on: a hash */
};

static const struct row ROWS[] = {
	{REQUEST_STATUS, "status", "GET", BUNDLE_PATH_STATUS, false},
	{REQUEST_BUNDLE, "bundle", "PUT", BUNDLE_PATH_BUNDLES, true},
	{REQUEST_ACTIVATE, "activate", "POST", BUNDLE_PATH_ACTIVATE, false},
	{REQUEST_ABORT, "abort", "POST", BUNDLE_PATH_ABORT, false},
	{REQUEST_HEAD, "head", "PUT", BUNDLE_PATH_HEAD, false},
	{REQUEST_EVENTS, "events", "GET", BUNDLE_PATH_EVENTS, false},
};

const char *request_name(enum request_kind kind)
{
	return ROWS[kind].name;
}

static const struct row *find(struct str path)
{
	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		if (ROWS[i].has_rest ? str_starts(path, ROWS[i].path) :
				       str_eq_z(path, ROWS[i].path))
			return &ROWS[i];
	}
	return NULL;
}

static int bad(struct why *why, const char *text)
{
	why_set(why, EDGE_EMALFORMED, "%s", text);
	return 400;
}

/* A value of the query; empty when it is not there. */
static struct str query_value(struct str query, const char *name)
{
	struct str part;

	while (str_split(&query, '&', &part)) {
		size_t at = str_find(part, '=');

		if (at < part.n &&
			str_eq_z((struct str){part.p, at}, name))
			return str_skip(part, at + 1);
	}
	return (struct str){NULL, 0};
}

static bool is_sha(struct str s)
{
	if (s.n != BUNDLE_SHA_LEN - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			    (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static int read_bundle(struct request *r, struct str rest, struct str query,
	const struct request_raw *raw, struct why *why)
{
	if (!is_sha(rest) || str_copy(rest, r->sha256, sizeof(r->sha256)) < 0)
		return bad(why, "the path ends with the SHA-256 of the "
			"manifest in 64 hexadecimal digits");
	if (raw->version == NULL ||
		bundle_version_parse(str_of(raw->version), &r->version) < 0)
		return bad(why, "header Edge-Version: missing, or not "
			"epoch.serial");
	if (raw->body.n == 0)
		return bad(why, "the body is empty: a bundle is wanted");
	r->is_activating = str_eq_z(query_value(query, "activate"), "1");
	r->body = raw->body;
	return 0;
}

static int take_order(struct request *r, const json_t *o, struct why *why)
{
	const json_t *epoch = json_object_get(o, "epoch");
	const json_t *serial = json_object_get(o, "serial");
	const json_t *sha = json_object_get(o, "sha256");
	struct str text = str_of(json_string_value(sha));

	if (!json_is_integer(epoch) || json_integer_value(epoch) < 0 ||
		json_integer_value(epoch) > UINT32_MAX ||
		!json_is_integer(serial) || json_integer_value(serial) < 0)
		return bad(why, "epoch and serial: numbers are wanted");
	if (!is_sha(text) || str_copy(text, r->sha256, sizeof(r->sha256)) < 0)
		return bad(why, "sha256: 64 hexadecimal digits are wanted");
	r->version = (struct bundle_version){
		(uint32_t)json_integer_value(epoch),
		(uint64_t)json_integer_value(serial)};
	return 0;
}

static int read_order(struct request *r, struct str body, struct why *why)
{
	json_t *o = NULL;
	int status;

	if (body.n > 0 && body.n <= ORDER_MAX)
		o = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o))
		status = bad(why, "the body is no JSON object");
	else
		status = take_order(r, o, why);
	json_decref(o);
	return status;
}

static int read_events(struct request *r, struct str query, struct why *why)
{
	struct str after = query_value(query, "after");
	struct str wait = query_value(query, "wait");
	uint32_t wait_s = 0;

	if (after.n > 0 && str_to_u64(after, &r->after) < 0)
		return bad(why, "after: a number is wanted");
	if (wait.n > 0 && (str_to_u32(wait, &wait_s) < 0 ||
				  wait_s > BUNDLE_WAIT_MAX_S))
		return bad(why, "wait: 0 to 55 seconds are wanted");
	r->wait_s = wait_s;
	return 0;
}

int request_read(struct request *out, const struct request_raw *raw,
	struct why *why)
{
	size_t mark = str_find(raw->uri, '?');
	struct str path = {raw->uri.p, mark};
	struct str query = {NULL, 0};
	struct request r = {.kind = REQUEST_STATUS};
	const struct row *row = find(path);
	int status = 0;

	if (row == NULL)
		return 404;
	if (mark < raw->uri.n)
		query = str_skip(raw->uri, mark + 1);
	if (!str_eq_z(raw->method, row->method)) {
		why_set(why, EDGE_EMALFORMED, "%s is the method here",
			row->method);
		return 405;
	}
	r.kind = row->kind;
	switch (row->kind) {
	case REQUEST_STATUS:
		break;
	case REQUEST_BUNDLE:
		status = read_bundle(&r, str_skip(path, strlen(row->path)),
			query, raw, why);
		break;
	case REQUEST_ACTIVATE:
	case REQUEST_ABORT:
		status = read_order(&r, raw->body, why);
		break;
	case REQUEST_HEAD:
		if (raw->body.n == 0)
			status = bad(why, "the body is empty: a head is "
				"wanted");
		r.body = raw->body;
		break;
	case REQUEST_EVENTS:
		status = read_events(&r, query, why);
		break;
	}
	if (status == 0)
		*out = r;
	return status;
}
