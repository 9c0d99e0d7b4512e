#!/bin/sh
# One external address and port for clients and partners: a certificate is
# asked for and not required, and tells the two apart. baresip and linphone
# come as clients, Kamailio as a partner; they call each other.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"
. "$(dirname "$0")/linphone.sh"

TOPOLOGY_MORE='partners: {example.test: allow}'
partners_setup
sed -i 's/access: {name: sip.contoso.test}/access: {name: sip.contoso.test, port: 5061, federation_port: 5061}/' \
	"$LAB/topology.yaml"
cat >>"$LAB/dns" <<'END'
srv-host=_sipfederationtls._tcp.example.test,sip.example.test,5061
address=/sip.example.test/203.0.113.77
END
echo "203.0.113.77 sip.example.test" >>"$LAB/hosts"
lab_dns
partners_dns
lab_up
kamailio_up
partners_kamailio example.test sip.example.test
kamailio_up

_srtp=';mediaenc=srtp-mand'
baresip_config "$LAB/alice" "$LAB/tls/external-ca.crt" 440 198.51.100.77 5551
baresip_account "$LAB/alice" alice \
	"sip:sip.contoso.test:5061;transport=tls" "$_srtp"
linphone_config "$LAB/carol" carol "$LAB/tls/external-ca.crt" \
	"sip:sip.contoso.test:5061;transport=tls" 660
BARESIP_DOMAIN=example.test
baresip_config "$LAB/bob" "$LAB/tls/external-ca.crt" 880 203.0.113.78 5552
baresip_account "$LAB/bob" bob "sip:sip.example.test:5061;transport=tls" \
	"$_srtp"
lab_spawn alice in_out baresip -4 -f "$LAB/alice" -v
lab_spawn bob in_out baresip -4 -f "$LAB/bob" -v
linphone_up in_out "$LAB/carol" carol
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"
# Asked for a certificate linphonec turns to its user, and waits.
lab_wait 15 "carol to be asked" grep -q 'Password for (null)' "$LAB/carol.log"
linphone_say "$LAB/carol" none
lab_wait 15 "carol to register" linphone_registered carol 1

partners_call in_out 5551 bob@example.test in_out 5552
partners_call in_out 5552 alice@contoso.test in_out 5551

# carol_reached STATE N
carol_reached() {
	[ "$(grep -c "to LinphoneCall$1" "$LAB/carol/trace")" -ge "$2" ]
}
linphone_say "$LAB/carol" "call sip:bob@example.test"
lab_wait 15 "carol's call to stand" carol_reached StreamsRunning 1
sleep 1
linphone_say "$LAB/carol" terminate
lab_wait 10 "carol's call to end" carol_reached Released 1
baresip_ask in_out 5552 dial sip:carol@contoso.test >/dev/null
lab_wait 15 "the call to carol to stand" carol_reached StreamsRunning 2
sleep 1
baresip_ask in_out 5552 hangup >/dev/null
lab_wait 10 "the call to carol to end" carol_reached Released 2

echo "# who came to that port, by the edge's own account"
lab_ctl connections --json >"$LAB/connections.json" || fail "connections"
python3 - "$LAB/connections.json" <<'END' || fail "$(cat "$LAB/connections.json")"
import json, sys
rows = json.load(open(sys.argv[1]))["connections"]
came = [r for r in rows if r["local"].endswith("198.51.100.10:5061")]
roles = sorted({r["peer"] for r in came})
assert roles == ["client", "partner"], roles
assert len({r["user"] for r in came if r["peer"] == "client"}) == 2, came
END
# Without a certificate nobody speaks for a partner there.
in_out tests/net/fed.py send --ca "$LAB/tls/external-ca.crt" \
	--bind 203.0.113.78 --from sip:bob@example.test >"$LAB/said.json"
[ "$(lab_json "$LAB/said.json" codes)" = "{'403': 1}" ] ||
	fail "without a certificate: $(cat "$LAB/said.json")"
lab_ok "clients and a partner on one port, calls between them"
