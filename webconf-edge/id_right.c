/* A look at the rows of the topology; pure. */
#include "webconf-edge/id_right.h"

#include <string.h>

#include "common/base/str.h"

/* As people write it: with dashes, in letters of either case. */
static bool is_id(const char *uuid, const uint8_t id[static WCE_ID_LEN])
{
	char digits[2 * WCE_ID_LEN];
	uint8_t bytes[WCE_ID_LEN];
	size_t len = 0;

	for (; *uuid != '\0' && len < sizeof(digits); uuid++)
		if (*uuid != '-')
			digits[len++] = *uuid;
	return *uuid == '\0' && str_unhex((struct str){digits, len}, bytes,
		sizeof(bytes), &len) == 0 && len == sizeof(bytes) &&
	    memcmp(bytes, id, sizeof(bytes)) == 0;
}

const char *id_right_refusal(const struct topology *t, const char *name,
	const uint8_t id[static WCE_ID_LEN])
{
	for (size_t i = 0; i < t->trusted_count; i++) {
		const struct topology_trust *row = &t->trusted[i];
		bool is_own = str_ieq_z(str_of(name), row->fqdn);

		if (row->grant != TOPOLOGY_GRANT_WEBCONF ||
		    row->server_uuid[0] == '\0' ||
		    is_own == is_id(row->server_uuid, id))
			continue;
		return is_own ? "the topology gives it another webconf_id" :
				"this is the webconf_id of another server";
	}
	return NULL;
}
