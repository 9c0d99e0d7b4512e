/* Admission of inside servers by what their certificate says. */
#ifndef STORE_TRUSTED_H
#define STORE_TRUSTED_H

#include "common/net/tls.h"
#include "common/store/topology.h"

/* The row that gives this peer this right, or NULL and *cause tells why: no
 * verified certificate, no name with the right, or not the pinned key. */
const struct topology_trust *trusted_find(const struct topology *t,
	enum topology_grant grant, const struct tls_peer *peer,
	const char **cause);

#endif
