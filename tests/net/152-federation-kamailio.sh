#!/bin/sh
# A plain SIP server as the partner: Kamailio outside serves example.test and
# talks to the edge over mutual TLS, found by its SRV record, its Routes
# being addresses. Calls both ways, hung up by either side.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/partners.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"

TOPOLOGY_MORE='partners: {example.test: allow}'
partners_setup
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

baresip_config "$LAB/alice" "$LAB/tls/internal-ca.crt" 440 10.0.0.77 5551
baresip_account "$LAB/alice" alice "sip:fe.int.contoso.test:5061;transport=tls"
BARESIP_DOMAIN=example.test
baresip_config "$LAB/bob" "$LAB/tls/external-ca.crt" 880 203.0.113.78 5552
baresip_account "$LAB/bob" bob "sip:sip.example.test:5061;transport=tls"
lab_spawn alice in_in baresip -4 -f "$LAB/alice" -v
lab_spawn bob in_out baresip -4 -f "$LAB/bob" -v
lab_wait 15 "alice to register" grep -q '200 OK' "$LAB/alice.log"
lab_wait 15 "bob to register" grep -q '200 OK' "$LAB/bob.log"

partners_call in_in 5551 bob@example.test in_in 5551
partners_call in_in 5551 bob@example.test in_out 5552
partners_call in_out 5552 alice@contoso.test in_out 5552
partners_call in_out 5552 alice@contoso.test in_in 5551
# One connection each way will do; Kamailio's own is used, too.
lab_ctl partners list --json >"$LAB/list.json" || fail "list"
[ "$(lab_json "$LAB/list.json" servers.0.name)" = sip.example.test ] ||
	fail "servers: $(cat "$LAB/list.json")"
lab_ctl doctor >"$LAB/doctor.txt" || true # of what this lab leaves out
grep -q 'ok *federation record: _sipfederationtls._tcp.contoso.test is sip.contoso.test:5061' \
	"$LAB/doctor.txt" || fail "doctor: $(cat "$LAB/doctor.txt")"
lab_ok "Kamailio as a partner: four calls, hung up from both sides"
