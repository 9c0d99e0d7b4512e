/* The synthetic call's figures, as JSON and for people. */
#ifndef EDGECTL_CALL_REPORT_H
#define EDGECTL_CALL_REPORT_H

#include <jansson.h>

#include "edgectl/probe/probe_srtp.h"

struct call_streams {
	const struct probe_srtp *outside; /* NULL = never opened */
	const struct probe_srtp *inside;
};

/* {"sent", "received", "lost", ..., "outside_to_inside": {...},
 *  "inside_to_outside": {...}}: what each end sent, the other counted. */
json_t *call_report_media(const struct call_streams *streams);

#endif
