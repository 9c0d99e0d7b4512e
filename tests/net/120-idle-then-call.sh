#!/bin/sh
# A registered client that is silent but for its keep-alives stays reachable
# beyond every timer of the edge, and one that is silent altogether is let go:
# timers shortened by settings. baresip with outbound (RFC 5626) outside.
SETTINGS_ACCESS='flow_timer: 10s, max_keep_alive_interval: 1m'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"

lab_setup
lab_up
lab_dns
kamailio_up
baresip_config "$LAB/alice" "$LAB/tls/external-ca.crt" 440 198.51.100.77 5551
baresip_account "$LAB/alice" alice "sip:sip.contoso.test:443;transport=tls" \
	';mediaenc=srtp-mand;sipnat=outbound'
sed -i 's/regint=60/regint=600/' "$LAB/alice/accounts"
lab_spawn alice in_out baresip -4 -f "$LAB/alice" -v
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
count() {
	lab_ctl connections --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["connections"]
print(sum(r.get("remote", "").startswith(sys.argv[1]) for r in rows))' "$1"
}
[ "$(count 198.51.100.77)" -eq 1 ] || fail "alice has no connection"

# A client that only connects and says nothing more after its REGISTER.
in_out python3 - "$LAB/tls/external-ca.crt" "$LAB/silent" <<'EOF' &
import socket, ssl, sys, time
c = ssl.create_default_context(cafile=sys.argv[1])
raw = socket.create_connection(("198.51.100.10", 443), 5, ("198.51.100.79", 0))
s = c.wrap_socket(raw, server_hostname="sip.contoso.test")
s.sendall(b"REGISTER sip:contoso.test SIP/2.0\r\n"
          b"Via: SIP/2.0/TLS 198.51.100.79:5;branch=z9hG4bKq\r\n"
          b"Max-Forwards: 70\r\nFrom: <sip:eve@contoso.test>;tag=1\r\n"
          b"To: <sip:eve@contoso.test>\r\nCall-ID: q\r\n"
          b"CSeq: 1 REGISTER\r\nContact: <sip:eve@198.51.100.79:5>\r\n"
          b"Content-Length: 0\r\n\r\n")
s.settimeout(90)
t = time.time()
while s.recv(4096):
    pass
open(sys.argv[2], "w").write("%.0f" % (time.time() - t))
EOF
LAB_PIDS="$LAB_PIDS $!"

echo "silence for 75 s"
sleep 75
[ "$(count 198.51.100.77)" -eq 1 ] || fail "alice's connection is gone"
[ "$(grep -c '200 OK' "$LAB/alice.log")" -eq 1 ] ||
	fail "alice had to register again"
lab_wait 70 "the silent client to be let go" test -s "$LAB/silent"
echo "silent client closed after $(cat "$LAB/silent") s"

# Now a call from inside comes in over the connection that idled.
baresip_config "$LAB/bob" "$LAB/tls/internal-ca.crt" 880 10.0.0.77 5552
baresip_account "$LAB/bob" bob "sip:fe.int.contoso.test:5061;transport=tls" \
	';mediaenc=srtp-mand'
lab_spawn bob in_in baresip -4 -f "$LAB/bob" -v
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"
baresip_ask in_in 5552 dial sip:alice@contoso.test >/dev/null
lab_wait 15 "the call to be established" \
	grep -q 'Call established' "$LAB/alice.log"
sleep 2 # baresip tells the end of a call that lasted a second
baresip_ask in_in 5552 hangup >/dev/null
lab_wait 10 "the call to end" grep -q 'terminated (duration' "$LAB/alice.log"
lab_ok "idle, then a call"
