/* Between the reader of XML and the maker of rows: for tbxml*.c only. */
#ifndef EDGECTL_TBXML_PRIV_H
#define EDGECTL_TBXML_PRIV_H

#include "edgectl/topology/tbxml.h"

/* One note, joined with an equal one that is there. */
EDGE_MUST int tbxml_note(struct tbxml *t, enum tbxml_level level,
	unsigned long line, const char *fmt, ...) EDGE_PRINTF(4, 5);

/* XML into temporary tables of t->db (tbxml_read.c). */
EDGE_MUST int tbxml_read(struct tbxml *t, const char *name, struct str text,
	struct why *why);
/* Those tables into the schema's (tbxml_rows.c). */
EDGE_MUST int tbxml_rows(struct tbxml *t, struct why *why);

#endif
