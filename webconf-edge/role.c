/*
 * The original's port 8057 speaks first: the server that dials stays the TLS
 * server. Ours serves both (docs/protocol/webconf.md 2). RFC 8446 5.1 and
 * RFC 5246 E.2 for what a ClientHello begins with.
 */
#include "webconf-edge/role.h"

#define RECORD_HANDSHAKE 0x16
#define V2_HEADER        0x80
#define V2_CLIENT_HELLO  0x01

enum role_verdict role_probe(const uint8_t *p, size_t len)
{
	if (len == 0)
		return ROLE_WAIT;
	if (p[0] == RECORD_HANDSHAKE)
		return ROLE_SERVER;
	/* SSLv2 form: two bytes of length, then the type. */
	if ((p[0] & V2_HEADER) == 0)
		return ROLE_NO_TLS;
	if (len < 3)
		return ROLE_WAIT;
	return p[2] == V2_CLIENT_HELLO ? ROLE_SERVER : ROLE_NO_TLS;
}
