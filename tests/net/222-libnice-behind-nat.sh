#!/bin/sh
# The relay itself stands behind a one-to-one NAT outside: libnice, in both
# dialects, is shown the public address, and a call between the two relay
# ports works although nothing outside this process has that address.
AV_ADDRESS='{address: 198.51.100.30, nat: 203.0.113.30}'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

NICE_RELAY=203.0.113.30
lab_setup
lab_up
nice_pair ms udp 200
nice_pair rfc udp 200
lab_ok "libnice, public address of the relay"
