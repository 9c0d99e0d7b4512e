#!/bin/sh
# Credentials from end to end: av-auth asked on its own port by servers with
# and without the right, keys rotated under a relay that watches them, a
# credential minted by a second implementation, an expired one, and av-auth
# killed while its credentials are in use.
. "$(dirname "$0")/lib.sh"

lab_setup
lab_up
KEY=$LAB/state/av-auth/pool.key

# ---- port 5062 -------------------------------------------------------------
BODY='<request requestID="1" version="2.0" to="sip:m@contoso.test" from="sip:alice@contoso.test" xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp"><credentialsRequest credentialsRequestID="1"><identity>sip:alice@contoso.test</identity><location>internet</location><duration>480</duration></credentialsRequest></request>'

# service NS CERTIFICATE [CONNECT]: a SERVICE over TLS; what came back.
service() {
	_cert=
	[ -z "$2" ] || _cert="-cert $LAB/tls/$2.crt -key $LAB/tls/$2.key"
	{
		printf 'SERVICE sip:edge.int.contoso.test:5062;grid SIP/2.0\r\n'
		printf 'Via: SIP/2.0/TLS 10.0.0.20:5061;branch=z9hG4bK%s\r\n' "$$$2"
		printf 'Max-Forwards: 69\r\n'
		printf 'From: <sip:alice@contoso.test>;tag=1;epid=0a\r\n'
		printf 'To: <sip:m@contoso.test;gruu;opaque=srvr:MRAS:a>\r\n'
		printf 'Call-ID: %s\r\nCSeq: 1 SERVICE\r\n' "$$$2"
		printf 'Content-Type: application/msrtc-media-relay-auth+xml\r\n'
		printf 'Content-Length: %d\r\n\r\n%s' "${#BODY}" "$BODY"
		sleep "$ANSWER_S"
	} | "$1" timeout 10 openssl s_client -quiet -no_ign_eof $_cert \
		-CAfile "$LAB/tls/internal-ca.crt" -verify_return_error \
		-verify_hostname edge.int.contoso.test \
		-connect "${3:-10.0.0.10:5062}" 2>&1 || true
}
ANSWER_S=5
service in_in fe >"$LAB/service.txt"
grep -q 'reasonPhrase="OK"' "$LAB/service.txt" ||
	fail "no credential for the front end: $(cat "$LAB/service.txt")"
grep -q 'av.contoso.test</hostName><udpPort>3478</udpPort><tcpPort>443</' \
	"$LAB/service.txt" || fail "relays: $(cat "$LAB/service.txt")"
ANSWER_S=1
for cert in stranger forged ''; do
	service in_in "$cert" >"$LAB/refused.txt"
	! grep -q 'SIP/2.0' "$LAB/refused.txt" ||
		fail "certificate '$cert' got an answer: $(cat "$LAB/refused.txt")"
done
service in_out fe 198.51.100.10:5062 >"$LAB/outside.txt"
! grep -q 'SIP/2.0' "$LAB/outside.txt" || fail "5062 answers outside"
echo "5062: the front end is served, nobody else is"

# ---- keys under a relay that watches them ----------------------------------
# field FILE NAME; issue FILE [OPTION...]
issue() {
	_file=$1
	shift
	lab_ctl credentials issue --user sip:alice@contoso.test --json "$@" \
		>"$_file" || fail "credentials issue"
}
# try USER PASSWORD: does the relay take it?
try() {
	in_out timeout 30 turnutils_uclient -c -y -n 5 -m 1 -l 172 -u "$1" \
		-w "$2" 198.51.100.30 >"$LAB/uclient.txt" 2>&1
}
# taken WHAT FILE, refused WHAT FILE
taken() {
	try "$(lab_json "$2" username)" "$(lab_json "$2" password)" ||
		fail "$1 is refused: $(tail -5 "$LAB/uclient.txt")"
	echo "$1: taken"
}
refused() {
	! try "$(lab_json "$2" username)" "$(lab_json "$2" password)" ||
		fail "$1 is taken"
	echo "$1: refused"
}
# settled FILE: the relay has seen the new key file.
settled() {
	lab_wait 20 "the relay to take the new key" try \
		"$(lab_json "$1" username)" "$(lab_json "$1" password)"
}
issue "$LAB/one.json"
taken "first credential" "$LAB/one.json"
lab_ctl credentials rotate >"$LAB/rotate.txt" || fail "rotate"
issue "$LAB/two.json"
settled "$LAB/two.json"
taken "credential of the old key" "$LAB/one.json"
lab_ctl credentials rotate --drop-old >"$LAB/rotate.txt" || fail "rotate"
issue "$LAB/three.json"
settled "$LAB/three.json"
refused "credential of a dropped key" "$LAB/two.json"

# ---- a second implementation, by docs/protocol/av-credential.md ------------
# mint SECONDS-FROM-NOW
mint() {
	python3 - "$KEY" "$1" <<'EOF'
import base64, hmac, json, struct, sys, time
line = [l for l in open(sys.argv[1]) if l.startswith("key ")][0].split()
sk = [bytes.fromhex(h) for h in line[3:6]]
mac = lambda k, d: hmac.new(k, d, "sha1").digest()
b64 = lambda d: base64.b64encode(d).decode()
ticks = int((time.time() + int(sys.argv[2]) + 11644473600) * 10**7)
while True:
    blob = struct.pack(">BBHII", 2, 0, 36, ticks & 0xffffffff, ticks >> 32)
    blob += mac(sk[0], b"sip:bob@contoso.test") + bytes(4)
    user = blob + mac(sk[1], blob)
    password = mac(sk[2], user)
    if user[-1] not in (0, 34) and password[0] != 34 and \
            password[-1] not in (0, 34):
        break
    ticks += 1
print(json.dumps({"username": b64(user), "password": b64(password)}))
EOF
}
mint 60 >"$LAB/minted.json"
taken "credential of the second implementation" "$LAB/minted.json"
mint -1 >"$LAB/expired.json"
refused "credential that expired a second ago" "$LAB/expired.json"

# ---- av-auth is killed -----------------------------------------------------
OLD=$(lab_pid av-auth)
before=$(sha256sum <"$KEY")
kill -9 "$OLD"
taken "credential while av-auth is dead" "$LAB/three.json"
restarted() {
	_new=$(lab_pid av-auth) && [ "$_new" != "$OLD" ]
}
lab_wait 10 "av-auth to be started again" restarted
[ "$(sha256sum <"$KEY")" = "$before" ] || fail "the key changed at the restart"
issue "$LAB/four.json"
taken "credential of the restarted av-auth" "$LAB/four.json"

# ---- no secret in any log (threat S16) -------------------------------------
for file in one two three four; do
	for field in username password; do
		! grep -rqF -- "$(lab_json "$LAB/$file.json" $field)" \
			"$LAB"/*.log || fail "$field of $file is in a log"
	done
done
for hex in $(sed -n 's/^key [0-9]* [0-9]* //p' "$KEY"); do
	! grep -rqF "$hex" "$LAB"/*.log || fail "a key is in a log"
done
lab_ok "credentials"
