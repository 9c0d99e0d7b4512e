#!/bin/sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nice.sh"

lab_setup
lab_up
nice_pair ms tcp 200 443 443
lab_ctl allocations --json
nice_pair ms tls 200 443 443
lab_ok "libnice, MS-TURN over TCP"
