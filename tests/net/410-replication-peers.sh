#!/bin/sh
# Foreign clients on port 4443: curl and openssl. Who has no right, the wrong
# authority, a certificate that is over, or takes too long, gets nowhere; and
# what a publisher sends is judged by its signatures alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/replication.sh"

lab_setup
repl_setup
repl_change "s/^settings:/settings:\n  replication-agent: {header_timeout: 2s, upload_timeout: 4s}/"
repl_bootstrap

# status CERTIFICATE ARGS...: the HTTP status of a request; 000 = none.
status() {
	repl_curl "$@" -o "$LAB/answer" -w '%{http_code}' 2>/dev/null || true
}

# ---- who may ----------------------------------------------------------------
[ "$(status cms $REPL_URL/status)" = 200 ] || fail "the publisher may not ask"
[ "$(lab_json "$LAB/answer" replica_fqdn)" = edge.int.contoso.test ] ||
	fail "the status names another machine"
[ "$(status stranger $REPL_URL/status)" = 403 ] ||
	fail "our authority alone is enough"
[ "$(status fe $REPL_URL/status)" = 403 ] || fail "the right sip is enough"
[ "$(status forged $REPL_URL/status)" = 000 ] ||
	fail "another authority's certificate is answered"
openssl req -new -key "$LAB/tls/cms.key" -subj /CN=cms.int.contoso.test \
	-addext subjectAltName=DNS:cms.int.contoso.test \
	-out "$LAB/tls/late.csr" 2>/dev/null
openssl x509 -req -in "$LAB/tls/late.csr" -copy_extensions copy \
	-CA "$LAB/tls/internal-ca.crt" -CAkey "$LAB/tls/internal-ca.key" \
	-days -1 -out "$LAB/tls/late.crt" 2>/dev/null ||
	fail "could not make an expired certificate"
cp "$LAB/tls/cms.key" "$LAB/tls/late.key"
[ "$(status late $REPL_URL/status)" = 000 ] ||
	fail "an expired certificate is answered"
in_in openssl s_client -connect 10.0.0.10:4443 -CAfile "$LAB/tls/internal-ca.crt" \
	</dev/null >"$LAB/nocert.log" 2>&1 || true
in_in sh -c 'printf "GET /replication/v1/status HTTP/1.1\r\nHost: x\r\n\r\n" |
	timeout 3 openssl s_client -quiet -connect 10.0.0.10:4443' \
	>"$LAB/nocert2.log" 2>&1 || true
! grep -q replica_fqdn "$LAB/nocert2.log" || fail "no certificate is needed"
for tls in -tls1 -tls1_1; do
	! in_in openssl s_client $tls -cipher 'ALL:@SECLEVEL=0' \
		-connect 10.0.0.10:4443 -cert "$LAB/tls/cms.crt" \
		-key "$LAB/tls/cms.key" </dev/null >"$LAB/old.log" 2>&1 ||
		fail "$tls is spoken"
done
in_in openssl s_client -tls1_2 -connect 10.0.0.10:4443 \
	-CAfile "$LAB/tls/internal-ca.crt" -verify_return_error \
	-cert "$LAB/tls/cms.crt" -key "$LAB/tls/cms.key" \
	</dev/null >"$LAB/tls12.log" 2>&1 || fail "TLS 1.2 does not work"
! in_out curl -sk --max-time 2 https://10.0.0.10:4443/ >/dev/null 2>&1 ||
	fail "port 4443 is open outside"

# ---- what is asked -----------------------------------------------------------
[ "$(status cms https://edge.int.contoso.test:4443/)" = 404 ] || fail "/"
cp "$LAB/answer" "$LAB/answer404"
[ "$(status cms https://edge.int.contoso.test:4443/v1/status)" = 404 ] ||
	fail "the bus is on 4443"
cmp -s "$LAB/answer" "$LAB/answer404" || fail "a 404 tells something"
[ "$(status cms -X DELETE $REPL_URL/status)" != 200 ] || fail "DELETE"
sha=$(printf '%064d' 0)
[ "$(status cms -T /etc/passwd -H 'Edge-Version: 1.9' \
	$REPL_URL/bundles/$sha)" = 400 ] || fail "/etc/passwd as a bundle"
[ "$(status cms -T "$LAB/first.edgb" -H 'Edge-Version: 1.1' \
	$REPL_URL/bundles/$sha)" = 400 ] || fail "a bundle under another name"
name=$(repl_status current.sha256)
[ "$(status cms -T "$LAB/first.edgb" -H 'Edge-Version: 1.1' \
	$REPL_URL/bundles/$name)" = 200 ] || fail "what is here already"
head -c 17000000 /dev/zero >"$LAB/big"
code=$(status cms -T "$LAB/big" -H 'Edge-Version: 1.9' \
	$REPL_URL/bundles/$sha)
[ "$code" = 413 ] || [ "$code" = 000 ] || fail "17 MB are answered with $code"
[ "$(status cms --data '{"epoch":1,"serial":9,"sha256":"'$sha'"}' \
	$REPL_URL/activate)" = 404 ] || fail "activated what was never staged"
[ "$(status cms --data "$(printf '[%.0s' $(seq 64))" \
	$REPL_URL/activate)" = 400 ] || fail "deep JSON"

# ---- signatures, not certificates, decide ------------------------------------
sed -e "s|signing.pem|other.pem|" -e "s|record.db|other.db|" \
	"$LAB/publisher.yaml" >"$LAB/other.yaml"
in_in edgectl publish key --publisher "$LAB/other.yaml" generate \
	>"$LAB/other.log" 2>&1 || fail "other key: $(cat "$LAB/other.log")"
if in_in edgectl publish --publisher "$LAB/other.yaml" \
	"$LAB/topology.yaml" >"$LAB/other.log" 2>&1; then
	fail "the right certificate with a strange key was believed"
fi
[ "$(repl_status current.sha256)" = "$name" ] || fail "something changed"

# ---- slow ones ----------------------------------------------------------------
# A handshake, a header, a body that does not come to its end.
lab_spawn slow1 in_in timeout 20 python3 -c '
import socket, time
s = socket.create_connection(("10.0.0.10", 4443))
time.sleep(15)'
slow() { # NAME TEXT
	lab_spawn "$1" in_in sh -c "(printf '$2'; sleep 15) |
		timeout 20 openssl s_client -quiet -connect 10.0.0.10:4443 \
		-cert '$LAB/tls/cms.crt' -key '$LAB/tls/cms.key'"
}
slow slow2 'GET /replication/v1/status HTTP/1.1\r\nX: '
slow slow3 'PUT /replication/v1/head HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello'
cut() {
	in_edge curl -s --unix-socket "$LAB/run/replication-agent.sock" \
		http://bus/metrics |
		grep -q "connections_cut_total{cause=\"$1\"} 1"
}
for cause in handshake header body; do
	lab_wait 10 "the slow $cause to be cut" cut $cause
done
# Who has no right does not get to send 16 MB.
head -c 1000000 /dev/zero >"$LAB/mega"
status stranger -T "$LAB/mega" -H 'Edge-Version: 1.9' \
	$REPL_URL/bundles/$sha >/dev/null
lab_wait 5 "a stranger's upload to be cut" cut no_right

# ---- many at once --------------------------------------------------------------
for i in $(seq 20); do
	lab_spawn "many$i" repl_curl cms -o /dev/null "$REPL_URL/status"
done
gets_through() { [ "$(status cms "$REPL_URL/status")" = 200 ]; }
lab_wait 10 "the publisher to get through" gets_through
# Silent ones hold all places: they are shown out early.
lab_spawn silent in_in timeout 20 python3 -c '
import socket, time
held = [socket.create_connection(("10.0.0.10", 4443)) for _ in range(16)]
time.sleep(15)'
crowd_is_cut() {
	in_edge curl -s --unix-socket "$LAB/run/replication-agent.sock" \
		http://bus/metrics |
		grep -q 'connections_cut_total{cause="crowded"} [1-9]'
}
lab_wait 10 "silent connections to be cut" crowd_is_cut
lab_wait 10 "the publisher to get past them" gets_through

# ---- long poll -----------------------------------------------------------------
repl_curl cms "$REPL_URL/events" >"$LAB/events.json"
next=$(lab_json "$LAB/events.json" next)
lab_spawn poll repl_curl cms -o "$LAB/event.json" \
	"$REPL_URL/events?after=$next&wait=55"
sleep 0.5
repl_change 's/av-edge: {/av-edge: {max_bandwidth_per_port_kb: 5000, /'
repl_pub "$LAB/topology.yaml" >"$LAB/publish.log" 2>&1 ||
	fail "publish: $(cat "$LAB/publish.log")"
lab_wait 5 "the poll to be answered" test -s "$LAB/event.json"
grep -q bundle.staged "$LAB/event.json" || fail "the poll tells something else"
lab_ok "strangers, forgers and slow ones get nowhere; signatures decide"
