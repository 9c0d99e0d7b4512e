/*
 * Changes to a message as changes to its array of lines. A line that is
 * made anew gets its text from the message's arena; all others keep
 * pointing into what was received.
 */
#include "common/sip/sip_edit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_arena.h"

/* Pieces joined in the arena; p is NULL when out of memory. */
static struct str join(struct sip_msg *m, const struct str *parts,
	size_t count)
{
	size_t total = 0;
	char *text, *at;

	for (size_t i = 0; i < count; i++)
		total += parts[i].n;
	text = sip_arena_get(m->arena, total + 1);
	if (text == NULL)
		return (struct str){NULL, 0};
	at = text;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0)
			at = mempcpy(at, parts[i].p, parts[i].n);
	}
	*at = '\0';
	return (struct str){text, total};
}

static int make_line(struct sip_msg *m, enum sip_header id, struct str name,
	struct str value, struct sip_line *out)
{
	const struct str parts[] = {name, STR_LIT(": "), value,
		STR_LIT("\r\n")};
	struct str raw;

	if (!sip_is_token(name) || !sip_is_one_line(value))
		return EDGE_EMALFORMED;
	raw = join(m, parts, ARRAY_COUNT(parts));
	if (raw.p == NULL)
		return -ENOMEM;
	out->id = id;
	out->raw = raw;
	out->name = (struct str){raw.p, name.n};
	out->value = (struct str){raw.p + name.n + 2, value.n};
	return 0;
}

static int insert_line(struct sip_msg *m, size_t at,
	const struct sip_line *line)
{
	size_t after = m->line_count - at;

	if (m->line_count == m->line_cap) {
		size_t cap = m->line_cap * 2 + 8;
		struct sip_line *lines = sip_arena_get(m->arena,
			cap * sizeof(*lines));

		if (lines == NULL)
			return -ENOMEM;
		if (m->line_count > 0)
			memcpy(lines, m->lines,
				m->line_count * sizeof(*lines));
		m->lines = lines;
		m->line_cap = cap;
	}
	memmove(m->lines + at + 1, m->lines + at,
		after * sizeof(*m->lines));
	m->lines[at] = *line;
	m->line_count++;
	return 0;
}

static void delete_line(struct sip_msg *m, size_t at)
{
	memmove(m->lines + at, m->lines + at + 1,
		(m->line_count - at - 1) * sizeof(*m->lines));
	m->line_count--;
}

void sip_drop_line(struct sip_msg *m, size_t at)
{
	if (at < m->line_count)
		delete_line(m, at);
}

static int add_at(struct sip_msg *m, size_t at, enum sip_header id,
	struct str name, struct str value)
{
	struct sip_line line;
	int err = make_line(m, id, name, value, &line);

	return err != 0 ? err : insert_line(m, at, &line);
}

/* Index of the first (or one behind the last) line, line_count = none. */
static size_t first_of(const struct sip_msg *m, enum sip_header id)
{
	size_t i = 0;

	while (i < m->line_count && m->lines[i].id != id)
		i++;
	return i;
}

static size_t behind_last_of(const struct sip_msg *m, enum sip_header id)
{
	for (size_t i = m->line_count; i > 0; i--) {
		if (m->lines[i - 1].id == id)
			return i;
	}
	return m->line_count;
}

static bool is_named(const struct sip_line *line, enum sip_header id,
	struct str name)
{
	if (id != SIP_HEADER_OTHER)
		return line->id == id;
	return str_ieq(line->name, name);
}

int sip_set_uri(struct sip_msg *m, struct str uri)
{
	const struct str parts[] = {m->method, STR_LIT(" "), uri,
		STR_LIT(" SIP/2.0\r\n")};
	struct str start;

	if (!m->is_request || !sip_is_one_line(uri) ||
		str_find(uri, ' ') < uri.n)
		return EDGE_EMALFORMED;
	start = join(m, parts, ARRAY_COUNT(parts));
	if (start.p == NULL)
		return -ENOMEM;
	m->start = start;
	return 0;
}

int sip_set_max_forwards(struct sip_msg *m, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return sip_set(m, "Max-Forwards", str_of(text));
}

int sip_push(struct sip_msg *m, enum sip_header id, struct str value)
{
	size_t at = first_of(m, id);

	if (at == m->line_count && id == SIP_HEADER_VIA)
		at = 0;
	else if (at == m->line_count && (id == SIP_HEADER_RECORD_ROUTE ||
		id == SIP_HEADER_PATH || id == SIP_HEADER_ROUTE))
		at = behind_last_of(m, SIP_HEADER_VIA);
	return add_at(m, at, id, str_of(sip_header_text(id)), value);
}

int sip_append(struct sip_msg *m, enum sip_header id, struct str value)
{
	return add_at(m, behind_last_of(m, id), id,
		str_of(sip_header_text(id)), value);
}

/* Line i again with part of its value replaced; part lies in raw. */
static int splice(struct sip_msg *m, size_t i, struct str part,
	struct str with)
{
	const struct sip_line *old = &m->lines[i];
	struct sip_line line = *old;
	const char *end = old->raw.p + old->raw.n;
	const struct str parts[] = {
		{old->raw.p, (size_t)(part.p - old->raw.p)},
		with,
		{part.p + part.n, (size_t)(end - part.p - part.n)},
	};

	line.raw = join(m, parts, ARRAY_COUNT(parts));
	if (line.raw.p == NULL)
		return -ENOMEM;
	line.name.p = line.raw.p + (old->name.p - old->raw.p);
	line.value = sip_line_value(line.raw);
	m->lines[i] = line;
	return 0;
}

/* Find the n-th value of a list header and the line it stands on. */
static bool locate(const struct sip_msg *m, enum sip_header id, size_t n,
	size_t *at, struct str *value, struct str *rest)
{
	for (size_t i = 0; i < m->line_count; i++) {
		*rest = m->lines[i].value;
		if (m->lines[i].id != id)
			continue;
		while (sip_list_next(rest, value)) {
			if (n-- == 0) {
				*at = i;
				return true;
			}
		}
	}
	return false;
}

int sip_pop(struct sip_msg *m, enum sip_header id)
{
	return sip_drop_value(m, id, 0);
}

int sip_drop_value(struct sip_msg *m, enum sip_header id, size_t n)
{
	struct str value, rest, gone, all;
	size_t at;

	if (!locate(m, id, n, &at, &value, &rest))
		return EDGE_EUNKNOWN;
	all = m->lines[at].value;
	if (rest.p != NULL) { /* others follow: up to the next one */
		rest = str_trim(rest);
		gone = (struct str){value.p, (size_t)(rest.p - value.p)};
		return splice(m, at, gone, STR_LIT(""));
	}
	if (value.p == all.p) {
		delete_line(m, at);
		return 0;
	}
	/* The last of several: back to the comma before it. */
	gone.p = value.p;
	while (gone.p > all.p && gone.p[0] != ',')
		gone.p--;
	gone.n = (size_t)(all.p + all.n - gone.p);
	return splice(m, at, gone, STR_LIT(""));
}

int sip_replace(struct sip_msg *m, enum sip_header id, size_t n,
	struct str value)
{
	struct str old, rest;
	size_t at;

	if (!sip_is_one_line(value))
		return EDGE_EMALFORMED;
	if (!locate(m, id, n, &at, &old, &rest))
		return EDGE_EUNKNOWN;
	return splice(m, at, old, value);
}

int sip_add_first(struct sip_msg *m, const char *name, struct str value)
{
	return add_at(m, 0, sip_header_of(str_of(name)), str_of(name),
		value);
}

int sip_add_last(struct sip_msg *m, const char *name, struct str value)
{
	return add_at(m, m->line_count, sip_header_of(str_of(name)),
		str_of(name), value);
}

size_t sip_remove(struct sip_msg *m, const char *name)
{
	enum sip_header id = sip_header_of(str_of(name));
	size_t kept = 0;
	size_t gone;

	for (size_t i = 0; i < m->line_count; i++) {
		if (!is_named(&m->lines[i], id, str_of(name)))
			m->lines[kept++] = m->lines[i];
	}
	gone = m->line_count - kept;
	m->line_count = kept;
	return gone;
}

int sip_set(struct sip_msg *m, const char *name, struct str value)
{
	enum sip_header id = sip_header_of(str_of(name));
	struct sip_line line;
	size_t at = 0;
	int err = make_line(m, id, str_of(name), value, &line);

	if (err != 0)
		return err;
	while (at < m->line_count &&
		!is_named(&m->lines[at], id, str_of(name)))
		at++;
	if (at == m->line_count)
		return insert_line(m, at, &line);
	m->lines[at] = line;
	for (size_t i = m->line_count; i > at + 1; i--) {
		if (is_named(&m->lines[i - 1], id, str_of(name)))
			delete_line(m, i - 1);
	}
	return 0;
}

int sip_take_lines(struct sip_msg *m, const struct sip_msg *from,
	enum sip_header id)
{
	const struct sip_line *line;
	size_t at = first_of(m, id);
	int err = 0;

	if (at == m->line_count)
		at = 0;
	sip_remove(m, sip_header_text(id));
	for (size_t n = 0; err == 0 &&
		(line = sip_msg_line(from, id, n)) != NULL; n++) {
		struct sip_line copy = *line;

		copy.raw = join(m, &line->raw, 1);
		if (copy.raw.p == NULL)
			return -ENOMEM;
		copy.name.p = copy.raw.p;
		copy.value = sip_line_value(copy.raw);
		err = insert_line(m, at++, &copy);
	}
	return err;
}

int sip_param_unset(struct sip_msg *m, struct str text, const char *name,
	struct str *out)
{
	struct str whole, rest;
	char *room, *at;

	if (!sip_is_one_line(text)) {
		text = (struct str){sip_arena_unfold(m->arena, text), text.n};
		if (text.p == NULL)
			return -ENOMEM;
	}
	*out = text;
	rest = sip_params_of(text);
	if (!sip_param_span(rest, name, &whole))
		return 0;
	room = sip_arena_get(m->arena, text.n + 1);
	if (room == NULL)
		return -ENOMEM;
	at = mempcpy(room, text.p, text.n - rest.n);
	do { /* written a thousand times, it is still one walk */
		at = mempcpy(at, rest.p, (size_t)(whole.p - rest.p));
		rest = str_skip(rest, (size_t)(whole.p - rest.p) + whole.n);
	} while (sip_param_span(rest, name, &whole));
	if (rest.n > 0)
		at = mempcpy(at, rest.p, rest.n);
	*at = '\0';
	*out = (struct str){room, (size_t)(at - room)};
	return 0;
}

int sip_param_set(struct sip_msg *m, struct str text, const char *name,
	const char *value, struct str *out)
{
	struct str clean;
	int err = sip_param_unset(m, text, name, &clean);

	if (err != 0)
		return err;
	const struct str parts[] = {
		str_trim(clean), STR_LIT(";"), str_of(name),
		value != NULL ? STR_LIT("=") : STR_LIT(""), str_of(value),
	};
	clean = join(m, parts, ARRAY_COUNT(parts));
	if (clean.p == NULL)
		return -ENOMEM;
	*out = clean;
	return 0;
}

/* Is the sent-by of this Via the address it came from? */
static bool is_same_host(struct str host, const struct addr *source)
{
	struct addr named;

	if (host.n > 2 && host.p[0] == '[')
		host = (struct str){host.p + 1, host.n - 2};
	return addr_parse(host, &named) == 0 && addr_ip_eq(&named, source);
}

int sip_mark_received(struct sip_msg *m, const struct addr *source,
	const char *cid)
{
	struct str text = m->via.text;
	char ip[ADDR_TEXT_LEN], port[8];
	int err;

	addr_ip_text(source, ip);
	snprintf(port, sizeof(port), "%u", source->port);
	err = sip_param_unset(m, text, "received", &text);
	if (err == 0 && m->via.has_rport)
		err = sip_param_set(m, text, "rport", port, &text);
	if (err == 0 && (m->via.has_rport ||
		!is_same_host(m->via.host, source)))
		err = sip_param_set(m, text, "received", ip, &text);
	if (err == 0 && cid != NULL)
		err = sip_param_set(m, text, "ms-received-port", port,
			&text);
	if (err == 0 && cid != NULL)
		err = sip_param_set(m, text, "ms-received-cid", cid, &text);
	if (err != 0)
		return err;
	return sip_replace(m, SIP_HEADER_VIA, 0, text);
}
