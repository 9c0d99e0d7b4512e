/* Who begins TLS on a connection that was just accepted. Pure. */
#ifndef WEBCONF_EDGE_ROLE_H
#define WEBCONF_EDGE_ROLE_H

#include <stddef.h>
#include <stdint.h>

enum role_verdict {
	ROLE_WAIT,   /* nothing to judge by yet */
	ROLE_SERVER, /* the peer sent a ClientHello */
	ROLE_NO_TLS, /* something else */
};

/* p: what the peer has said so far. Silence is for the caller's clock: who
 * stays silent wants a ClientHello from us. */
enum role_verdict role_probe(const uint8_t *p, size_t len);

#endif
