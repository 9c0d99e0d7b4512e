/*
 * Which id a conferencing server may register. Ids lead clients to servers:
 * whoever registers another one's first would be asked for its conferences.
 * The topology can bind them (webconf_id of a trusted server); an id that
 * nobody is bound to belongs to whom it comes first.
 */
#ifndef WEBCONF_EDGE_ID_RIGHT_H
#define WEBCONF_EDGE_ID_RIGHT_H

#include <stdint.h>

#include "common/store/topology.h"
#include "common/wce/wce_frame.h"

/* NULL: it may. Else why not, for the log. name: of its row. */
const char *id_right_refusal(const struct topology *t, const char *name,
	const uint8_t id[static WCE_ID_LEN]);

#endif
