#!/bin/sh
# libnice over TCP 443: as a client of MS-TURN with its framing and with
# pseudo-TLS before it, which have TCP relay ports, and one of each; and as a
# client of RFC 8656, whose relay ports are UDP. Relay to relay, media counted
# at both far ends; then with the client outside behind a masquerading NAT.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

NICE_PACKETS=100
lab_setup
lab_up
nice_pair ms tcp 100 443 443
[ "$(nice_count requests 'method="ms-set-destination"')" -ge 2 ] ||
	fail "no active destination was set"
[ "$(nice_count connections_made 'dialect="ms-turn"')" -ge 2 ] ||
	fail "no connection began with MS framing"
[ "$(nice_count packets_relayed 'direction="to-peer"')" -ge 200 ] ||
	fail "media was not counted"
nice_pair ms tls 100 443 443
[ "$(nice_count connections_made 'dialect="ms-turn-pseudo-tls"')" -ge 2 ] ||
	fail "no connection began with the pseudo-TLS greeting"
nice_masquerade
nice_pair ms tls 100 443 443
nice_pair ms tcp 100 443 443
nice_pair rfc tcp 100 443 443
[ "$(nice_count connections_made 'dialect="turn"')" -ge 2 ] ||
	fail "no connection of RFC 8656"
lab_ok "libnice over TCP"
