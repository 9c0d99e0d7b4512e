/*
 * The agent's memory as one JSON file, and the lock around it: the worker
 * writes, the loop reads. A save prints everything and replaces the file;
 * what the facts mean is decided elsewhere.
 */
#include "replication-agent/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/file.h"

#define FILE_NAME "state.json"
#define BAD_NAME  "state.json.bad"
#define FILE_MAX  (1u << 20)

struct record {
	pthread_mutex_t lock;
	char dir[PATH_MAX];
	struct record_facts facts;
	bool is_due;    /* the file says less than the facts */
	json_t *events; /* owned, oldest first */
	uint64_t last_event;
};

/* ---- facts to JSON ------------------------------------------------------ */

static json_t *version_json(const struct record_version *v)
{
	if (!v->is_set)
		return json_null();
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:I}", "epoch",
		(json_int_t)v->version.epoch, "serial",
		(json_int_t)v->version.serial, "sha256", v->sha256,
		"file_sha256", v->file_sha256, "created",
		(json_int_t)v->created.s, "at", (json_int_t)v->at.s);
}

/* A text may have been cut within a character, and jansson takes none such. */
static json_t *text_json(const char *text)
{
	char whole[WHY_LEN];

	snprintf(whole, sizeof(whole), "%s", text);
	str_tidy(whole);
	return json_string(whole);
}

static json_t *error_json(const struct record_facts *f)
{
	if (f->last_error.at.s == 0)
		return json_null();
	return json_pack("{s:I, s:s, s:o}", "at",
		(json_int_t)f->last_error.at.s, "code", f->last_error.code,
		"text", text_json(f->last_error.text));
}

static json_t *listen_json(const struct record_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < RECORD_LISTEN_MAX; i++)
		if (f->listen[i][0] != '\0')
			json_array_append_new(list,
				json_string(f->listen[i]));
	return list;
}

static json_t *facts_json(const struct record_facts *f)
{
	/* All of it or nothing: what was left out for want of memory would
	 * be forgotten for good. */
	return json_pack("{s:{s:I, s:I, s:s}, s:I, s:I, s:o, s:b, s:o, s:s, "
		"s:b, s:o, s:o, s:o}", "highest", "epoch",
		(json_int_t)f->highest.version.epoch, "serial",
		(json_int_t)f->highest.version.serial, "sha256",
		f->highest.sha256, "fence", (json_int_t)f->fence,
		"behind_since", (json_int_t)f->behind_since.s, "staged",
		version_json(&f->staged), "staged_wanted", f->is_staged_wanted,
		"intent", version_json(&f->intent), "intent_previous",
		f->intent_previous, "reverting", f->is_reverting, "active",
		version_json(&f->active), "last_error", error_json(f),
		"listen", listen_json(f));
}

/* ---- and back ----------------------------------------------------------- */

static int64_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void text(const json_t *o, const char *name, char *out, size_t cap)
{
	const char *p = json_string_value(json_object_get(o, name));

	snprintf(out, cap, "%s", p != NULL ? p : "");
}

static void read_version(const json_t *o, struct record_version *v)
{
	memset(v, 0, sizeof(*v));
	if (!json_is_object(o))
		return;
	v->is_set = true;
	v->version.epoch = (uint32_t)number(o, "epoch");
	v->version.serial = (uint64_t)number(o, "serial");
	text(o, "sha256", v->sha256, sizeof(v->sha256));
	text(o, "file_sha256", v->file_sha256, sizeof(v->file_sha256));
	v->created.s = number(o, "created");
	v->at.s = number(o, "at");
}

static void read_error(const json_t *o, struct record_facts *f)
{
	f->last_error.at.s = number(o, "at");
	text(o, "code", f->last_error.code, sizeof(f->last_error.code));
	text(o, "text", f->last_error.text, sizeof(f->last_error.text));
}

static void read_listen(const json_t *list, struct record_facts *f)
{
	for (size_t i = 0; i < RECORD_LISTEN_MAX && i < json_array_size(list);
		i++) {
		const char *at = json_string_value(json_array_get(list, i));

		snprintf(f->listen[i], sizeof(f->listen[i]), "%s",
			at != NULL ? at : "");
	}
}

/* It is our own file, whole by the way it is written: what is missing is
 * from an older version. */
static int read_facts(const json_t *o, struct record_facts *f)
{
	const json_t *highest = json_object_get(o, "highest");

	if (!json_is_object(o) || !json_is_object(highest))
		return EDGE_EMALFORMED;
	f->highest.version.epoch = (uint32_t)number(highest, "epoch");
	f->highest.version.serial = (uint64_t)number(highest, "serial");
	text(highest, "sha256", f->highest.sha256, sizeof(f->highest.sha256));
	f->fence = (uint32_t)number(o, "fence");
	read_version(json_object_get(o, "staged"), &f->staged);
	f->is_staged_wanted =
		json_is_true(json_object_get(o, "staged_wanted"));
	read_version(json_object_get(o, "intent"), &f->intent);
	text(o, "intent_previous", f->intent_previous,
		sizeof(f->intent_previous));
	f->is_reverting = json_is_true(json_object_get(o, "reverting"));
	read_version(json_object_get(o, "active"), &f->active);
	f->behind_since.s = number(o, "behind_since");
	read_error(json_object_get(o, "last_error"), f);
	read_listen(json_object_get(o, "listen"), f);
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

static int save(const struct record *r, const struct record_facts *facts,
	struct why *why)
{
	json_t *o = json_pack("{s:o, s:O, s:I}", "facts", facts_json(facts),
		"events", r->events, "last_event", (json_int_t)r->last_event);
	char *p = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	int err = -ENOMEM;

	if (p != NULL)
		err = file_replace(r->dir, FILE_NAME, p, strlen(p), 0600, why);
	else
		why_set(why, err, "%s", err_text(err));
	free(p);
	json_decref(o);
	return err;
}

static int parse(struct record *r, const char *p, size_t len)
{
	json_t *o = json_loadb(p, len, 0, NULL);
	json_t *events = json_object_get(o, "events");
	int err = read_facts(json_object_get(o, "facts"), &r->facts);

	if (err == 0 && json_is_array(events)) {
		json_decref(r->events);
		r->events = json_incref(events);
		r->last_event = (uint64_t)number(o, "last_event");
	}
	json_decref(o);
	return err;
}

/* 1 = there was one, and it could not be read. */
static int load(struct record *r, struct why *why)
{
	char path[PATH_MAX + sizeof(BAD_NAME) + 1];
	char bad[PATH_MAX + sizeof(BAD_NAME) + 1];
	char *p = NULL;
	size_t len = 0;
	int err;

	snprintf(path, sizeof(path), "%s/%s", r->dir, FILE_NAME);
	snprintf(bad, sizeof(bad), "%s/%s", r->dir, BAD_NAME);
	err = file_load(&p, &len, path, FILE_MAX, why);
	if (err == -ENOENT)
		return 0;
	if (err == 0)
		err = parse(r, p, len);
	free(p);
	if (err == 0)
		return 0;
	memset(&r->facts, 0, sizeof(r->facts));
	why_set(why, err, "%s: %s; kept as %s", path, err_text(err), BAD_NAME);
	return rename(path, bad) < 0 ? -errno : 1;
}

int record_open(struct record **out, const char *dir, struct why *why)
{
	struct record *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (r == NULL)
		return why_set(why, err, "%s", err_text(err));
	pthread_mutex_init(&r->lock, NULL);
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	r->events = json_array();
	if (r->events != NULL)
		err = load(r, why);
	if (err < 0) {
		record_close(r);
		return err;
	}
	*out = r;
	return err;
}

void record_close(struct record *r)
{
	if (r == NULL)
		return;
	json_decref(r->events);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- use ---------------------------------------------------------------- */

void record_get(struct record *r, struct record_facts *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->facts;
	pthread_mutex_unlock(&r->lock);
}

/* Locked. */
static int put(struct record *r, const struct record_facts *facts, bool keep,
	struct why *why)
{
	struct record_facts next = *facts;
	int err;

	memcpy(next.listen, r->facts.listen, sizeof(next.listen));
	err = save(r, &next, why);
	if (err == 0 || keep) {
		r->facts = next;
		r->is_due = err < 0;
	}
	return err;
}

int record_put(struct record *r, const struct record_facts *facts,
	struct why *why)
{
	int err;

	pthread_mutex_lock(&r->lock);
	err = put(r, facts, false, why);
	pthread_mutex_unlock(&r->lock);
	return err;
}

int record_keep(struct record *r, const struct record_facts *facts,
	struct why *why)
{
	int err;

	pthread_mutex_lock(&r->lock);
	err = put(r, facts, true, why);
	pthread_mutex_unlock(&r->lock);
	return err;
}

int record_settle(struct record *r, struct why *why)
{
	int err = 0;

	pthread_mutex_lock(&r->lock);
	if (r->is_due)
		err = put(r, &r->facts, true, why);
	pthread_mutex_unlock(&r->lock);
	return err;
}

int record_set_listen(struct record *r,
	char listen[RECORD_LISTEN_MAX][ADDR_TEXT_LEN], struct why *why)
{
	int err = 0;

	pthread_mutex_lock(&r->lock);
	if (memcmp(r->facts.listen, listen, sizeof(r->facts.listen)) != 0) {
		memcpy(r->facts.listen, listen, sizeof(r->facts.listen));
		err = put(r, &r->facts, true, why);
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

void record_tell(struct record *r, const char *what,
	struct bundle_version version, const char *why_text)
{
	json_t *row;

	pthread_mutex_lock(&r->lock);
	row = json_pack("{s:I, s:I, s:s, s:I, s:I, s:o}", "n",
		(json_int_t)(r->last_event + 1), "at",
		(json_int_t)wall_now().s, "event", what, "epoch",
		(json_int_t)version.epoch, "serial",
		(json_int_t)version.serial, "text", text_json(why_text));
	if (row != NULL && json_array_append_new(r->events, row) == 0) {
		r->last_event++;
		if (json_array_size(r->events) > RECORD_EVENTS_MAX)
			json_array_remove(r->events, 0);
	}
	pthread_mutex_unlock(&r->lock);
}

json_t *record_events(struct record *r, uint64_t after)
{
	json_t *rows = json_array();
	json_t *row;
	size_t i;
	uint64_t last;

	pthread_mutex_lock(&r->lock);
	json_array_foreach(r->events, i, row)
	{
		/* A copy: reference counts belong to one thread. */
		if ((uint64_t)number(row, "n") > after)
			json_array_append_new(rows, json_deep_copy(row));
	}
	last = r->last_event;
	pthread_mutex_unlock(&r->lock);
	return json_pack("{s:I, s:o}", "next", (json_int_t)last, "events",
		rows);
}

uint64_t record_last_event(struct record *r)
{
	uint64_t last;

	pthread_mutex_lock(&r->lock);
	last = r->last_event;
	pthread_mutex_unlock(&r->lock);
	return last;
}
