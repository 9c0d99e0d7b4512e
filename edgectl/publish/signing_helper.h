/*
 * A process of its own that runs the commands that sign, so that the one
 * that talks to the network may be kept from starting any program.
 */
#ifndef EDGECTL_PUBLISH_SIGNING_HELPER_H
#define EDGECTL_PUBLISH_SIGNING_HELPER_H

#include "edgectl/publish/signing.h"

/* From here on commands among the signers are run by a child, which ends
 * when s does and whose death is a SIGCHLD. Before the first thread. Without
 * commands nothing happens. */
EDGE_MUST int signing_delegate(struct signing *s, struct why *why);

#endif
