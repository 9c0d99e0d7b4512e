#!/bin/sh
# The synthetic call with Kamailio inside, digest authentication and Path,
# run on the edge itself as an administrator would: both ways, and every
# failure names its step and its cause.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"

lab_setup
ALICE=$(lab_secret secret-alice)
BOB=$(lab_secret secret-bob)
WRONG=$(lab_secret wrong)
lab_up

call() {
	lab_ctl test call --from sip:alice@contoso.test \
		--to sip:bob@contoso.test --seconds 2 --json "$@" \
		>"$LAB/call.json"
}
good() {
	call --password-file "$ALICE" --inside-password-file "$BOB" "$@" ||
		fail "call $*: $(cat "$LAB/call.json")"
	[ "$(lab_json "$LAB/call.json" call.media.lost)" = 0 ] ||
		fail "call $* lost packets: $(cat "$LAB/call.json")"
}
# bad STEP TEXT [OPTION...]
bad() {
	_step=$1
	_text=$2
	shift 2
	_got=0
	call "$@" || _got=$?
	[ "$_got" -eq 1 ] || fail "status $_got: $(cat "$LAB/call.json")"
	[ "$(lab_json "$LAB/call.json" failed.step)" = "$_step" ] ||
		fail "wrong step: $(cat "$LAB/call.json")"
	lab_json "$LAB/call.json" failed.text | grep -q "$_text" ||
		fail "wrong cause: $(cat "$LAB/call.json")"
}

echo "# nobody inside yet"
bad 'register outside' 'answered 50' --password-file "$ALICE" \
	--inside-password-file "$BOB"

lab_dns
kamailio_up
lab_wait 20 "the way inside" lab_ctl test registration \
	--user sip:alice@contoso.test --password-file "$ALICE"

echo "# calls both ways"
good
good --reverse
for i in 1 2 3; do good; done

echo "# every failure by name"
bad 'register outside' 'a password is needed'
bad 'register outside' 'wrong user or password' --password-file "$WRONG"
bad 'register inside' 'wrong user or password' --password-file "$ALICE" \
	--inside-password-file "$WRONG"
bad 'connect outside' 'certificate' --password-file "$ALICE" \
	--access-name other.contoso.test
bad 'connect outside' '' --trust "$LAB/tls/foreign-ca.crt"
bad 'connect outside' 'refused' --access 198.51.100.10:444
bad 'connect inside' '' --inside 10.0.0.20:5999 --password-file "$ALICE"
bad 'allocate outside' 'no answer' --password-file "$ALICE" \
	--inside-password-file "$BOB" --outside-relay 198.51.100.30:3999

echo "# nothing stays allocated or registered"
lab_ctl allocations --json >"$LAB/allocations.json" || fail "allocations"
[ "$(lab_json "$LAB/allocations.json" allocations)" = '[]' ] ||
	fail "left: $(cat "$LAB/allocations.json")"

lab_ok "synthetic calls through Kamailio"
