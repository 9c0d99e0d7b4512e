/*
 * The trace of a server inside (lines of JSON, tests/mock/README.md) put
 * into a call's ladder, so that the whole way of each message is seen.
 */
#ifndef EDGECTL_CALL_TRACE_H
#define EDGECTL_CALL_TRACE_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/str.h"

/* Rows of the trace between servers are added to ladder and all rows are
 * put in order. start_us: wall clock at the ladder's zero. Lines that can't
 * be read are skipped. */
void call_trace_merge(json_t *ladder, struct str trace, int64_t start_us);
/* The same from a file; one that can't be read adds nothing. */
void call_trace_merge_file(json_t *ladder, const char *path, int64_t start_us);

#endif
