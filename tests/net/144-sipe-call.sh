#!/bin/sh
# A call between two clients of Microsoft's dialect that are not ours, SIPE
# outside and SIPE inside: ICE as Office Communicator does it, the media
# through the relay with the credentials of av-auth, a tone of another pitch
# each way.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/front_end.sh"

lab_setup
lab_up
front_end_up
lab_dns
sipe alice in_out sip.contoso.test:443 public 440
sipe carol in_in fe.int.contoso.test:5061 fe 880
sipe_ready alice
sipe_ready carol
echo 'call sip:carol@contoso.test' >"$LAB/alice.in"
lab_wait 40 "carol to hear alice" grep -q '^hears 4[34]' "$LAB/carol.log"
lab_wait 40 "alice to hear carol" grep -q '^hears 8[78]' "$LAB/alice.log"
# Neither reaches the other but through the relay, which knows both dialects.
lab_ctl allocations --json >"$LAB/allocations.json"
lab_ctl allocations
python3 - "$LAB/allocations.json" <<'EOF'
import json, sys
rows = json.load(open(sys.argv[1]))["allocations"]
assert {r["dialect"] for r in rows} == {"ms-turn"}, rows
assert {r["side"] for r in rows} == {"external", "internal"}, rows
EOF
echo hangup >"$LAB/alice.in"
lab_wait 30 "the call to end" grep -q '^call ended' "$LAB/carol.log"
lab_ok "SIPE: a call through the relay"
