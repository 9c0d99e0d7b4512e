#!/bin/sh
# coturn's client over TCP and TLS, on both sides: relaying, refusals, the
# credentials' port, and a connection that dies takes its allocation along.
. "$(dirname "$0")/lib.sh"

SETTINGS_AUTH='max_token_lifetime: 8h'
SETTINGS_AV='allow_peers: [198.51.100.78/32]'
lab_setup
lab_cert av external-ca av.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_up

lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "credentials issue"
USER=$(lab_json "$LAB/cred.json" username)
PASS=$(lab_json "$LAB/cred.json" password)
grep -q '"tcp_port": *443' "$LAB/cred.json" ||
	fail "the credential names no TCP port: $(cat "$LAB/cred.json")"

# uclient NS SERVER USER PASSWORD MORE...: client-to-client (-y), both ends
# are relay addresses of ours.
uclient() {
	_ns=$1
	_server=$2
	_user=$3
	_pass=$4
	shift 4
	"$_ns" timeout 60 turnutils_uclient -c -y -n 50 -m 5 -l 171 -p 443 \
		-u "$_user" -w "$_pass" "$@" "$_server" 2>&1
}

# allocations: how many there are.
allocations() {
	lab_ctl allocations --json | python3 -c \
		'import json,sys; print(len(json.load(sys.stdin)["allocations"]))'
}
is_empty() { [ "$(allocations)" -eq 0 ]; }

# relays WHAT MORE...: without loss on both sides at once; nothing is left.
relays() {
	_mode=$1
	shift
	uclient in_out 198.51.100.30 "$USER" "$PASS" "$@" >"$LAB/out.txt" &
	_outside=$!
	uclient in_in 10.0.0.10 "$USER" "$PASS" "$@" >"$LAB/in.txt" ||
		fail "$_mode inside: $(tail -5 "$LAB/in.txt")"
	wait "$_outside" || fail "$_mode outside: $(tail -5 "$LAB/out.txt")"
	for _side in out in; do
		grep -q 'Total lost packets 0 ' "$LAB/$_side.txt" ||
			fail "$_mode, loss: $(tail -8 "$LAB/$_side.txt")"
	done
	# They leave allocations behind: the connection's end is enough.
	lab_wait 3 "the allocations to end" is_empty
	echo "$_mode: no loss"
}
relays "tcp, channels" -t
relays "tcp, indications" -t -s
relays "tls, channels" -t -S
relays "tls, indications" -t -S -s -E "$LAB/tls/external-ca.crt"

# To a peer in the network, which echoes.
lab_spawn peer ip netns exec "$OUT" turnutils_peer -L 198.51.100.78 -p 3480
lab_listens in_out 3480
in_in timeout 60 turnutils_uclient -t -S -c -n 50 -m 3 -l 333 -p 443 \
	-e 198.51.100.78 -u "$USER" -w "$PASS" 10.0.0.10 \
	>"$LAB/echo.txt" 2>&1 || fail "echo: $(tail -5 "$LAB/echo.txt")"
grep -q 'Total lost packets 0 ' "$LAB/echo.txt" ||
	fail "echo, loss: $(tail -8 "$LAB/echo.txt")"

# refused WHAT USER PASSWORD MORE...
refused() {
	_case=$1
	_user=$2
	_pass=$3
	shift 3
	if uclient in_out 198.51.100.30 "$_user" "$_pass" "$@" \
		>"$LAB/refused.txt"; then
		fail "$_case was served: $(tail -3 "$LAB/refused.txt")"
	fi
	echo "$_case: refused"
}
FORGED=$(printf '%s' "$USER" | python3 -c '
import base64, sys
b = bytearray(base64.b64decode(sys.stdin.read())); b[20] ^= 1
print(base64.b64encode(bytes(b)).decode())')
refused "wrong password over tcp" "$USER" "AAAA$PASS" -t
refused "wrong password over tls" "$USER" "AAAA$PASS" -t -S
refused "forged user over tcp" "$FORGED" "$PASS" -t
lab_wait 3 "nothing to be left" is_empty

# A process that is killed in its call.
lab_spawn hung ip netns exec "$OUT" turnutils_uclient -h -t -c -y -n 50 \
	-m 2 -p 443 -u "$USER" -w "$PASS" 198.51.100.30
has_some() { [ "$(allocations)" -gt 0 ]; }
lab_wait 10 "allocations" has_some
kill -9 "$SPAWNED"
lab_wait 3 "the dead client's allocations to end" is_empty

# The certificate is the one of edge.yaml, and of TLS 1.2 at least.
echo | in_out timeout 10 openssl s_client -connect 198.51.100.30:443 \
	-CAfile "$LAB/tls/external-ca.crt" -verify_return_error \
	-verify_hostname av.contoso.test >"$LAB/s_client.txt" 2>&1 ||
	fail "s_client: $(tail -5 "$LAB/s_client.txt")"

lab_ctl ports --json >"$LAB/ports.json"
python3 - "$LAB/ports.json" <<'PY' || fail "ports: $(cat "$LAB/ports.json")"
import json, sys
rows = [r for r in json.load(open(sys.argv[1]))["ports"]
        if r.get("usage") == "turn-tcp"]
assert {r["side"] for r in rows} == {"internal", "external"}, rows
assert all(r["state"] == "open" and r["port"] == 443 for r in rows), rows
assert {r["device"] for r in rows} == {"ext0", "int0"}, rows
PY
lab_ctl doctor >"$LAB/doctor.txt" 2>&1 || true
grep -q 'external-av.*for av-edge' "$LAB/doctor.txt" ||
	fail "the doctor and external-av: $(cat "$LAB/doctor.txt")"
if grep -i 'fail.*443' "$LAB/doctor.txt"; then
	fail "the doctor does not like 443"
fi

# Renewed: new connections see it, at the next look at the files.
lab_cert av external-ca av.contoso.test renewed.contoso.test
lab_ctl reload >/dev/null 2>&1 || true
is_renewed() {
	echo | in_out timeout 10 openssl s_client \
		-connect 198.51.100.30:443 2>/dev/null |
		openssl x509 -noout -text | grep -q renewed.contoso.test
}
lab_wait 20 "the renewed certificate" is_renewed

# Another port, below 1024, while a call is up: it is asked for without root,
# the old one takes nobody any more, and the call goes on.
in_out timeout 60 turnutils_uclient -t -c -y -n 400 -m 2 -l 171 -p 443 \
	-u "$USER" -w "$PASS" 198.51.100.30 >"$LAB/moved.txt" 2>&1 &
MOVED=$!
lab_wait 10 "the call" has_some
sed -i 's/av: {name: av.contoso.test}/av: {name: av.contoso.test, tcp_port: 444}/' \
	"$LAB/topology.yaml"
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "another port: $(cat "$LAB/apply.log")"
greets() {
	echo | in_out timeout 10 openssl s_client -connect "198.51.100.30:$1"
}
lab_wait 10 "TURN on port 444" greets 444
if greets 443 >/dev/null 2>&1; then
	fail "443 still answers"
fi
wait "$MOVED" || fail "the call ended: $(tail -5 "$LAB/moved.txt")"
grep -q 'Total lost packets 0 ' "$LAB/moved.txt" ||
	fail "the call lost packets: $(tail -8 "$LAB/moved.txt")"
sed -i 's/, tcp_port: 444//' "$LAB/topology.yaml"
lab_ctl topology apply "$LAB/topology.yaml" >"$LAB/apply.log" 2>&1 ||
	fail "back to 443: $(cat "$LAB/apply.log")"

# Without one: TLS is closed, TCP goes on.
sed -i '/external-av:/d' "$LAB/edge.yaml"
for pid in $(ip netns pids "$EDGE"); do
	lab_end "$pid"
done
lab_spawn up in_edge edgectl -c "$LAB/edge.yaml" up
lab_wait 20 "the suite to serve" lab_is_serving
refused "tls without a certificate" "$USER" "$PASS" -t -S
relays "tcp without a certificate" -t
lab_ok "TURN over TCP and TLS"
