/*
 * The synthetic call: two user agents, one outside and one inside, sign in,
 * get relay credentials, allocate, call, check, talk, hang up. Each step
 * has a name, a duration, and a reason when it fails.
 */
#ifndef EDGECTL_CALL_H
#define EDGECTL_CALL_H

#include <jansson.h>

#include "edgectl/call/test_plan.h"

/* Run it; the report is the caller's, NULL when out of memory:
 * {"ok", "from", "to", "steps": [{name, ok, ms}], "failed": {step, text},
 *  "call": {established, setup_ms, media, relay}, "ladder": [...]}. */
json_t *call_run(const struct test_plan *plan);
/* Sign in and out outside only. */
json_t *call_register(const struct test_plan *plan);
/* The report for people. */
void call_text(FILE *to, const json_t *report);

#endif
