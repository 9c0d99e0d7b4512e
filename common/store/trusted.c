/*
 * The certificate decides, addresses mean nothing: it must lead to our trust
 * anchor, one of its DNS names must have the right, and where the topology
 * pins a key it must be that key.
 */
#include "common/store/trusted.h"

#include "common/base/digest.h"

static const char *const NO_RIGHT[] = {
	[TOPOLOGY_GRANT_SIP] = "no name of the certificate has the right sip",
	[TOPOLOGY_GRANT_AV_AUTH] =
		"no name of the certificate has the right av-auth",
	[TOPOLOGY_GRANT_WEBCONF] =
		"no name of the certificate has the right webconf",
	[TOPOLOGY_GRANT_REPLICATION] =
		"no name of the certificate has the right replication",
};

const struct topology_trust *trusted_find(const struct topology *t,
	enum topology_grant grant, const struct tls_peer *peer,
	const char **cause)
{
	const struct topology_trust *row;

	*cause = "no certificate that our trust anchors vouch for";
	if (!peer->is_present || !peer->is_verified)
		return NULL;
	*cause = NO_RIGHT[grant];
	for (size_t i = 0; i < peer->name_count; i++) {
		row = topology_trusted(t, grant, peer->names[i]);
		if (row == NULL)
			continue;
		if (!row->has_pin || digest_eq(row->spki_sha256,
				peer->spki_sha256, sizeof(row->spki_sha256)))
			return row;
		*cause = "the key is not the pinned one";
	}
	return NULL;
}
