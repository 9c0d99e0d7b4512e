/*
 * The small grammar below SIP headers (RFC 3261 section 25.1): tokens,
 * lists, parameters, quotes. Whole values are checked by sip_value.c; this
 * file only finds where things begin and end, so that lines can be edited
 * without printing them anew.
 */
#include "common/sip/sip_text.h"

#include <string.h>
#include <strings.h>

#include "common/base/dns_name.h"

static bool is_token_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("-.!%*_+`'~", c) != NULL;
}

bool sip_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token_char(s.p[i]))
			return false;
	}
	return s.n > 0;
}

bool sip_is_one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	}
	return true;
}

/* Position behind the quoted string that begins at i. */
static size_t skip_quoted(struct str s, size_t i)
{
	for (i++; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.n;
}

/* Position behind the comment that begins at i; comments nest. */
static size_t skip_comment(struct str s, size_t i)
{
	size_t depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.n;
}

/* First c outside quotes, <> and comments, or s.n. */
static size_t find_outside(struct str s, char c)
{
	size_t i = 0;

	while (i < s.n) {
		if (s.p[i] == c)
			return i;
		if (s.p[i] == '"') {
			i = skip_quoted(s, i);
		} else if (s.p[i] == '(') {
			i = skip_comment(s, i);
		} else if (s.p[i] == '<') {
			i += str_find(str_skip(s, i), '>');
		} else {
			i++;
		}
	}
	return s.n;
}

struct str sip_line_value(struct str raw)
{
	struct str value = str_trim(str_skip(raw, str_find(raw, ':') + 1));

	if (value.n == 0)
		value.p = raw.p + raw.n - 2;
	return value;
}

bool sip_list_next(struct str *rest, struct str *value)
{
	size_t end;

	if (rest->p == NULL)
		return false;
	end = find_outside(*rest, ',');
	*value = str_trim((struct str){rest->p, end});
	if (end < rest->n)
		*rest = str_skip(*rest, end + 1);
	else
		*rest = (struct str){NULL, 0};
	return true;
}

struct str sip_params_of(struct str value)
{
	return str_skip(value, find_outside(value, ';'));
}

bool sip_param_span(struct str params, const char *name, struct str *whole)
{
	struct str rest = params;

	while (rest.n > 0) {
		struct str one;
		size_t begin = rest.p[0] == ';' ? 1 : 0;
		size_t end = begin +
			find_outside(str_skip(rest, begin), ';');
		size_t eq;

		one = (struct str){rest.p + begin, end - begin};
		eq = str_find(one, '=');
		if (str_ieq_z(str_trim((struct str){one.p, eq}), name)) {
			*whole = (struct str){rest.p, end};
			return true;
		}
		rest = str_skip(rest, end);
	}
	return false;
}

bool sip_param_find(struct str params, const char *name, struct str *value)
{
	struct str whole;
	size_t eq;

	if (!sip_param_span(params, name, &whole))
		return false;
	eq = str_find(whole, '=');
	if (eq < whole.n)
		*value = str_trim(str_skip(whole, eq + 1));
	else
		*value = (struct str){whole.p + whole.n, 0};
	return true;
}

struct str sip_unquote(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

bool sip_host_eq(struct str a, struct str b)
{
	return str_ieq(dns_name_without_dot(a), dns_name_without_dot(b));
}
