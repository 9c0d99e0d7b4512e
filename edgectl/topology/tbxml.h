/*
 * Topologies of Lync Server and Skype for Business, as Topology Builder
 * saves them (.tbxml) or as they are published (XML), to rows of ours.
 * Only edge pools are taken; other roles serve to find next hops and
 * grants. What was not understood is listed, never silently dropped.
 */
#ifndef EDGECTL_TBXML_H
#define EDGECTL_TBXML_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define TBXML_FILE_MAX (16u << 20)
#define TBXML_DEPTH_MAX 64

enum tbxml_form {
	TBXML_BUILDER,   /* Topology Builder's file */
	TBXML_PUBLISHED, /* what Publish-CsTopology takes */
};

enum tbxml_level {
	TBXML_ERROR,   /* nothing can be imported before it is mended */
	TBXML_REVIEW,  /* taken, but a person should look at it */
	TBXML_IGNORED, /* an element or attribute that means nothing here */
	TBXML_LEFT,    /* understood, and of no use to an edge */
};

/* Notes come by level, then by line. */
struct tbxml_note {
	enum tbxml_level level;
	unsigned long line;
	size_t count; /* how often; line is the first */
	char text[WHY_LEN];
};

struct tbxml {
	enum tbxml_form form;
	struct sqlite3 *db; /* schema of a generation with the rows; owned */
	struct tbxml_note *notes; /* owned */
	size_t note_count;
	bool has_errors; /* then the rows are not complete */
};

/* 0 also with errors among the notes; EDGE_ECONFIG when it isn't XML of
 * that kind at all (file:line in why), EDGE_ETOOBIG. name stands for the
 * file in messages. tbxml_fini also after a failure. */
EDGE_MUST int tbxml_parse(struct tbxml *out, const char *name,
	struct str text, struct why *why);
/* path "-" is standard input. */
EDGE_MUST int tbxml_load(struct tbxml *out, const char *path,
	struct why *why);
void tbxml_fini(struct tbxml *t);
const char *tbxml_form_name(enum tbxml_form form);
const char *tbxml_level_name(enum tbxml_level level);

/* The rows as topology.yaml for review, the notes as comments above it.
 * Heap, caller frees. Only without errors. */
EDGE_MUST int tbxml_yaml(const struct tbxml *t, const char *name,
	char **text, struct why *why);

#endif
