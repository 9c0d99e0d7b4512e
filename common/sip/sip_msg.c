/*
 * Whole messages: start line, lines, and the values that routing reads. A
 * line ends with CR LF and with nothing else; a name is a token. What two
 * parsers could see differently is refused here, before anybody looks for a
 * header by its name (threats S1, S2). RFC 3261 sections 7 and 25.1.
 */
#include "common/sip/sip_msg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_arena.h"
#include "common/sip/sip_value.h"

#define LINES_FIRST 32
#define CSEQ_MAX    0x7fffffffu /* RFC 3261 section 8.1.1.5 */

/* ---- memory -------------------------------------------------------------- */

static int msg_new(struct sip_msg **out)
{
	struct sip_arena *arena = sip_arena_new();
	struct sip_msg *m;

	if (arena == NULL)
		return -ENOMEM;
	m = sip_arena_get(arena, sizeof(*m));
	if (m == NULL) {
		sip_arena_free(arena);
		return -ENOMEM;
	}
	memset(m, 0, sizeof(*m));
	m->arena = arena;
	*out = m;
	return 0;
}

void sip_msg_free(struct sip_msg *m)
{
	if (m != NULL)
		sip_arena_free(m->arena); /* m itself lies in it */
}

static int refuse(struct sip_fault *fault, unsigned status,
	const char *reason, const char *cause)
{
	fault->status = status;
	snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
	fault->cause = cause;
	return EDGE_EMALFORMED;
}

/* Somebody may see other lines here than we do: nothing after this can be
 * trusted either. */
static int refuse_lines(struct sip_fault *fault, const char *reason,
	const char *cause)
{
	fault->is_lost = true;
	return refuse(fault, 400, reason, cause);
}

static int refuse_header(struct sip_fault *fault, enum sip_header id,
	const char *cause)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "Bad %s Header",
		sip_header_text(id));
	return refuse(fault, 400, reason, cause);
}

/* ---- lines --------------------------------------------------------------- */

/* Take one line with its CR LF off *rest; continued lines belong to it. */
static bool take_line(struct str *rest, bool may_fold, struct str *raw)
{
	size_t at = 0;

	do {
		const char *lf = memchr(rest->p + at, '\n', rest->n - at);
		const char *cr;

		if (lf == NULL)
			return false;
		cr = memchr(rest->p + at, '\r', rest->n - at);
		if (cr == NULL || cr + 1 != lf)
			return false; /* a CR or an LF on its own */
		at = (size_t)(lf - rest->p) + 1;
	} while (may_fold && at < rest->n &&
		(rest->p[at] == ' ' || rest->p[at] == '\t'));
	*raw = (struct str){rest->p, at};
	*rest = str_skip(*rest, at);
	return true;
}

static int line_room(struct sip_msg *m)
{
	size_t cap = m->line_cap == 0 ? LINES_FIRST : m->line_cap * 2;
	struct sip_line *lines;

	if (m->line_count < m->line_cap)
		return 0;
	lines = sip_arena_get(m->arena, cap * sizeof(*lines));
	if (lines == NULL)
		return -ENOMEM;
	if (m->line_count > 0)
		memcpy(lines, m->lines, m->line_count * sizeof(*lines));
	m->lines = lines;
	m->line_cap = cap;
	return 0;
}

static int add_line(struct sip_msg *m, struct str raw,
	struct sip_fault *fault)
{
	size_t colon = str_find(raw, ':');
	struct sip_line line = {.raw = raw};
	int err;

	line.name = (struct str){raw.p, colon};
	while (line.name.n > 0 && (line.name.p[line.name.n - 1] == ' ' ||
		line.name.p[line.name.n - 1] == '\t'))
		line.name.n--;
	if (colon == raw.n || !sip_is_token(line.name))
		return refuse_lines(fault, "Bad Header Name",
			"a header line without a proper name");
	line.value = sip_line_value(raw);
	line.id = sip_header_of(line.name);
	err = line_room(m);
	if (err != 0)
		return err;
	m->lines[m->line_count++] = line;
	return 0;
}

static int split_lines(struct sip_msg *m, struct str text,
	struct sip_fault *fault)
{
	struct str rest = text;
	const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
	bool has_nul;
	int err = 0;

	if (end == NULL)
		return refuse_lines(fault, "Bad Message",
			"no end of the headers");
	rest.n = (size_t)(end - text.p) + 2;
	m->body = str_skip(text, rest.n + 2);
	has_nul = memchr(rest.p, '\0', rest.n) != NULL;
	if (!take_line(&rest, false, &m->start))
		return refuse_lines(fault, "Bad Start Line",
			"the start line has a stray CR or LF");
	while (err == 0 && rest.n > 0) {
		struct str raw;

		if (!take_line(&rest, true, &raw))
			return refuse_lines(fault, "Stray Line End",
				"a CR or an LF on its own");
		err = add_line(m, raw, fault);
	}
	if (err == 0 && has_nul) /* the lines are there for an answer */
		return refuse_lines(fault, "NUL In Headers",
			"a NUL in the headers");
	return err;
}

/* ---- start line ---------------------------------------------------------- */

/* A version is SIP/2.0; another number is told apart from no version. */
static bool is_version(struct str s, bool *is_two)
{
	*is_two = str_ieq_z(s, "SIP/2.0");
	if (!str_istarts(s, "SIP/"))
		return false;
	for (size_t i = 4; i < s.n; i++) {
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	}
	return s.n > 4;
}

static int status_line(struct sip_msg *m, struct str line,
	struct sip_fault *fault)
{
	struct str rest = str_skip(line, sizeof("SIP/2.0 ") - 1);
	struct str code = {rest.p, rest.n < 3 ? rest.n : 3};
	uint32_t status;

	if (str_to_u32(code, &status) != 0 || status < 100 || status > 699 ||
		(rest.n > 3 && rest.p[3] != ' '))
		return refuse(fault, 0, "", "the status is not 100 to 699");
	m->status = status;
	m->reason = str_skip(rest, rest.n > 3 ? 4 : rest.n);
	return 0;
}

static int request_line(struct sip_msg *m, struct str line,
	struct sip_fault *fault)
{
	size_t first = str_find(line, ' ');
	struct str rest = str_skip(line, first < line.n ? first + 1 : first);
	size_t second = str_find(rest, ' ');
	struct str uri = {rest.p, second};
	struct str version = str_skip(rest,
		second < rest.n ? second + 1 : second);
	bool is_two = false;

	m->is_request = true;
	m->method = (struct str){line.p, first};
	if (!sip_is_token(m->method))
		return refuse(fault, 400, "Bad Request Line",
			"the method is not a token");
	m->method_id = sip_method_of(m->method);
	m->uri.text = uri;
	if (!is_version(version, &is_two))
		return refuse(fault, 400, "Bad Request Line",
			"the request line is not METHOD URI SIP/2.0");
	if (!is_two)
		return refuse(fault, 505, "Version Not Supported",
			"the version is not SIP/2.0");
	return 0;
}

static int start_line(struct sip_msg *m, struct sip_fault *fault)
{
	struct str line = {m->start.p, m->start.n - 2};

	if (str_istarts(line, "SIP/2.0 "))
		return status_line(m, line, fault);
	if (str_istarts(line, "SIP/"))
		return refuse(fault, 0, "", "a response of another version");
	return request_line(m, line, fault);
}

/* ---- headers ------------------------------------------------------------- */

/* The one line of a header that must not be repeated. */
static int only_line(const struct sip_msg *m, enum sip_header id,
	bool is_needed, const struct sip_line **out, struct sip_fault *fault)
{
	const struct sip_line *line = sip_msg_line(m, id, 0);

	if (line == NULL && is_needed) {
		char reason[64];

		snprintf(reason, sizeof(reason), "Missing %s Header",
			sip_header_text(id));
		return refuse(fault, 400, reason, "a header is missing");
	}
	if (line != NULL && sip_msg_line(m, id, 1) != NULL)
		return refuse_header(fault, id, "a header is repeated");
	*out = line;
	return 0;
}

static int read_party(struct sip_msg *m, enum sip_header id,
	struct sip_addr *addr, struct str *tag, struct sip_fault *fault)
{
	const struct sip_line *line = NULL;
	int err = only_line(m, id, true, &line, fault);

	if (err != 0)
		return err;
	err = sip_value_addr(m->arena, id, line->value, addr);
	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return refuse_header(fault, id, "a From or To can't be read");
	if (!sip_param_find(addr->params, "tag", tag))
		*tag = STR_LIT("");
	return 0;
}

static int read_call_id(struct sip_msg *m, struct sip_fault *fault)
{
	const struct sip_line *line = NULL;
	int err = only_line(m, SIP_HEADER_CALL_ID, true, &line, fault);

	if (err != 0)
		return err;
	for (size_t i = 0; i < line->value.n; i++) {
		unsigned char c = (unsigned char)line->value.p[i];

		if (c <= ' ' || c == 0x7f)
			return refuse_header(fault, SIP_HEADER_CALL_ID,
				"the Call-ID is not one word");
	}
	if (str_is_empty(line->value))
		return refuse_header(fault, SIP_HEADER_CALL_ID,
			"the Call-ID is empty");
	m->call_id = line->value;
	return 0;
}

static int read_cseq(struct sip_msg *m, struct sip_fault *fault)
{
	const struct sip_line *line = NULL;
	struct str number, method;
	size_t at = 0;
	int err = only_line(m, SIP_HEADER_CSEQ, true, &line, fault);

	if (err != 0)
		return err;
	while (at < line->value.n && line->value.p[at] >= '0' &&
		line->value.p[at] <= '9')
		at++;
	number = (struct str){line->value.p, at};
	method = str_trim(str_skip(line->value, at));
	if (str_to_u32(number, &m->cseq) != 0 || m->cseq > CSEQ_MAX ||
		at + method.n == line->value.n || !sip_is_token(method))
		return refuse_header(fault, SIP_HEADER_CSEQ,
			"the CSeq is not a number and a method");
	if (m->is_request && !str_eq(method, m->method))
		return refuse_header(fault, SIP_HEADER_CSEQ,
			"CSeq and request line name two methods");
	if (!m->is_request) {
		m->method = method;
		m->method_id = sip_method_of(method);
	}
	return 0;
}

static int read_via(struct sip_msg *m, struct sip_fault *fault)
{
	struct str value = STR_LIT("");
	int err;

	m->via_count = (unsigned)sip_msg_count(m, SIP_HEADER_VIA);
	if (m->via_count == 0 ||
		!sip_msg_value(m, SIP_HEADER_VIA, 0, &value))
		return refuse(fault, 400, "Missing Via Header",
			"a header is missing");
	err = sip_value_via(m->arena, value, &m->via);
	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return refuse_header(fault, SIP_HEADER_VIA,
			"the Via on top can't be read");
	return 0;
}

static int read_max_forwards(struct sip_msg *m, struct sip_fault *fault)
{
	const struct sip_line *line = NULL;
	int err = only_line(m, SIP_HEADER_MAX_FORWARDS, false, &line, fault);

	if (err != 0 || line == NULL)
		return err;
	if (str_to_u32(line->value, &m->max_forwards) != 0 ||
		m->max_forwards > 255)
		return refuse_header(fault, SIP_HEADER_MAX_FORWARDS,
			"Max-Forwards is not 0 to 255");
	m->has_max_forwards = true;
	return 0;
}

/* Nine digits at most and not folded, as sip_frame has it. */
static bool is_length(const struct sip_line *line, size_t body_len)
{
	uint32_t len = 0;

	return line->value.n <= 9 &&
		memchr(line->raw.p, '\n', line->raw.n - 1) == NULL &&
		str_to_u32(line->value, &len) == 0 && len == body_len;
}

static int read_length(struct sip_msg *m, struct sip_fault *fault)
{
	const struct sip_line *line;
	size_t n = 0;

	while ((line = sip_msg_line(m, SIP_HEADER_CONTENT_LENGTH, n)) !=
		NULL) {
		if (!is_length(line, m->body.n))
			return refuse_header(fault,
				SIP_HEADER_CONTENT_LENGTH,
				"Content-Length and body differ");
		n++;
	}
	if (n == 0 && m->body.n > 0)
		return refuse_header(fault, SIP_HEADER_CONTENT_LENGTH,
			"a body without Content-Length");
	return 0;
}

static int read_uri(struct sip_msg *m, struct sip_fault *fault)
{
	int err;

	if (!m->is_request)
		return 0;
	err = sip_value_uri(m->arena, m->uri.text, &m->uri);
	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return refuse(fault, 400, "Bad Request-URI",
			"the Request-URI can't be read");
	if (sip_uri_is_sip(&m->uri) && !str_is_empty(m->uri.headers))
		return refuse(fault, 400, "Headers In Request-URI",
			"the Request-URI carries headers");
	return 0;
}

static int read_headers(struct sip_msg *m, struct sip_fault *fault)
{
	const struct sip_line *type = sip_msg_line(m,
		SIP_HEADER_CONTENT_TYPE, 0);
	int err = read_via(m, fault);

	if (err == 0)
		err = read_party(m, SIP_HEADER_FROM, &m->from, &m->from_tag,
			fault);
	if (err == 0)
		err = read_party(m, SIP_HEADER_TO, &m->to, &m->to_tag, fault);
	if (err == 0)
		err = read_call_id(m, fault);
	if (err == 0)
		err = read_cseq(m, fault);
	if (err == 0)
		err = read_max_forwards(m, fault);
	if (err == 0)
		err = read_length(m, fault);
	if (err == 0)
		err = read_uri(m, fault);
	m->route_count = (unsigned)sip_msg_count(m, SIP_HEADER_ROUTE);
	m->content_type = type != NULL ? type->value : STR_LIT("");
	return err;
}

int sip_msg_parse(struct sip_msg **out, struct str text,
	struct sip_fault *fault)
{
	struct sip_msg *m = NULL;
	int err;

	*out = NULL;
	*fault = (struct sip_fault){.cause = ""};
	err = msg_new(&m);
	if (err != 0)
		return err;
	err = split_lines(m, text, fault);
	if (err == 0)
		err = start_line(m, fault);
	else if (err != -ENOMEM)
		m->is_request = !str_istarts(m->start, "SIP/");
	if (err == 0 && m->method_id != SIP_NEGOTIATE)
		err = read_headers(m, fault);
	if (err == -ENOMEM) {
		sip_msg_free(m);
		return err;
	}
	if (err != 0 && !m->is_request)
		fault->status = 0; /* responses are dropped */
	*out = m;
	return err;
}

/* ---- asking -------------------------------------------------------------- */

const struct sip_line *sip_msg_line(const struct sip_msg *m,
	enum sip_header id, size_t n)
{
	for (size_t i = 0; i < m->line_count; i++) {
		if (m->lines[i].id == id && n-- == 0)
			return &m->lines[i];
	}
	return NULL;
}

static const struct sip_line *find_line(const struct sip_msg *m,
	const char *name)
{
	enum sip_header id = sip_header_of(str_of(name));

	if (id != SIP_HEADER_OTHER)
		return sip_msg_line(m, id, 0);
	for (size_t i = 0; i < m->line_count; i++) {
		if (str_ieq_z(m->lines[i].name, name))
			return &m->lines[i];
	}
	return NULL;
}

struct str sip_msg_header(const struct sip_msg *m, const char *name)
{
	const struct sip_line *line = find_line(m, name);

	return line != NULL ? line->value : STR_LIT("");
}

bool sip_msg_has_header(const struct sip_msg *m, const char *name)
{
	return find_line(m, name) != NULL;
}

struct sip_walk sip_walk_begin(const struct sip_msg *m, enum sip_header id)
{
	return (struct sip_walk){m, id, 0, {NULL, 0}};
}

bool sip_walk_next(struct sip_walk *w, struct str *value)
{
	while (!sip_list_next(&w->rest, value)) {
		while (w->line < w->m->line_count &&
			w->m->lines[w->line].id != w->id)
			w->line++;
		if (w->line == w->m->line_count)
			return false;
		w->rest = w->m->lines[w->line++].value;
	}
	return true;
}

size_t sip_msg_count(const struct sip_msg *m, enum sip_header id)
{
	struct sip_walk w = sip_walk_begin(m, id);
	struct str value;
	size_t n = 0;

	while (sip_walk_next(&w, &value))
		n++;
	return n;
}

bool sip_msg_value(const struct sip_msg *m, enum sip_header id, size_t n,
	struct str *value)
{
	struct sip_walk w = sip_walk_begin(m, id);

	while (sip_walk_next(&w, value)) {
		if (n-- == 0)
			return true;
	}
	return false;
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_header id,
	const char *token)
{
	struct sip_walk w = sip_walk_begin(m, id);
	struct str value;

	while (sip_walk_next(&w, &value)) {
		if (str_ieq_z(value, token))
			return true;
	}
	return false;
}

int sip_msg_addr(struct sip_msg *m, enum sip_header id, size_t n,
	struct sip_addr *out)
{
	struct str value;

	if (!sip_msg_value(m, id, n, &value))
		return EDGE_EUNKNOWN;
	return sip_value_addr(m->arena, id, value, out);
}

int sip_msg_via(struct sip_msg *m, size_t n, struct sip_via *out)
{
	struct str value;

	if (!sip_msg_value(m, SIP_HEADER_VIA, n, &value))
		return EDGE_EUNKNOWN;
	return sip_msg_via_of(m, value, out);
}

int sip_msg_via_of(struct sip_msg *m, struct str text, struct sip_via *out)
{
	return sip_value_via(m->arena, text, out);
}

int sip_msg_addr_of(struct sip_msg *m, struct str text,
	struct sip_addr *out)
{
	return sip_value_addr(m->arena, SIP_HEADER_OTHER, text, out);
}

int sip_msg_uri_of(struct sip_msg *m, struct str text, struct sip_uri *out)
{
	return sip_value_uri(m->arena, text, out);
}

int sip_msg_print(const struct sip_msg *m, char **out, size_t *len)
{
	char length[48] = "";
	size_t total = m->start.n + 2 + m->body.n;
	size_t length_len;
	char *text, *p;

	if (sip_msg_line(m, SIP_HEADER_CONTENT_LENGTH, 0) == NULL)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
			m->body.n);
	length_len = strlen(length);
	total += length_len;
	for (size_t i = 0; i < m->line_count; i++)
		total += m->lines[i].raw.n;
	text = malloc(total + 1);
	if (text == NULL)
		return -ENOMEM;
	p = mempcpy(text, m->start.p, m->start.n);
	for (size_t i = 0; i < m->line_count; i++)
		p = mempcpy(p, m->lines[i].raw.p, m->lines[i].raw.n);
	p = mempcpy(p, length, length_len);
	p = mempcpy(p, "\r\n", 2);
	if (m->body.n > 0)
		p = mempcpy(p, m->body.p, m->body.n);
	*p = '\0';
	*out = text;
	*len = total;
	return 0;
}
