/*
 * Strict YAML, read from libfyaml's events into a small tree of our own:
 * every node knows its line, keys are unique, depth, size and count are
 * bounded while reading. What the language offers beyond maps, lists and
 * scalars (anchors, aliases, tags, several documents) is refused, because
 * in a configuration file it is a mistake or a trap (requirement R7).
 * What keys mean is the readers' affair.
 */
#include "common/run/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"

#define NODES_MAX  1000000u
#define SCALAR_MAX 65536u

struct yaml_node {
	const struct yaml_doc *doc;
	enum yaml_kind kind;
	bool is_quoted;
	int line; /* from 1 */
	int column;
	char *text; /* owned; scalars only */
	size_t text_len;
	char *key; /* owned; the name this node has in its map, or NULL */
	size_t key_len;
	int key_line;
	int key_column;
	struct yaml_node **items; /* owned; lists and maps */
	size_t count;
	size_t cap;
};

struct yaml_doc {
	char *name; /* owned */
	struct yaml_node *root;
	size_t node_count;
};

/* A document in the making. */
struct builder {
	struct yaml_doc *doc;
	struct why *why;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* maps and lists begun */
	size_t depth;
	bool has_key; /* the next node is the value of this key */
	struct yaml_node key;
};

/* ---- messages ----------------------------------------------------------- */

static int fault_at(const struct yaml_doc *doc, int line, int column,
	struct why *why, const char *text)
{
	return why_set(why, EDGE_ECONFIG, "%s:%d:%d: %s", doc->name, line,
		column, text);
}

int yaml_fault(const struct yaml_node *node, struct why *why, const char *fmt,
	...)
{
	char text[WHY_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fault_at(node->doc, node->line, node->column, why, text);
}

int yaml_key_fault(const struct yaml_node *value, struct why *why,
	const char *fmt, ...)
{
	char text[WHY_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fault_at(value->doc, value->key_line, value->key_column, why,
		text);
}

/* ---- the tree ----------------------------------------------------------- */

static void node_free(struct yaml_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->count; i++)
		node_free(node->items[i]);
	free(node->items);
	free(node->text);
	free(node->key);
	free(node);
}

static int node_push(struct yaml_node *parent, struct yaml_node *child)
{
	if (parent->count == parent->cap) {
		size_t cap = parent->cap != 0 ? parent->cap * 2 : 4;
		struct yaml_node **items = realloc(parent->items,
			cap * sizeof(struct yaml_node *));

		if (items == NULL)
			return -ENOMEM;
		parent->items = items;
		parent->cap = cap;
	}
	parent->items[parent->count++] = child;
	return 0;
}

static int key_order(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;
	size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key, y->key, n);

	if (order != 0)
		return order;
	if (x->key_len != y->key_len)
		return x->key_len < y->key_len ? -1 : 1;
	/* The later one is the one to complain about. */
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column - y->key_column;
}

static bool same_key(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->key_len == b->key_len &&
		memcmp(a->key, b->key, a->key_len) == 0;
}

static int check_unique(const struct yaml_node *map, struct why *why)
{
	struct yaml_node **sorted;
	int err = 0;

	if (map->count < 2)
		return 0;
	sorted = malloc(map->count * sizeof(struct yaml_node *));
	if (sorted == NULL)
		return -ENOMEM;
	memcpy(sorted, map->items, map->count * sizeof(struct yaml_node *));
	qsort(sorted, map->count, sizeof(struct yaml_node *), key_order);
	for (size_t i = 1; i < map->count && err == 0; i++) {
		const struct yaml_node *a = sorted[i - 1];
		const struct yaml_node *b = sorted[i];

		if (!same_key(a, b))
			continue;
		err = why_set(why, EDGE_ECONFIG,
			"%s:%d:%d: '%s' is given twice, first on line %d: "
			"keep one of them",
			map->doc->name, b->key_line, b->key_column, b->key,
			a->key_line);
	}
	free(sorted);
	return err;
}

/* ---- from events to nodes ----------------------------------------------- */

/* The library's mark stands behind an opening quote and behind the star of
 * an alias; people count from it. */
static bool has_lead(struct fy_event *ev)
{
	enum fy_scalar_style style;

	if (ev->type != FYET_SCALAR || ev->scalar.value == NULL)
		return ev->type == FYET_ALIAS;
	style = fy_token_scalar_style(ev->scalar.value);
	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static void place_of(struct fy_event *ev, int *line, int *column)
{
	const struct fy_mark *mark = fy_event_start_mark(ev);

	*line = mark != NULL ? mark->line + 1 : 1;
	*column = mark != NULL ? mark->column + 1 : 1;
	if (*column > 1 && has_lead(ev))
		(*column)--;
}

/* Control characters come in through escapes only; no value needs them. */
static bool has_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static int take_text(struct builder *b, struct fy_event *ev,
	struct yaml_node *node)
{
	struct fy_token *token = ev->scalar.value;
	size_t len = 0;
	const char *text = NULL;

	if (token != NULL) {
		text = fy_token_get_text(token, &len);
		node->is_quoted = fy_token_scalar_style(token) != FYSS_PLAIN;
	}
	if (text == NULL) {
		text = "";
		len = 0;
	}
	if (len > SCALAR_MAX)
		return yaml_fault(node, b->why,
			"this value is longer than %u bytes", SCALAR_MAX);
	if (has_control(text, len))
		return yaml_fault(node, b->why,
			"this value has a control character in it");
	node->text = malloc(len + 1);
	if (node->text == NULL)
		return -ENOMEM;
	memcpy(node->text, text, len);
	node->text[len] = '\0';
	node->text_len = len;
	return 0;
}

static struct yaml_node *parent_of(const struct builder *b)
{
	return b->depth > 0 ? b->open[b->depth - 1] : NULL;
}

static bool wants_key(const struct builder *b)
{
	const struct yaml_node *parent = parent_of(b);

	return parent != NULL && parent->kind == YAML_MAP && !b->has_key;
}

/* Hang the node into what is open; it is taken, also on failure. */
static int attach(struct builder *b, struct yaml_node *node)
{
	struct yaml_node *parent = parent_of(b);
	int err;

	if (parent == NULL) {
		b->doc->root = node;
		return 0;
	}
	if (parent->kind == YAML_MAP) {
		node->key = b->key.text;
		node->key_len = b->key.text_len;
		node->key_line = b->key.line;
		node->key_column = b->key.column;
		b->key.text = NULL;
		b->has_key = false;
		/* An empty value has no place of its own. */
		if (node->kind == YAML_SCALAR && node->text_len == 0) {
			node->line = node->key_line;
			node->column = node->key_column;
		}
	}
	err = node_push(parent, node);
	if (err < 0)
		node_free(node);
	return err;
}

static int on_key(struct builder *b, struct fy_event *ev)
{
	int err;

	b->key = (struct yaml_node){.doc = b->doc};
	place_of(ev, &b->key.line, &b->key.column);
	if (ev->type != FYET_SCALAR)
		return yaml_fault(&b->key, b->why,
			"a key must be a plain word, not a list or map");
	err = take_text(b, ev, &b->key);
	if (err < 0)
		return err;
	if (b->key.text_len == 0)
		return yaml_fault(&b->key, b->why, "a key must not be empty");
	b->has_key = true;
	return 0;
}

static int on_node(struct builder *b, struct fy_event *ev,
	enum yaml_kind kind)
{
	struct yaml_node *node;
	int err;

	node = calloc(1, sizeof(*node));
	if (node == NULL)
		return -ENOMEM;
	node->doc = b->doc;
	node->kind = kind;
	place_of(ev, &node->line, &node->column);
	if (++b->doc->node_count > NODES_MAX) {
		err = yaml_fault(node, b->why, "more than %u values",
			NODES_MAX);
		goto fail;
	}
	if (kind == YAML_SCALAR) {
		err = take_text(b, ev, node);
		if (err < 0)
			goto fail;
		return attach(b, node);
	}
	if (b->depth == YAML_DEPTH_MAX) {
		err = yaml_fault(node, b->why, "nested deeper than %d levels",
			YAML_DEPTH_MAX);
		goto fail;
	}
	err = attach(b, node);
	if (err < 0)
		return err;
	b->open[b->depth++] = node;
	return 0;
fail:
	node_free(node);
	return err;
}

static int on_close(struct builder *b)
{
	const struct yaml_node *node = b->open[--b->depth];

	return node->kind == YAML_MAP ? check_unique(node, b->why) : 0;
}

static int refuse_extras(struct builder *b, struct fy_event *ev)
{
	const struct fy_token *anchor = NULL;
	const struct fy_token *tag = NULL;
	struct yaml_node at = {.doc = b->doc};

	place_of(ev, &at.line, &at.column);
	if (ev->type == FYET_ALIAS)
		return yaml_fault(&at, b->why, "aliases (*name) are not "
			"taken: write the value out");
	if (ev->type == FYET_SCALAR) {
		anchor = ev->scalar.anchor;
		tag = ev->scalar.tag;
	} else if (ev->type == FYET_MAPPING_START) {
		anchor = ev->mapping_start.anchor;
		tag = ev->mapping_start.tag;
	} else if (ev->type == FYET_SEQUENCE_START) {
		anchor = ev->sequence_start.anchor;
		tag = ev->sequence_start.tag;
	}
	if (anchor != NULL)
		return yaml_fault(&at, b->why,
			"anchors (&name) are not taken: remove it");
	if (tag != NULL)
		return yaml_fault(&at, b->why,
			"tags (!name) are not taken: remove it");
	return 0;
}

static int on_document(struct builder *b, struct fy_event *ev)
{
	struct yaml_node at = {.doc = b->doc};

	if (b->doc->root == NULL)
		return 0;
	place_of(ev, &at.line, &at.column);
	return yaml_fault(&at, b->why,
		"a second document begins here: one file, one document");
}

static int on_event(struct builder *b, struct fy_event *ev)
{
	int err = refuse_extras(b, ev);

	if (err < 0)
		return err;
	switch (ev->type) {
	case FYET_DOCUMENT_START:
		return on_document(b, ev);
	case FYET_MAPPING_START:
	case FYET_SEQUENCE_START:
	case FYET_SCALAR:
		if (wants_key(b))
			return on_key(b, ev);
		if (ev->type == FYET_MAPPING_START)
			return on_node(b, ev, YAML_MAP);
		if (ev->type == FYET_SEQUENCE_START)
			return on_node(b, ev, YAML_LIST);
		return on_node(b, ev, YAML_SCALAR);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return on_close(b);
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
	case FYET_ALIAS:
		break;
	}
	return 0;
}

/* ---- libfyaml ----------------------------------------------------------- */

/* What the library has to say, in our form. */
static int library_fault(const struct yaml_doc *doc, struct fy_diag *diag,
	struct why *why)
{
	void *at = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
	char text[WHY_LEN];

	if (e == NULL || e->msg == NULL)
		return fault_at(doc, 1, 1, why, "this is not YAML");
	/* It tells where it could not go on; the slip is often earlier. */
	snprintf(text, sizeof(text), "%s: look at the indentation and the "
		"quotes of this line and the one before", e->msg);
	return fault_at(doc, e->line > 0 ? e->line : 1,
		e->column > 0 ? e->column : 1, why, text);
}

static int pull_events(struct builder *b, struct fy_parser *parser,
	struct fy_diag *diag)
{
	struct fy_event *ev;
	int err = 0;

	while (err == 0 && (ev = fy_parser_parse(parser)) != NULL) {
		bool is_end = ev->type == FYET_STREAM_END;

		err = on_event(b, ev);
		fy_parser_event_free(parser, ev);
		if (is_end)
			break;
	}
	if (err == 0 && fy_parser_get_stream_error(parser))
		err = library_fault(b->doc, diag, b->why);
	return err;
}

static int parse_text(struct builder *b, struct str text)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE |
		FYPCF_DEFAULT_VERSION_1_2};
	struct fy_parser *parser = NULL;
	int err = -ENOMEM;

	fy_diag_cfg_default(&diag_cfg);
	cfg.diag = fy_diag_create(&diag_cfg);
	if (cfg.diag == NULL)
		return -ENOMEM;
	fy_diag_set_collect_errors(cfg.diag, true);
	parser = fy_parser_create(&cfg);
	if (parser == NULL)
		goto out;
	if (fy_parser_set_string(parser, text.p, text.n) != 0)
		goto out;
	err = pull_events(b, parser, cfg.diag);
out:
	if (parser != NULL)
		fy_parser_destroy(parser);
	fy_diag_destroy(cfg.diag);
	return err;
}

/* ---- what is refused before the library sees it ------------------------- */

static int check_bytes(const struct yaml_doc *doc, struct str text,
	struct why *why)
{
	const unsigned char *p = (const unsigned char *)text.p;
	bool in_indent = true;
	int line = 1;
	int column = 1;

	for (size_t i = 0; i < text.n; column++) {
		size_t n = str_utf8_len(str_skip(text, i));

		if (n == 0)
			return fault_at(doc, line, column, why,
				"this byte is not UTF-8 text");
		if (p[i] == '\t' && in_indent)
			return fault_at(doc, line, column, why,
				"tab in the indentation: use spaces");
		if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' &&
			    p[i] != '\t') || p[i] == 0x7f)
			return fault_at(doc, line, column, why,
				"control character: this is not a text file");
		if (p[i] == '\n') {
			line++;
			column = 0;
			in_indent = true;
		} else if (p[i] != ' ') {
			in_indent = false;
		}
		i += n;
	}
	return 0;
}

int yaml_parse(struct yaml_doc **out, const char *name, struct str text,
	struct why *why)
{
	struct builder b = {.why = why};
	int err = -ENOMEM;

	b.doc = calloc(1, sizeof(*b.doc));
	if (b.doc == NULL)
		goto out;
	b.doc->name = strdup(name);
	if (b.doc->name == NULL)
		goto out;
	if (text.n > YAML_FILE_MAX) {
		err = why_set(why, EDGE_ETOOBIG,
			"%s: larger than %u bytes: is this the right file?",
			name, YAML_FILE_MAX);
		goto out;
	}
	err = check_bytes(b.doc, text, why);
	if (err < 0)
		goto out;
	if (text.n > 0)
		err = parse_text(&b, text);
	if (err == 0 && b.doc->root == NULL)
		err = fault_at(b.doc, 1, 1, why, "the file is empty");
	if (err < 0)
		goto out;
	*out = b.doc;
	b.doc = NULL; /* handed over */
out:
	free(b.key.text);
	yaml_free(b.doc);
	return err;
}

/* ---- files -------------------------------------------------------------- */

static int read_all(int fd, char **text, size_t *len)
{
	size_t cap = 65536;
	size_t n = 0;
	char *p = malloc(cap);

	while (p != NULL) {
		ssize_t got = read(fd, p + n, cap - n);
		char *bigger;

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = -errno;

			free(p);
			return err;
		}
		n += (size_t)got;
		if (n > YAML_FILE_MAX)
			break; /* the parser says so */
		if (n < cap)
			continue;
		bigger = realloc(p, cap * 2);
		if (bigger == NULL)
			free(p);
		p = bigger;
		cap *= 2;
	}
	if (p == NULL)
		return -ENOMEM;
	*text = p;
	*len = n;
	return 0;
}

int yaml_load(struct yaml_doc **out, const char *path, struct why *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	int fd = STDIN_FILENO;
	int err;

	if (!is_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_set(why, -errno, "%s: cannot read: %s", path,
			err_text(-errno));
	if (!is_stdin && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		err = -EISDIR;
	else
		err = read_all(fd, &text, &len);
	if (!is_stdin)
		close(fd);
	if (err < 0)
		return why_set(why, err, "%s: cannot read: %s", path,
			err_text(err));
	err = yaml_parse(out, is_stdin ? "standard input" : path,
		(struct str){text, len}, why);
	free(text);
	return err;
}

void yaml_free(struct yaml_doc *doc)
{
	if (doc == NULL)
		return;
	node_free(doc->root);
	free(doc->name);
	free(doc);
}

/* ---- looking at it ------------------------------------------------------ */

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
	return doc->root;
}

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
	return node->kind;
}

bool yaml_is_null(const struct yaml_node *node)
{
	struct str text = yaml_text(node);

	return node->kind == YAML_SCALAR && !node->is_quoted &&
		(text.n == 0 || str_eq_z(text, "~") ||
			str_eq_z(text, "null"));
}

struct str yaml_text(const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR)
		return (struct str){NULL, 0};
	return (struct str){node->text, node->text_len};
}

bool yaml_is_quoted(const struct yaml_node *node)
{
	return node->is_quoted;
}

size_t yaml_count(const struct yaml_node *node)
{
	return node->count;
}

const struct yaml_node *yaml_item(const struct yaml_node *list, size_t i)
{
	return i < list->count ? list->items[i] : NULL;
}

struct str yaml_key_at(const struct yaml_node *map, size_t i,
	const struct yaml_node **value)
{
	const struct yaml_node *node = map->items[i];

	if (value != NULL)
		*value = node;
	return (struct str){node->key, node->key_len};
}

const struct yaml_node *yaml_get(const struct yaml_node *map,
	const char *key)
{
	size_t len = strlen(key);

	if (map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_node *node = map->items[i];

		if (node->key_len == len && memcmp(node->key, key, len) == 0)
			return node;
	}
	return NULL;
}

/* "did you mean 'machine'?", or the whole choice when nothing is near. */
static void advise(char *out, size_t cap, const char *wrong,
	const char *const *names, size_t count)
{
	const char *near = str_nearest(wrong, names, count);
	size_t len;

	if (near != NULL) {
		snprintf(out, cap, "did you mean '%s'?", near);
		return;
	}
	snprintf(out, cap, "known here:");
	for (size_t i = 0; i < count; i++) {
		len = strlen(out);
		snprintf(out + len, cap - len, "%s %s", i > 0 ? "," : "",
			names[i]);
	}
}

int yaml_check_keys(const struct yaml_node *map, const char *const *names,
	size_t count, struct why *why)
{
	char advice[WHY_LEN / 2];

	if (map->kind != YAML_MAP)
		return yaml_fault(map, why,
			"a map of 'key: value' belongs here");
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_node *node = map->items[i];
		size_t n = 0;

		while (n < count && strcmp(names[n], node->key) != 0)
			n++;
		if (n < count)
			continue;
		advise(advice, sizeof(advice), node->key, names, count);
		return yaml_key_fault(node, why, "unknown key '%s': %s",
			node->key, advice);
	}
	return 0;
}
