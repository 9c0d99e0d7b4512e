/*
 * Strict reading and canonical printing of the small JSON objects of a
 * bundle, over jansson. jansson's compact sorted output is RFC 8785's form
 * as long as texts hold no control characters and numbers are integers:
 * both are seen to here. Rows, which may hold any text, have their own
 * printer (bundle_rows.c).
 */
#include "common/bundle/bundle_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define NAME_MAX_LEN 253u

char *bundle_json_canonical(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
}

int bundle_json_object(json_t **out, struct str text, size_t max,
	struct why *why)
{
	json_error_t error;
	json_t *o = NULL;
	char *again = NULL;
	int err = 0;

	if (text.n > max)
		return why_set(why, EDGE_ETOOBIG, "more than %zu bytes", max);
	o = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (o == NULL || !json_is_object(o)) {
		err = why_set(why, EDGE_EMALFORMED, "not a JSON object: %s",
			o == NULL ? error.text : "another kind of value");
		goto out;
	}
	again = bundle_json_canonical(o);
	if (again == NULL)
		err = -ENOMEM;
	else if (!str_eq_z(text, again))
		err = why_set(why, EDGE_EMALFORMED,
			"not in canonical form (sorted keys, no white space)");
	if (err < 0)
		goto out;
	*out = o;
	o = NULL; /* handed over */
out:
	free(again);
	json_decref(o);
	return err;
}

/* ---- kinds of text ------------------------------------------------------ */

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool bundle_is_sha(const char *text)
{
	size_t n = strlen(text);

	if (n != BUNDLE_SHA_LEN - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_hex_digit(text[i]))
			return false;
	return true;
}

bool bundle_is_uuid(const char *text)
{
	if (strlen(text) != BUNDLE_UUID_LEN - 1)
		return false;
	for (size_t i = 0; i < BUNDLE_UUID_LEN - 1; i++) {
		const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : !is_hex_digit(text[i]))
			return false;
	}
	return true;
}

bool bundle_is_line(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

bool bundle_is_name(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > NAME_MAX_LEN)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			    *p == '-' || *p == '.' || *p == '_'))
			return false;
	return true;
}

/* ---- members ------------------------------------------------------------ */

int bundle_json_number(const json_t *o, const char *name, uint64_t max,
	uint64_t *out, struct why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		(uint64_t)json_integer_value(v) > max)
		return why_set(why, EDGE_EMALFORMED,
			"%s: missing, or not a number in its range", name);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

int bundle_json_text(const json_t *o, const char *name, char *out, size_t cap,
	struct why *why)
{
	const json_t *v = json_object_get(o, name);
	const char *text = json_string_value(v);

	if (text == NULL || !bundle_is_line(text) ||
		str_copy((struct str){text, json_string_length(v)}, out,
			cap) < 0)
		return why_set(why, EDGE_EMALFORMED,
			"%s: missing, or not a line of text of at most %zu "
			"bytes", name, cap - 1);
	return 0;
}

int bundle_json_sha(const json_t *o, const char *name, bool may_be_empty,
	char out[static BUNDLE_SHA_LEN], struct why *why)
{
	char text[BUNDLE_SHA_LEN];
	int err = bundle_json_text(o, name, text, sizeof(text), why);

	if (err < 0)
		return err;
	if (!bundle_is_sha(text) && !(may_be_empty && text[0] == '\0'))
		return why_set(why, EDGE_EMALFORMED,
			"%s: not a SHA-256 in hexadecimal digits", name);
	memcpy(out, text, sizeof(text));
	return 0;
}

int bundle_json_uuid(const json_t *o, const char *name,
	char out[static BUNDLE_UUID_LEN], struct why *why)
{
	char text[BUNDLE_UUID_LEN];
	int err = bundle_json_text(o, name, text, sizeof(text), why);

	if (err < 0)
		return err;
	if (!bundle_is_uuid(text))
		return why_set(why, EDGE_EMALFORMED, "%s: not a UUID", name);
	memcpy(out, text, sizeof(text));
	return 0;
}

int bundle_json_version(const json_t *o, const char *name,
	struct bundle_version *out, struct why *why)
{
	static const char *const NAMES[] = {"epoch", "serial", NULL};
	const json_t *v = name != NULL ? json_object_get(o, name) : o;
	uint64_t epoch;
	uint64_t serial;
	int err;

	if (!json_is_object(v))
		return why_set(why, EDGE_EMALFORMED, "%s: not an object",
			name);
	err = name != NULL ? bundle_json_only(v, NAMES, why) : 0;
	if (err == 0)
		err = bundle_json_number(v, "epoch", UINT32_MAX, &epoch, why);
	if (err == 0)
		err = bundle_json_number(v, "serial", INT64_MAX, &serial, why);
	if (err == 0)
		*out = (struct bundle_version){(uint32_t)epoch, serial};
	return err;
}

int bundle_json_only(const json_t *o, const char *const *names,
	struct why *why)
{
	const char *name;
	json_t *value;

	/* jansson's iterator wants an object it could change. */
	json_object_foreach((json_t *)(uintptr_t)o, name, value)
	{
		size_t i = 0;

		while (names[i] != NULL && strcmp(names[i], name) != 0)
			i++;
		if (names[i] == NULL)
			return why_set(why, EDGE_EMALFORMED,
				"%s: no such field here", name);
	}
	return 0;
}
