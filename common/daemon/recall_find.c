/*
 * Asking the memory: what a person may name (a user, an address, a call ...)
 * against what a record is about, and the answer as JSON. Nothing is changed
 * here.
 */
#include <stdlib.h>
#include <string.h>

#include "common/daemon/recall.h"
#include "common/daemon/recall_store.h"

struct found {
	uint64_t number;
	struct recall_record record;
};

/* ---- subjects ----------------------------------------------------------- */

struct str recall_bare_uri(struct str text)
{
	static const char *const SCHEMES[] = {"sip:", "sips:", "tel:"};
	struct str bare = str_trim(text);

	if (str_starts(bare, "<") && str_ends(bare, ">"))
		bare = (struct str){bare.p + 1, bare.n - 2};
	for (size_t i = 0; i < ARRAY_COUNT(SCHEMES); i++) {
		if (!str_istarts(bare, SCHEMES[i]))
			continue;
		bare = str_skip(bare, strlen(SCHEMES[i]));
		bare.n = str_find(bare, ';');
		bare.n = str_find(bare, '?');
		break;
	}
	return bare;
}

void recall_subject_parse(struct recall_subject *out, struct str about)
{
	out->text = recall_bare_uri(about);
	out->is_address = addr_parse(out->text, &out->address) == 0;
	if (out->is_address)
		out->address = addr_canonical(&out->address);
}

static bool is_address(const struct addr *have, const struct addr *want)
{
	const struct addr plain = addr_canonical(have);

	return addr_is_set(have) && addr_ip_eq(&plain, want) &&
	       (want->port == 0 || have->port == want->port);
}

/* "alice" and "example.com" are parts of alice@example.com. */
static bool is_user(struct str user, struct str text)
{
	const size_t at = str_find(user, '@');

	if (str_ieq(user, text))
		return true;
	return at < user.n && (str_ieq((struct str){user.p, at}, text) ||
				      str_ieq(str_skip(user, at + 1), text));
}

bool recall_is_about(const struct recall_record *rec,
	const struct recall_subject *subject)
{
	static const enum recall_word KEYS[] = {RECALL_ID, RECALL_CALL_ID,
		RECALL_DOMAIN, RECALL_CREDENTIAL};

	if (str_is_empty(subject->text))
		return false;
	if (subject->is_address &&
		(is_address(&rec->address, &subject->address) ||
			is_address(&rec->other, &subject->address)))
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++)
		if (str_ieq_z(subject->text, recall_word(rec, KEYS[i])))
			return true;
	return is_user(str_of(recall_word(rec, RECALL_USER)), subject->text);
}

/* ---- the answer --------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const uint64_t x = ((const struct found *)a)->number;
	const uint64_t y = ((const struct found *)b)->number;

	return (x > y) - (x < y);
}

static size_t record_count(const struct recall *r)
{
	size_t count = 0;

	for (size_t i = 0; i < RECALL_SHARES; i++)
		count += r->pools[i].cap;
	return count;
}

/* Copies, so that the lock is not held while JSON is made. */
static size_t collect(struct recall *r, const struct recall_subject *subject,
	struct found *out, uint64_t *left_out)
{
	size_t n = 0;

	*left_out = 0;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RECALL_SHARES; i++) {
		const struct recall_pool *pool = &r->pools[i];

		*left_out += pool->left_out;
		for (size_t k = 0; k < pool->cap; k++) {
			if (pool->slots[k].number == 0 ||
				!recall_is_about(&pool->records[k], subject))
				continue;
			out[n].number = pool->slots[k].number;
			out[n++].record = pool->records[k];
		}
	}
	pthread_mutex_unlock(&r->lock);
	qsort(out, n, sizeof(*out), by_number);
	return n;
}

static void add_at(json_t *object, const char *name, int64_t ms)
{
	char text[WALL_TEXT_LEN];

	json_object_set_new(object, name,
		json_string(wall_text((struct wall){ms / 1000}, text)));
}

static void add_address(json_t *object, const char *name,
	const struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	if (!addr_is_set(a))
		return;
	json_object_set_new(object, name,
		json_string(a->port != 0 ? addr_text(a, text)
					 : addr_ip_text(a, text)));
}

static json_t *record_json(const struct found *f)
{
	const struct recall_record *rec = &f->record;
	static const char *const NAMES[RECALL_WORD_COUNT] = {
		[RECALL_ID] = "id",
		[RECALL_CALL_ID] = "call_id",
		[RECALL_USER] = "user",
		[RECALL_DOMAIN] = "domain",
		[RECALL_CREDENTIAL] = "credential",
		[RECALL_TEXT] = "text",
	};
	json_t *object = json_object();

	add_at(object, "at", rec->first_ms);
	json_object_set_new(object, "number",
		json_integer((json_int_t)f->number));
	/* Those of one second keep their order among daemons. */
	json_object_set_new(object, "at_ms", json_integer(rec->first_ms));
	json_object_set_new(object, "kind", json_string(rec->kind));
	for (size_t i = 0; i < RECALL_WORD_COUNT; i++) {
		const char *word = recall_word(rec, (enum recall_word)i);

		if (word[0] == '\0' && i != RECALL_ID && i != RECALL_TEXT)
			continue;
		json_object_set_new(object, NAMES[i], json_string(word));
	}
	add_address(object, "address", &rec->address);
	add_address(object, "other", &rec->other);
	if (rec->advice != NULL)
		json_object_set_new(object, "advice",
			json_string(rec->advice));
	json_object_set_new(object, "count",
		json_integer((json_int_t)rec->count));
	if (rec->count > 1)
		add_at(object, "last_at", rec->last_ms);
	return object;
}

json_t *recall_about(struct recall *r, const char *about)
{
	struct recall_subject subject;
	struct found *found = calloc(record_count(r), sizeof(*found));
	json_t *records = json_array();
	json_t *answer = json_object();
	uint64_t left_out;
	size_t n;

	if (found == NULL || records == NULL || answer == NULL) {
		free(found);
		json_decref(records);
		json_decref(answer);
		return NULL;
	}
	recall_subject_parse(&subject, str_of(about));
	n = collect(r, &subject, found, &left_out);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(records,
			record_json(&found[i]));
	free(found);
	json_object_set_new(answer, "about", json_string(about));
	add_at(answer, "since", r->started_ms);
	json_object_set_new(answer, "left_out",
		json_integer((json_int_t)left_out));
	json_object_set_new(answer, "records", records);
	return answer;
}
