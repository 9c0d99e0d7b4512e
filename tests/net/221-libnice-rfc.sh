#!/bin/sh
# libnice as a client of RFC 8656 over UDP: a call from outside to inside,
# relay to relay; then with the client outside behind a masquerading NAT, and
# then while one datagram in nine is lost on every leg.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

lab_setup
lab_up
nice_pair rfc udp 200
nice_dialect rfc || fail "allocations: $(lab_ctl allocations --json)"
nice_masquerade
nice_pair rfc udp 200
nice_lose
NICE_PACKETS=300
nice_pair rfc udp 150
lab_ok "libnice, RFC 8656 over UDP"
