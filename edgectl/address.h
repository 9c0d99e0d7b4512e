/* Addresses that people give with an option: a literal, or a name. */
#ifndef EDGECTL_ADDRESS_H
#define EDGECTL_ADDRESS_H

#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/cmd.h"

#define ADDRESS_HOST_LEN 256

/* A literal without a port; *out stays when the option is not there. */
EDGE_MUST int address_option(struct addr *out, const struct cmd_call *call,
	const char *option, struct why *why);
/* "192.0.2.10:443" or "edge.example.com:443"; without a port it is the
 * fallback's. host is "" for a literal; else out has nothing but the port,
 * and the name is the caller's to look up. EDGE_ECONFIG. */
EDGE_MUST int address_read(struct addr *out, char host[static ADDRESS_HOST_LEN],
	const char *option, const char *text, uint16_t fallback,
	struct why *why);
/* Looked up as any program of this machine does it. advice: what to do when
 * it can't be found. */
EDGE_MUST int address_by_system(struct addr *out, const char *host,
	uint16_t port, const char *advice, struct why *why);

#endif
