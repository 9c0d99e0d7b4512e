#!/bin/sh
# coturn's own clients against av-edge with issued credentials: relaying on
# both sides, wrong password, forged user.
. "$(dirname "$0")/lib.sh"

SETTINGS_AUTH='max_token_lifetime: 8h'
lab_setup
lab_up

lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)

in_out turnutils_stunclient -p 3478 198.51.100.30 >"$LAB/stun-out.txt" 2>&1
grep -q '198.51.100.77' "$LAB/stun-out.txt" ||
	fail "outside Binding: $(cat "$LAB/stun-out.txt")"
in_in turnutils_stunclient -p 3478 10.0.0.10 >"$LAB/stun-in.txt" 2>&1
grep -q '10.0.0.77' "$LAB/stun-in.txt" ||
	fail "inside Binding: $(cat "$LAB/stun-in.txt")"

# uclient NS SERVER USER PASSWORD [MORE]: client-to-client (-y), so both ends
# are relay addresses of ours; one allocation each (-c).
uclient() {
	_ns=$1
	_server=$2
	_user=$3
	_pass=$4
	shift 4
	"$_ns" timeout 60 turnutils_uclient -c -y -n 50 -m 5 -l 172 \
		-u "$_user" -w "$_pass" "$@" "$_server" 2>&1
}
# arrived WHAT: all that one end sent came to the other.
arrived() {
	grep -q 'tot_send_msgs=\([1-9][0-9]*\), tot_recv_msgs=\1$' \
		"$LAB/uclient.txt" &&
		grep -q 'Total lost packets 0 ' "$LAB/uclient.txt" ||
		fail "$1: $(tail -8 "$LAB/uclient.txt")"
}
for side in in_out:198.51.100.30 in_in:10.0.0.10; do
	uclient "${side%%:*}" "${side##*:}" "$USER" "$PASS" \
		>"$LAB/uclient.txt" || fail "uclient: $(tail -5 "$LAB/uclient.txt")"
	arrived "${side##*:}"
	echo "${side##*:}: $(grep -i 'total lost' "$LAB/uclient.txt" | tail -1)"
done
# Send and Data indications instead of channels.
uclient in_out 198.51.100.30 "$USER" "$PASS" -s >"$LAB/uclient.txt" ||
	fail "indications: $(tail -5 "$LAB/uclient.txt")"
arrived indications

# refused WHAT USER PASSWORD
refused() {
	if uclient in_out 198.51.100.30 "$2" "$3" >"$LAB/refused.txt"; then
		fail "$1 was served"
	fi
	echo "$1: refused"
}
refused "wrong password" "$USER" "AAAA$PASS"
FORGED=$(printf '%s' "$USER" | python3 -c '
import base64, sys
b = bytearray(base64.b64decode(sys.stdin.read())); b[20] ^= 1
print(base64.b64encode(bytes(b)).decode())')
refused "forged user" "$FORGED" "$PASS"
lab_ok "turnutils"
