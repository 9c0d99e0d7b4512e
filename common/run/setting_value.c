/*
 * One setting's value in its two forms: what a person writes ("8h",
 * "[a, b]") and canonical JSON as it lies in the store (28800, ["a","b"]).
 * All type and bound checks are here.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/netset.h"
#include "common/run/setting.h"

#define JSON_FLAGS    (JSON_COMPACT | JSON_ENCODE_ANY)
#define DECODE_FLAGS  (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES)
#define LIST_MAX      1024u
#define TOKEN_LEN_MAX 64u
#define URL_LEN_MAX   255u

static const struct unit {
	char letter;
	uint32_t seconds;
} UNITS[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

/* ---- durations ---------------------------------------------------------- */

/* "8h", "90s"; also "1h30m". A bare number has no unit and is refused: is
 * it seconds or minutes? Zero needs none. */
static int duration_parse(struct str text, uint64_t *seconds)
{
	uint64_t total = 0;
	size_t last_unit = 0;

	if (str_eq_z(text, "0")) {
		*seconds = 0;
		return 0;
	}
	if (str_is_empty(text))
		return EDGE_EMALFORMED;
	while (text.n > 0) {
		size_t digits = 0;
		size_t u = last_unit;
		uint32_t n;

		while (digits < text.n && text.p[digits] >= '0' &&
			text.p[digits] <= '9')
			digits++;
		if (digits == text.n ||
			str_to_u32((struct str){text.p, digits}, &n) < 0)
			return EDGE_EMALFORMED;
		while (u < ARRAY_COUNT(UNITS) &&
			UNITS[u].letter != text.p[digits])
			u++;
		if (u == ARRAY_COUNT(UNITS))
			return EDGE_EMALFORMED;
		total += (uint64_t)n * UNITS[u].seconds;
		last_unit = u + 1;
		text = str_skip(text, digits + 1);
	}
	*seconds = total;
	return 0;
}

/* In the largest unit that leaves no rest: 5400 is "90m". */
static void duration_text(uint64_t seconds, char *out, size_t cap)
{
	size_t u = 0;

	while (u + 1 < ARRAY_COUNT(UNITS) &&
		(seconds == 0 || seconds % UNITS[u].seconds != 0))
		u++;
	snprintf(out, cap, "%llu%c",
		(unsigned long long)(seconds / UNITS[u].seconds),
		UNITS[u].letter);
}

/* ---- checks on parsed JSON ---------------------------------------------- */

static int check_bounds(const struct setting_def *def, const json_t *v,
	struct why *why)
{
	json_int_t n = json_integer_value(v);
	char low[32];
	char high[32];

	if (json_is_integer(v) && n >= 0 && (uint64_t)n >= def->min &&
		(uint64_t)n <= def->max)
		return 0;
	if (def->kind == SETTING_DURATION) {
		duration_text(def->min, low, sizeof(low));
		duration_text(def->max, high, sizeof(high));
		return why_set(why, EDGE_ECONFIG,
			"%s: a time from %s to %s belongs here, e.g. 90s or "
			"8h", def->name, low, high);
	}
	return why_set(why, EDGE_ECONFIG,
		"%s: a number from %llu to %llu belongs here%s%s", def->name,
		(unsigned long long)def->min, (unsigned long long)def->max,
		def->unit[0] != '\0' ? ", in " : "", def->unit);
}

static int check_choice(const struct setting_def *def, const json_t *v,
	struct why *why)
{
	const char *text = json_string_value(v);
	char all[160] = "";
	size_t len = 0;

	for (size_t i = 0; def->choices[i] != NULL; i++) {
		if (text != NULL && strcmp(def->choices[i], text) == 0)
			return 0;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
			i > 0 ? ", " : "", def->choices[i]);
	}
	return why_set(why, EDGE_ECONFIG, "%s: one of %s belongs here",
		def->name, all);
}

static int check_name(const struct setting_def *def, const json_t *v,
	struct why *why)
{
	const char *text = json_string_value(v);

	if (text != NULL &&
		(text[0] == '\0' || dns_name_is_valid(str_of(text))))
		return 0;
	return why_set(why, EDGE_ECONFIG,
		"%s: a DNS name belongs here, e.g. example.com", def->name);
}

/* RFC 3261 section 25.1. */
static bool is_token(const char *text)
{
	static const char MARKS[] = "-.!%*_+`'~";
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || strchr(MARKS, c)))
			return false;
	}
	return n > 0 && n <= TOKEN_LEN_MAX;
}

/* scheme://host[:port][/path]: nothing of a query, of a user, of the shell. */
static bool is_url(const char *text)
{
	static const char MARKS[] = "-._~:/%+";
	const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 :
		strncmp(text, "http://", 7) == 0             ? text + 7 :
							       "";
	size_t n = strcspn(host, ":/");

	for (const char *p = host; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9') || strchr(MARKS, *p)))
			return false;
	return n > 0 && strlen(text) <= URL_LEN_MAX &&
		dns_name_is_valid((struct str){host, n});
}

static bool item_is_good(enum setting_kind kind, const char *text)
{
	struct net_prefix net;

	if (text == NULL)
		return false;
	if (kind == SETTING_PREFIXES)
		return net_prefix_parse(str_of(text), &net) == 0;
	if (kind == SETTING_TOKENS)
		return is_token(text);
	if (kind == SETTING_URLS)
		return is_url(text);
	return dns_name_is_valid(str_of(text));
}

static const char *item_kind(enum setting_kind kind)
{
	if (kind == SETTING_PREFIXES)
		return "an address or prefix such as 192.0.2.0/24 (host bits "
		       "0)";
	if (kind == SETTING_URLS)
		return "a base such as https://mirror.example.com/edge";
	return kind == SETTING_TOKENS ? "a word such as INVITE" :
					"a DNS name such as example.com";
}

static int check_list(const struct setting_def *def, const json_t *v,
	struct why *why)
{
	size_t max = def->max > 0 ? (size_t)def->max : LIST_MAX;
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return why_set(why, EDGE_ECONFIG,
			"%s: a list belongs here, e.g. [a, b]", def->name);
	if (json_array_size(v) > max)
		return why_set(why, EDGE_ECONFIG, "%s: at most %zu entries",
			def->name, max);
	json_array_foreach(v, i, item) {
		const char *text = json_string_value(item);

		if (item_is_good(def->kind, text))
			continue;
		return why_set(why, EDGE_ECONFIG, "%s: '%s' is not %s",
			def->name, text != NULL ? text : "?",
			item_kind(def->kind));
	}
	return 0;
}

static int check_parsed(const struct setting_def *def, const json_t *v,
	struct why *why)
{
	switch (def->kind) {
	case SETTING_BOOL:
		if (json_is_boolean(v))
			return 0;
		return why_set(why, EDGE_ECONFIG,
			"%s: true or false belongs here", def->name);
	case SETTING_NUMBER:
	case SETTING_DURATION:
		return check_bounds(def, v, why);
	case SETTING_CHOICE:
		return check_choice(def, v, why);
	case SETTING_NAME:
		return check_name(def, v, why);
	case SETTING_PREFIXES:
	case SETTING_TOKENS:
	case SETTING_NAMES:
	case SETTING_URLS:
		return check_list(def, v, why);
	}
	return EDGE_ECONFIG;
}

int setting_check(const struct setting_def *def, const char *json,
	struct why *why)
{
	json_t *v = json_loads(json, DECODE_FLAGS, NULL);
	int err;

	if (v == NULL)
		return why_set(why, EDGE_ECONFIG,
			"%s: the stored value is not JSON", def->name);
	err = check_parsed(def, v, why);
	json_decref(v);
	return err;
}

/* ---- from people -------------------------------------------------------- */

/* NULL when the text has not the shape; the check then says what would be
 * right, so a JSON null goes on in its place. */
static json_t *scalar_from_text(const struct setting_def *def,
	struct str text)
{
	uint64_t n;

	if (def->kind == SETTING_BOOL) {
		if (str_eq_z(text, "true") || str_eq_z(text, "false"))
			return json_boolean(text.p[0] == 't');
		return json_null();
	}
	if (def->kind == SETTING_NUMBER || def->kind == SETTING_DURATION) {
		int err = def->kind == SETTING_DURATION ?
			duration_parse(text, &n) :
			str_to_u64(text, &n);

		if (err < 0 || n > INT64_MAX)
			return json_null();
		return json_integer((json_int_t)n);
	}
	return json_stringn(text.p != NULL ? text.p : "", text.n);
}

static bool wants_list(const struct setting_def *def)
{
	return def->kind == SETTING_PREFIXES || def->kind == SETTING_TOKENS ||
		def->kind == SETTING_NAMES || def->kind == SETTING_URLS;
}

static json_t *list_from_text(const struct str *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count && list != NULL; i++) {
		json_t *item = json_stringn(
			items[i].p != NULL ? items[i].p : "", items[i].n);

		if (json_array_append_new(list, item) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

int setting_from_text(const struct setting_def *def, const struct str *items,
	size_t count, bool is_list, char **json, struct why *why)
{
	json_t *v;
	char *text;
	int err;

	if (is_list != wants_list(def))
		return why_set(why, EDGE_ECONFIG,
			is_list ? "%s: a single value belongs here, not a "
				  "list" :
				  "%s: a list belongs here, e.g. [a, b]",
			def->name);
	v = is_list ? list_from_text(items, count) :
		      scalar_from_text(def, items[0]);
	if (v == NULL)
		return -ENOMEM;
	err = check_parsed(def, v, why);
	text = err == 0 ? json_dumps(v, JSON_FLAGS) : NULL;
	json_decref(v);
	if (err < 0)
		return err;
	if (text == NULL)
		return -ENOMEM;
	*json = text;
	return 0;
}

/* ---- for people --------------------------------------------------------- */

static char *list_to_text(const json_t *v)
{
	size_t cap = 3; /* brackets and NUL */
	const json_t *item;
	size_t len = 1;
	size_t i;
	char *out;

	json_array_foreach(v, i, item)
		cap += json_string_length(item) + 2;
	out = malloc(cap);
	if (out == NULL)
		return NULL;
	out[0] = '[';
	json_array_foreach(v, i, item)
		len += (size_t)snprintf(out + len, cap - len, "%s%s",
			i > 0 ? ", " : "",
			json_is_string(item) ? json_string_value(item) : "");
	snprintf(out + len, cap - len, "]");
	return out;
}

char *setting_to_text(const struct setting_def *def, const char *json)
{
	json_t *v = json_loads(json, DECODE_FLAGS, NULL);
	char duration[32];
	char *out;

	if (v == NULL)
		return strdup(json);
	if (json_is_array(v)) {
		out = list_to_text(v);
	} else if (json_is_string(v)) {
		out = strdup(json_string_value(v));
	} else if (json_is_integer(v) && def->kind == SETTING_DURATION) {
		duration_text((uint64_t)json_integer_value(v), duration,
			sizeof(duration));
		out = strdup(duration);
	} else {
		out = json_dumps(v, JSON_FLAGS);
	}
	json_decref(v);
	return out;
}
