/*
 * A synthetic participant: gets a ticket from the connector, joins through
 * the edge, and, when asked to, says something and waits for an answer.
 */
#ifndef EDGECTL_PROBE_WEBCONF_H
#define EDGECTL_PROBE_WEBCONF_H

#include <jansson.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/cmd.h"

/* The report is the caller's: {"ok", "ladder", "steps": [{name, ok, ms,
 * text}], "session"}. EDGE_ECONFIG when it could not be tried at all. */
EDGE_MUST int probe_webconf_run(json_t **report, const struct cmd_call *call,
	struct why *why);
void probe_webconf_text(FILE *to, const json_t *report);

#endif
