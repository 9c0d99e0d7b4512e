#!/bin/sh
# Allocations of a minute, which libnice refreshes after half of it, in the
# middle of a call: the port stays, numbers go on, nothing is lost.
SETTINGS_AV='default_lifetime: 1m'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

NICE_PACKETS=1700
lab_setup
lab_up
nice_pair ms udp 1700
# each end: challenged, made, refreshed
[ "$(nice_count requests 'method="ms-allocate"')" -ge 6 ] ||
	fail "no refresh was seen"
[ "$(nice_count requests_refused cause)" -eq 0 ] || fail "one was refused"
[ "$(nice_count packets_dropped 'reason="sequence"')" -eq 0 ] ||
	fail "numbers were taken for replays"
lab_ok "libnice refreshes in mid-call"
