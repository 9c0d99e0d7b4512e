/* A user agent's account: registration, and relay credentials by SERVICE. */
#ifndef EDGECTL_PROBE_ACCOUNT_H
#define EDGECTL_PROBE_ACCOUNT_H

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe_mras.h"
#include "edgectl/probe/probe_sip.h"

struct probe_account {
	struct probe_sip *sip; /* borrowed */
	char call_id[40];
	char from[400];    /* with tag */
	char instance[64]; /* "<urn:uuid:...>" */
	uint32_t cseq;
	uint32_t granted_s; /* by the registrar */
};

void probe_account_init(struct probe_account *a, struct probe_sip *sip);
/* expires_s 0 takes the registration back. */
EDGE_MUST int probe_account_register(struct probe_account *a,
	uint32_t expires_s, struct why *why);
/* Ask mras_uri; location "internet" or "intranet". */
EDGE_MUST int probe_account_credentials(struct probe_account *a,
	const char *mras_uri, const char *location, struct probe_mras *out,
	struct why *why);

#endif
