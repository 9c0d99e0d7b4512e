#!/bin/sh
# A generation that does not concern a call is not noticed by it; one that a
# daemon refuses never becomes current; one that makes a daemon crash again
# and again is taken back, and the machine is pinned (R25, R29).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
ALICE=$(lab_secret secret-alice)
BOB=$(lab_secret secret-bob)
repl_setup
repl_bootstrap
lab_dns
kamailio_up

pids() { for d in access-edge av-auth av-edge; do lab_pid $d; done; }
BEFORE=$(pids)
lab_ctl test call --from sip:alice@contoso.test --password-file "$ALICE" \
	--to sip:bob@contoso.test --inside-password-file "$BOB" --json \
	--seconds 8 >"$LAB/call.json" 2>"$LAB/call.log" &
CALL=$!
sleep 2

# ---- one that is of no concern to the call -----------------------------------
repl_change 's/av-auth: {/av-auth: {max_token_lifetime: 4h, /'
repl_pub "$LAB/topology.yaml" --reason 'shorter credentials' \
	>"$LAB/publish.log" 2>&1 || fail "publish: $(cat "$LAB/publish.log")"
[ "$(repl_status current.serial)" = 2 ] || fail "it did not arrive"

# ---- one that a daemon refuses -------------------------------------------------
cp "$LAB/topology.yaml" "$LAB/good.yaml"
repl_change 's/access: 198.51.100.10/access: 198.51.100.99/'
if repl_pub "$LAB/topology.yaml" --reason 'an address of nobody' \
	>"$LAB/publish.log" 2>&1; then
	fail "the publisher thinks that all is well"
fi
grep -q 198.51.100.99 "$LAB/publish.log" ||
	fail "nobody says why: $(cat "$LAB/publish.log")"
[ "$(repl_status current.serial)" = 2 ] || fail "the refused one is current"
lab_ctl status --json >"$LAB/status.json"
! grep -q 00000001-0000000000000003 "$LAB/status.json" ||
	fail "a daemon runs the refused one"

wait $CALL || fail "the call failed: $(cat "$LAB/call.json" "$LAB/call.log")"
[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
	fail "packets lost: $(cat "$LAB/call.json")"
[ "$BEFORE" = "$(pids)" ] || fail "a daemon was restarted"
[ "$(repl_status pinned)" = false ] || lab_ctl topology unpin >/dev/null

# ---- one that a daemon crashes with -----------------------------------------------
cp "$LAB/good.yaml" "$LAB/topology.yaml"
repl_change 's/max_token_lifetime: 4h/max_token_lifetime: 5h/'
repl_pub "$LAB/topology.yaml" --reason 'crashes' >"$LAB/publish.log" 2>&1 ||
	fail "publish: $(cat "$LAB/publish.log")"
serial=$(repl_status current.serial)
crash() { # as a fault in it would
	kill -9 "$(lab_pid av-auth)"
	lab_wait 10 "av-auth to be back" lab_pid av-auth
	sleep 1
}
crash
[ "$(repl_status pinned)" = false ] || fail "one crash is held against it"
crash
reverted() { [ "$(repl_status pinned)" = true ]; }
lab_wait 10 "it to be taken back" reverted
[ "$(repl_status current.serial)" = 2 ] || fail "another one is current"
repl_status last_error.text | grep -q av-auth || fail "nobody says who crashed"
back() {
	lab_ctl status --json >"$LAB/status.json" &&
		[ "$(grep -o 00000001-0000000000000002 "$LAB/status.json" |
			wc -l)" -ge 4 ]
}
lab_wait 10 "all daemons to be back with the one before" back

# ---- and on ------------------------------------------------------------------------
lab_ctl topology unpin >/dev/null || fail "unpin"
repl_change 's/max_token_lifetime: 5h/max_token_lifetime: 6h/'
repl_pub "$LAB/topology.yaml" --reason mended >"$LAB/publish.log" 2>&1 ||
	fail "publish: $(cat "$LAB/publish.log")"
[ "$(repl_status current.serial)" -gt "$serial" ] || fail "it does not go on"
lab_ok "unnoticed by a call, refused before, taken back after"
