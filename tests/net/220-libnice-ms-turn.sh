#!/bin/sh
# libnice as a client of MS-TURN over UDP, the dialect of Office Communicator:
# a call from outside to inside, relay to relay, media counted at both far
# ends; then with the client outside behind a masquerading NAT, and then while
# one datagram in nine is lost on every leg.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

lab_setup
lab_up
nice_pair ms udp 200
nice_dialect ms-turn || fail "allocations: $(lab_ctl allocations --json)"
[ "$(nice_count requests 'method="ms-set-destination"')" -ge 2 ] ||
	fail "no active destination was set"
[ "$(nice_count packets_relayed 'direction="hairpin"')" -ge 400 ] ||
	fail "media did not take the short cut"
nice_masquerade
nice_pair ms udp 200
nice_lose
NICE_PACKETS=300
nice_pair ms udp 150
lab_ok "libnice, MS-TURN over UDP"
