/*
 * One time-ordered story of what several daemons remember about one subject
 * (docs/protocol/control-bus.md, explain). Pure: answers in, rows out.
 */
#ifndef EDGECTL_STORY_H
#define EDGECTL_STORY_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/attr.h"

#define STORY_CREDENTIALS_MAX 16

struct story {
	json_t *records; /* owned; each has "daemon" added */
	json_t *since;   /* owned; daemon -> how far back it remembers */
};

EDGE_MUST int story_init(struct story *s);
void story_fini(struct story *s);

/* Take over what one daemon answered; a record that is there already is not
 * added twice. */
void story_add(struct story *s, const char *daemon, const json_t *answer);
void story_sort(struct story *s);
/* Credential ids in the records, borrowed from them: av-auth knows whose
 * they are, av-edge what became of them. Returns how many. */
size_t story_credentials(const struct story *s,
	const char *out[static STORY_CREDENTIALS_MAX]);
void story_text(FILE *to, const json_t *object);
/* What to try when nothing was found about this. */
const char *story_hint(const char *about);

#endif
