/*
 * The certificate that a publisher shows to the edges, looked at before the
 * first of them refuses it.
 */
#ifndef EDGECTL_PUBLISH_OWN_CERTIFICATE_H
#define EDGECTL_PUBLISH_OWN_CERTIFICATE_H

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/publish/publish_conf.h"

/* Files that are there and belong together, and our name among its names. */
EDGE_MUST int own_certificate_check(const struct publish_conf *conf,
	struct why *why);
/* Is it valid at this moment? Not a matter for a service, which may be given
 * a new one at any time. */
EDGE_MUST int own_certificate_in_time(const struct publish_conf *conf,
	struct why *why);

#endif
