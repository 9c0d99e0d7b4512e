/*
 * What manifest, trust and rows share of JSON: reading fields strictly by a
 * table, and printing canonically. For this room only.
 */
#ifndef BUNDLE_BUNDLE_JSON_H
#define BUNDLE_BUNDLE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle_version.h"

/* Parse an object and see that it was printed canonically. Caller decrefs.
 * EDGE_EMALFORMED, EDGE_ETOOBIG. */
EDGE_MUST int bundle_json_object(json_t **out, struct str text, size_t max,
	struct why *why);
/* Sorted keys, no white space; on the heap, NULL when out of memory. */
char *bundle_json_canonical(const json_t *value);

/* Members of an object; each is EDGE_EMALFORMED with the name in why when
 * it is absent or not of its kind. */
EDGE_MUST int bundle_json_number(const json_t *o, const char *name,
	uint64_t max, uint64_t *out, struct why *why);
/* Text without control characters that fits. */
EDGE_MUST int bundle_json_text(const json_t *o, const char *name, char *out,
	size_t cap, struct why *why);
/* 64 lower-case hex digits, or "" where that may be. */
EDGE_MUST int bundle_json_sha(const json_t *o, const char *name,
	bool may_be_empty, char out[static BUNDLE_SHA_LEN], struct why *why);
EDGE_MUST int bundle_json_uuid(const json_t *o, const char *name,
	char out[static BUNDLE_UUID_LEN], struct why *why);
EDGE_MUST int bundle_json_version(const json_t *o, const char *name,
	struct bundle_version *out, struct why *why);
/* No member beyond these, NULL-terminated. */
EDGE_MUST int bundle_json_only(const json_t *o, const char *const *names,
	struct why *why);

bool bundle_is_sha(const char *text);
bool bundle_is_uuid(const char *text);
/* No control characters, valid length. */
bool bundle_is_line(const char *text);
/* A lower-case host name as it stands in a topology. */
bool bundle_is_name(const char *text);

#endif
