/*
 * The story behind `edgectl explain`: records of all daemons put together,
 * put in order, and told. Asking the daemons is in cmd_explain.c.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "edgectl/output.h"
#include "edgectl/story.h"

int story_init(struct story *s)
{
	s->records = json_array();
	s->since = json_object();
	if (s->records != NULL && s->since != NULL)
		return 0;
	story_fini(s);
	return -ENOMEM;
}

void story_fini(struct story *s)
{
	json_decref(s->records);
	json_decref(s->since);
	s->records = NULL;
	s->since = NULL;
}

static json_int_t number_of(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

static bool has_record(const struct story *s, const char *daemon,
	json_int_t number)
{
	const json_t *record;
	size_t i;

	json_array_foreach(s->records, i, record)
		if (number_of(record, "number") == number &&
			strcmp(output_str(record, "daemon", ""), daemon) == 0)
			return true;
	return false;
}

void story_add(struct story *s, const char *daemon, const json_t *answer)
{
	const json_t *records = json_object_get(answer, "records");
	json_t *record;
	size_t i;

	json_object_set(s->since, daemon, json_object_get(answer, "since"));
	json_array_foreach(records, i, record)
	{
		if (has_record(s, daemon, number_of(record, "number")))
			continue;
		json_object_set_new(record, "daemon", json_string(daemon));
		json_array_append(s->records, record);
	}
}

static int in_time(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a;
	const json_t *y = *(json_t *const *)b;
	const json_int_t dt = number_of(x, "at_ms") - number_of(y, "at_ms");
	const json_int_t dn = number_of(x, "number") - number_of(y, "number");

	if (dt != 0)
		return dt < 0 ? -1 : 1;
	return (dn > 0) - (dn < 0);
}

void story_sort(struct story *s)
{
	const size_t n = json_array_size(s->records);
	json_t **rows = calloc(n + 1, sizeof(*rows));
	json_t *sorted = json_array();

	if (rows != NULL && sorted != NULL) {
		for (size_t i = 0; i < n; i++)
			rows[i] = json_array_get(s->records, i);
		qsort(rows, n, sizeof(json_t *), in_time);
		for (size_t i = 0; i < n; i++)
			json_array_append(sorted, rows[i]);
		json_decref(s->records);
		s->records = sorted;
		sorted = NULL;
	}
	json_decref(sorted);
	free(rows);
}

size_t story_credentials(const struct story *s,
	const char *out[static STORY_CREDENTIALS_MAX])
{
	const json_t *record;
	size_t count = 0;
	size_t i;

	json_array_foreach(s->records, i, record)
	{
		const char *id = output_str(record, "credential", NULL);
		size_t k = 0;

		if (id == NULL)
			continue;
		while (k < count && strcmp(out[k], id) != 0)
			k++;
		if (k == count && count < STORY_CREDENTIALS_MAX)
			out[count++] = id;
	}
	return count;
}

/* ---- telling ------------------------------------------------------------ */

/* "    user alice@example.com, call 8d1b..." */
static void tell_keys(FILE *to, const json_t *record)
{
	static const struct {
		const char *key;
		const char *word;
	} KEYS[] = {
		{"user", "user"},
		{"domain", "domain"},
		{"address", "from"},
		{"other", "with"},
		{"call_id", "call"},
		{"credential", "credential"},
		{"id", "id"},
	};
	const char *before = "    ";

	for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++) {
		const json_t *value = json_object_get(record, KEYS[i].key);
		char *text;

		if (json_string_length(value) == 0)
			continue;
		text = output_value(value);
		fprintf(to, "%s%s %s", before, KEYS[i].word,
			text != NULL ? text : "");
		free(text);
		before = ", ";
	}
	if (before[0] == ',')
		fputc('\n', to);
}

static void tell(FILE *to, const json_t *record)
{
	const json_int_t count = number_of(record, "count");
	char *text = output_value(json_object_get(record, "text"));

	fprintf(to, "%s  %s  %s", output_str(record, "at", "-"),
		output_str(record, "daemon", "-"),
		output_str(record, "kind", "-"));
	if (count > 1)
		fprintf(to, "  (%lld times, last %s)", (long long)count,
			output_str(record, "last_at", "-"));
	fputc('\n', to);
	if (text != NULL && text[0] != '\0')
		fprintf(to, "    %s\n", text);
	tell_keys(to, record);
	if (output_str(record, "advice", NULL) != NULL)
		fprintf(to, "    -> %s\n", output_str(record, "advice", ""));
	free(text);
}

void story_text(FILE *to, const json_t *object)
{
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(object, "records"), i, record)
		tell(to, record);
	if (json_array_size(json_object_get(object, "records")) > 0)
		return;
	fprintf(to, "nothing is remembered about '%s'\n",
		output_str(object, "about", ""));
	fprintf(to, "%s\n", output_str(object, "hint", ""));
}

const char *story_hint(const char *about)
{
	struct addr a;

	if (addr_parse(str_of(about), &a) == 0)
		return "No daemon refused or ended anything of this address "
		       "since it started, or it never got here: see whether "
		       "packets arrive (tcpdump), and 'edgectl ports' for the "
		       "listeners. Behind a NAT, give its outer address.";
	if (strchr(about, '@') != NULL)
		return "No decision about this user or call since the daemons "
		       "started. Try the address it comes from, or 'edgectl "
		       "connections --user' for what is open; older events "
		       "are in the journal (journalctl -t access-edge).";
	return "Give a call-id, a user (alice@example.com), an address, a "
	       "domain, a credential id, or the id of a session or "
	       "allocation as 'edgectl connections' and 'edgectl "
	       "allocations' show it.";
}
