#!/bin/sh
# A new topology and a renewed certificate while a call is up: no daemon is
# restarted, no packet is lost, new connections see the new certificate. A bad
# certificate and a bad topology change nothing and are reported.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"

lab_setup
ALICE=$(lab_secret secret-alice)
BOB=$(lab_secret secret-bob)
lab_up
lab_dns
kamailio_up

pids() { for d in access-edge av-auth av-edge; do lab_pid $d; done; }
serial() {
	in_out openssl s_client -connect 198.51.100.10:443 \
		-servername sip.contoso.test </dev/null 2>/dev/null |
		openssl x509 -noout -serial
}
BEFORE=$(pids)
OLD=$(serial)

# The outside end of the synthetic call has to run outside and the inside
# end inside; the edge's namespace reaches both.
lab_call() {
	lab_ctl test call --from sip:alice@contoso.test --password-file "$ALICE" \
		--to sip:bob@contoso.test --inside-password-file "$BOB" --json "$@"
}
lab_call --seconds 9 >"$LAB/call.json" 2>"$LAB/call.log" &
CALL=$!
sleep 2

# 1. A certificate renewed, by putting new files in place.
lab_cert public external-ca sip.contoso.test webcon.contoso.test
swapped() { [ "$(serial)" != "$OLD" ]; }
lab_wait 12 "the renewed certificate to be served" swapped
echo "certificate: $OLD -> $(serial)"

# 2. A setting changed.
sed -i 's/access-edge: {/access-edge: {flow_timer: 77s/' "$LAB/topology.yaml"
lab_ctl topology plan "$LAB/topology.yaml" | grep -q flow_timer ||
	fail "plan does not show the change"
lab_ctl topology apply "$LAB/topology.yaml" >/dev/null || fail "apply"
curl -s --unix-socket "$LAB/run/access-edge.sock" \
	http://localhost/v1/config | grep -q 77 ||
	fail "access-edge does not use the new setting"

# 3. A topology that says nonsense is refused with its place.
sed 's/flow_timer/flow_tiemr/' "$LAB/topology.yaml" >"$LAB/bad.yaml"
if lab_ctl topology apply "$LAB/bad.yaml" >"$LAB/bad.txt" 2>&1; then
	fail "a misspelt setting was applied"
fi
grep -q "bad.yaml:[0-9]*:.*flow_timer" "$LAB/bad.txt" ||
	fail "R7: no place or suggestion: $(cat "$LAB/bad.txt")"
head -1 "$LAB/bad.txt"

# 4. A certificate that can't be used: the old one goes on, and status says so.
NOW=$(serial)
echo nonsense >"$LAB/tls/public.crt"
if lab_ctl reload access-edge >"$LAB/reload.txt" 2>&1; then
	fail "reload took a bad certificate: $(cat "$LAB/reload.txt")"
fi
grep -q 'public\.crt' "$LAB/reload.txt" ||
	fail "reload does not name the file: $(cat "$LAB/reload.txt")"
complains() {
	lab_ctl status --json | grep -q 'public\.crt'
}
lab_wait 12 "the bad certificate to be reported" complains
[ "$(serial)" = "$NOW" ] || fail "the bad certificate changed something"

wait $CALL || fail "the call failed: $(cat "$LAB/call.json" "$LAB/call.log")"
[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
	fail "packets lost: $(cat "$LAB/call.json")"
[ "$BEFORE" = "$(pids)" ] || fail "a daemon was restarted"
echo "call: $(lab_json "$LAB/call.json" call.media.sent) packets, 0 lost"

# 5. Undone.
lab_ctl topology rollback >/dev/null || fail "rollback"
curl -s --unix-socket "$LAB/run/access-edge.sock" \
	http://localhost/v1/config >"$LAB/config.json"
! grep -q 77 "$LAB/config.json" || fail "rollback did not reach access-edge"
lab_ok "reload under a call"
