/*
 * Reading [MS-AVEDGEA] requests, and the words both directions use. Reading
 * is expat in namespace mode over the whole body at once: document types
 * are refused (so there are no entities to expand), depth, counts and
 * lengths are bounded (threat S15), attributes and elements may come in any
 * order, unknown ones are skipped. The body is taken as UTF-8 whatever its
 * XML declaration says: SIP carries it so, and some writers declare UTF-16
 * by mistake. What is UTF-16 in truth is refused. Answers are written by
 * avedge_print.c.
 */
#include "av-auth/avedge_xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* expat puts this between namespace and local name. */
#define SEPARATOR     " "
#define IN_NAMESPACE  AVEDGE_NAMESPACE SEPARATOR
#define VERSION_MAX   11 /* "65535.65535" */
#define NAMESPACE_MAX 256

static const char *const REASONS[AVEDGE_REASON_COUNT] = {
	[AVEDGE_OK] = "OK",
	[AVEDGE_MALFORMED] = "Request Malformed",
	[AVEDGE_TOO_LARGE] = "Request Too Large",
	[AVEDGE_NOT_SUPPORTED] = "Not Supported",
	[AVEDGE_BUSY] = "Server Busy",
	[AVEDGE_INTERNAL] = "Internal Server Error",
	[AVEDGE_VERSION_MISMATCH] = "Version Mismatch",
	[AVEDGE_FORBIDDEN] = "Forbidden",
};

static const char *const LOCATIONS[] = {
	[AVEDGE_ANYWHERE] = "",
	[AVEDGE_INTRANET] = "intranet",
	[AVEDGE_INTERNET] = "internet",
};

const char *avedge_reason_text(enum avedge_reason reason)
{
	return REASONS[reason];
}

const char *avedge_location_text(enum avedge_location location)
{
	return LOCATIONS[location];
}

int avedge_location_parse(struct str text, enum avedge_location *out)
{
	if (str_eq_z(text, LOCATIONS[AVEDGE_INTRANET]))
		*out = AVEDGE_INTRANET;
	else if (str_eq_z(text, LOCATIONS[AVEDGE_INTERNET]))
		*out = AVEDGE_INTERNET;
	else
		return EDGE_EMALFORMED;
	return 0;
}

/* ---- reading ------------------------------------------------------------ */

enum leaf {
	LEAF_NONE,
	LEAF_IDENTITY,
	LEAF_LOCATION,
	LEAF_DURATION,
	LEAF_COUNT,
};

struct reader {
	XML_Parser parser;
	struct avedge_request *out;
	struct wbuf room;   /* over out->room: unescaped text only shrinks */
	size_t item_cap;
	unsigned depth;
	unsigned skip;      /* depth of the unknown element we are in, or 0 */
	enum leaf leaf;     /* whose text is coming in */
	size_t text_at;     /* where it begins in room */
	bool seen[LEAF_COUNT]; /* in this item */
	enum avedge_reason reason;
	const char *cause;
};

/* The first fault decides; expat may call a handler or two after it. */
static void refuse(struct reader *r, enum avedge_reason reason,
	const char *cause)
{
	if (r->reason != AVEDGE_OK)
		return;
	r->reason = reason;
	r->cause = cause;
	XML_StopParser(r->parser, XML_FALSE);
}

static size_t characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((uint8_t)s.p[i] & 0xC0) != 0x80;
	return n;
}

static struct str keep(struct reader *r, struct str s)
{
	const char *at = r->out->room + r->room.len;

	wbuf_bytes(&r->room, s.p, s.n);
	return (struct str){at, wbuf_ok(&r->room) ? s.n : 0};
}

/* "2.0" */
static bool read_version(struct avedge_request *q, struct str text)
{
	struct str rest = text;
	uint32_t number[2];
	struct str part;

	if (text.n > VERSION_MAX)
		return false;
	for (size_t i = 0; i < 2; i++)
		if (!str_split(&rest, '.', &part) ||
			str_to_u32(part, &number[i]) < 0 ||
			number[i] > UINT16_MAX)
			return false;
	if (!str_is_empty(rest))
		return false;
	q->major = number[0];
	q->minor = number[1];
	return true;
}

/* Enough to echo it and to know that it is not something else. */
static bool is_sip_uri(struct str s)
{
	size_t skip = str_istarts(s, "sip:") ? 4 : 5;

	if (skip == 5 && !str_istarts(s, "sips:"))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= ' ' || s.p[i] == 0x7F)
			return false;
	return s.n > skip && s.n <= AVEDGE_URI_MAX;
}

static bool is_id(struct str s)
{
	return s.n > 0 && characters(s) <= AVEDGE_ID_MAX;
}

static void read_root_attribute(struct reader *r, const char *name,
	struct str value)
{
	struct avedge_request *q = r->out;

	if (strcmp(name, "requestID") == 0 && is_id(value)) {
		q->id = keep(r, value);
	} else if (strcmp(name, "version") == 0 && read_version(q, value)) {
		q->version = keep(r, value);
	} else if (strcmp(name, "to") == 0 && is_sip_uri(value)) {
		q->to = keep(r, value);
	} else if (strcmp(name, "from") == 0 && is_sip_uri(value)) {
		q->from = keep(r, value);
	} else if (strcmp(name, "route") == 0) {
		q->direct_ip = str_eq_z(value, "directip");
		if (!q->direct_ip && !str_eq_z(value, "loadbalanced"))
			refuse(r, AVEDGE_MALFORMED, "unknown route");
	}
}

static void begin_request(struct reader *r, const char *name,
	const char **attributes)
{
	const struct avedge_request *q = r->out;

	if (strcmp(name, IN_NAMESPACE "request") != 0) {
		refuse(r, AVEDGE_MALFORMED, "root is not a request");
		return;
	}
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		read_root_attribute(r, attributes[i],
			str_trim(str_of(attributes[i + 1])));
	if (str_is_empty(q->id))
		refuse(r, AVEDGE_MALFORMED, "requestID is missing or wrong");
	else if (str_is_empty(q->version))
		refuse(r, AVEDGE_MALFORMED, "version is missing or wrong");
	else if (str_is_empty(q->to) || str_is_empty(q->from))
		refuse(r, AVEDGE_MALFORMED, "to or from is not a SIP URI");
}

static struct avedge_item *add_item(struct reader *r)
{
	struct avedge_request *q = r->out;
	size_t cap = r->item_cap == 0 ? 1 : 2 * r->item_cap;
	struct avedge_item *more;

	if (q->item_count == r->item_cap) {
		more = realloc(q->items, cap * sizeof(*more));
		if (more == NULL)
			return NULL;
		q->items = more;
		r->item_cap = cap;
	}
	q->items[q->item_count] = (struct avedge_item){.duration_min = 0};
	return &q->items[q->item_count++];
}

static void begin_item(struct reader *r, const char *name,
	const char **attributes)
{
	struct avedge_item *item;

	if (strcmp(name, IN_NAMESPACE "credentialsRequest") != 0) {
		r->skip = r->depth;
		return;
	}
	if (r->out->item_count == AVEDGE_ITEMS_MAX) {
		refuse(r, AVEDGE_TOO_LARGE, "more than 100 credentialsRequest");
		return;
	}
	item = add_item(r);
	if (item == NULL) {
		refuse(r, AVEDGE_INTERNAL, "out of memory");
		return;
	}
	memset(r->seen, 0, sizeof(r->seen));
	for (size_t i = 0; attributes[i] != NULL; i += 2) {
		struct str value = str_trim(str_of(attributes[i + 1]));

		if (strcmp(attributes[i], "credentialsRequestID") == 0 &&
			is_id(value))
			item->id = keep(r, value);
	}
	if (str_is_empty(item->id))
		refuse(r, AVEDGE_MALFORMED,
			"credentialsRequestID is missing or wrong");
}

static void begin_leaf(struct reader *r, const char *name)
{
	static const char *const NAMES[LEAF_COUNT] = {
		[LEAF_IDENTITY] = IN_NAMESPACE "identity",
		[LEAF_LOCATION] = IN_NAMESPACE "location",
		[LEAF_DURATION] = IN_NAMESPACE "duration",
	};

	for (enum leaf leaf = LEAF_IDENTITY; leaf < LEAF_COUNT; leaf++) {
		if (strcmp(name, NAMES[leaf]) != 0)
			continue;
		if (r->seen[leaf])
			refuse(r, AVEDGE_MALFORMED, "element comes twice");
		r->seen[leaf] = true;
		r->leaf = leaf;
		r->text_at = r->room.len;
		return;
	}
	r->skip = r->depth;
}

static void on_begin(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;

	if (r->reason != AVEDGE_OK)
		return;
	if (++r->depth > AVEDGE_DEPTH_MAX)
		refuse(r, AVEDGE_MALFORMED, "nested too deep");
	else if (r->skip != 0)
		return;
	else if (r->depth == 1)
		begin_request(r, name, attributes);
	else if (r->depth == 2)
		begin_item(r, name, attributes);
	else if (r->depth == 3)
		begin_leaf(r, name);
	else
		refuse(r, AVEDGE_MALFORMED, "element where text belongs");
}

static void on_text(void *arg, const char *text, int len)
{
	struct reader *r = arg;

	if (r->reason == AVEDGE_OK && r->skip == 0 && r->leaf != LEAF_NONE)
		wbuf_bytes(&r->room, text, (size_t)len);
}

/* xs:positiveInteger; beyond 32 bits is as long as can be. 0 means "not
 * said", as a missing element does. */
static bool read_duration(struct str text, uint32_t *out)
{
	int err;

	if (str_starts(text, "+"))
		text = str_skip(text, 1);
	err = str_to_u32(text, out);
	if (err == EDGE_ETOOBIG)
		*out = UINT32_MAX;
	return err == 0 || err == EDGE_ETOOBIG;
}

static void end_leaf(struct reader *r)
{
	struct avedge_item *item = &r->out->items[r->out->item_count - 1];
	struct str text = str_trim((struct str){r->out->room + r->text_at,
		r->room.len - r->text_at});
	bool good = true;

	switch (r->leaf) {
	case LEAF_IDENTITY:
		item->identity = text;
		good = text.n > 0 && characters(text) <= AVEDGE_IDENTITY_MAX;
		break;
	case LEAF_LOCATION:
		good = avedge_location_parse(text, &item->location) == 0;
		break;
	case LEAF_DURATION:
		good = read_duration(text, &item->duration_min);
		break;
	case LEAF_NONE:
	case LEAF_COUNT:
		break;
	}
	r->leaf = LEAF_NONE;
	if (!good)
		refuse(r, AVEDGE_MALFORMED,
			"identity, location or duration is wrong");
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;

	(void)name;
	if (r->reason != AVEDGE_OK)
		return;
	if (r->skip == r->depth)
		r->skip = 0;
	else if (r->skip == 0 && r->depth == 3)
		end_leaf(r);
	else if (r->skip == 0 && r->depth == 2 && !r->seen[LEAF_IDENTITY])
		refuse(r, AVEDGE_MALFORMED, "identity is missing");
	r->depth--;
}

static void on_doctype(void *arg, const char *name, const char *system_id,
	const char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	refuse(arg, AVEDGE_MALFORMED, "has a document type");
}

static size_t quote_at(struct str s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != '"' && s.p[i] != '\'')
		i++;
	return i;
}

/* What follows the word "xmlns": perhaps a prefix, then the name in quotes.
 * In a text it may be anything, and is looked at as if it were that. */
static bool is_long_declaration(struct str rest)
{
	struct str head = {rest.p, rest.n < NAMESPACE_MAX ? rest.n :
							    NAMESPACE_MAX};
	size_t open = quote_at(head);
	struct str name;

	if (rest.n == 0 || strchr(":= \t\r\n", rest.p[0]) == NULL)
		return false;
	if (open == head.n)
		return head.n < rest.n;
	name = str_skip(rest, open + 1);
	return str_find((struct str){name.p, name.n < NAMESPACE_MAX + 1 ?
		name.n : NAMESPACE_MAX + 1}, rest.p[open]) > NAMESPACE_MAX;
}

/* expat goes by the first bytes before it goes by what it was told: a body
 * that begins as UTF-16 does is read so, and has_long_namespace() would look
 * for the wrong bytes. No markup can be written in it without zero bytes. */
static bool is_utf16(struct str body)
{
	return memchr(body.p, 0, body.n) != NULL;
}

/* expat writes the name of a namespace out in full for each attribute that
 * uses it, before it calls anybody: a long name and many short attributes
 * would be seconds of work and a gigabyte (threat S15). Every place where
 * the word stands is looked at: what is text and what is not, nobody knows
 * here. */
static bool has_long_namespace(struct str body)
{
	static const char WORD[] = "xmlns";
	struct str rest = body;
	const char *at;

	while ((at = memmem(rest.p, rest.n, WORD, sizeof(WORD) - 1)) != NULL) {
		rest = str_skip(rest,
			(size_t)(at - rest.p) + sizeof(WORD) - 1);
		if (is_long_declaration(rest))
			return true;
	}
	return false;
}

static void read_body(struct reader *r, struct str body)
{
	enum XML_Status status;

	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	status = XML_Parse(r->parser, body.p, (int)body.n, XML_TRUE);
	if (status != XML_STATUS_OK && r->reason == AVEDGE_OK) {
		r->reason = AVEDGE_MALFORMED;
		r->cause = "not well-formed XML";
		if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
			r->reason = AVEDGE_INTERNAL;
	}
	if (r->reason == AVEDGE_OK && r->out->item_count == 0)
		refuse(r, AVEDGE_MALFORMED, "no credentialsRequest");
	if (!wbuf_ok(&r->room))
		refuse(r, AVEDGE_MALFORMED, "text grew while it was read");
}

enum avedge_reason avedge_request_parse(struct avedge_request *out,
	struct str body, const char **cause)
{
	struct reader r = {.out = out, .cause = ""};

	*out = (struct avedge_request){.major = 0};
	*cause = "body is over 256 KiB";
	if (body.n > AVEDGE_BODY_MAX)
		return AVEDGE_TOO_LARGE;
	*cause = "no body";
	if (body.n == 0)
		return AVEDGE_MALFORMED;
	*cause = "not UTF-8";
	if (is_utf16(body))
		return AVEDGE_MALFORMED;
	*cause = "name of a namespace is too long, or without an end";
	if (has_long_namespace(body))
		return AVEDGE_MALFORMED;
	*cause = "out of memory";
	out->room = malloc(body.n);
	if (out->room == NULL)
		return AVEDGE_INTERNAL;
	r.room = wbuf_of(out->room, body.n);
	r.parser = XML_ParserCreateNS("UTF-8", SEPARATOR[0]);
	if (r.parser == NULL)
		return AVEDGE_INTERNAL;
	read_body(&r, body);
	XML_ParserFree(r.parser);
	*cause = r.cause;
	return r.reason;
}

void avedge_request_fini(struct avedge_request *request)
{
	free(request->items);
	free(request->room);
	*request = (struct avedge_request){.major = 0};
}
